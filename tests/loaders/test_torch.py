"""PyTorch's loader over the dataset and the stream: every item, the same bytes, by any workers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datagen.errors import ReleaseError
from datagen.loaders import PairBatchSampler, PairDataset, stream
from datagen.loaders.items import FIELDS
from tests.loaders.same import digest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")
WORKERS = [
    (0, None),
    (2, "fork"),
    pytest.param(4, "fork", marks=pytest.mark.slow),
    pytest.param(2, "spawn", marks=pytest.mark.slow),
    pytest.param(4, "spawn", marks=pytest.mark.slow),
]


def loader(dataset: Any, workers: int, start: str | None, **options: Any) -> Any:
    return torch.utils.data.DataLoader(
        dataset, num_workers=workers, multiprocessing_context=start, **options
    )


@pytest.mark.parametrize(("workers", "start"), WORKERS)
def test_any_workers_give_every_item_with_the_same_bytes(
    out: Path, workers: int, start: str | None
) -> None:
    kinds = ("real", "fake", "control")
    expected = [digest(item) for item in PairDataset(out, "train", kinds=kinds, fields=FIELDS)]
    dataset = PairDataset(out, "train", kinds=kinds, fields=FIELDS, transform=digest)
    dataset[0]  # a file is open when workers are forked
    found = loader(dataset, workers, start, batch_size=5, collate_fn=list)
    for _ in range(1 if start == "spawn" else 2):
        assert [one for batch in found for one in batch] == expected


@pytest.mark.parametrize(("workers", "start"), WORKERS)
def test_any_workers_stream_every_item(out: Path, workers: int, start: str | None) -> None:
    pytest.importorskip("webdataset")
    fields = ("mask", "landmarks_81", "other")
    expected = sorted(digest(item) for item in PairDataset(out, "train", fields=fields))
    pipeline = stream(out, "train", fields=fields, transform=digest, shuffle=8, seed=1)
    found = loader(pipeline, workers, start, batch_size=4, collate_fn=list)
    assert sorted(one for batch in found for one in batch) == expected


def test_batches_of_pairs_are_stacked_as_they_are(out: Path) -> None:
    dataset = PairDataset(out, "train", fields=FIELDS)
    sampler = PairBatchSampler(dataset, 8, seed=1)
    batches = list(loader(dataset, 2, "fork", batch_sampler=sampler))
    assert len(batches) == len(sampler) == 6
    for batch in batches:
        assert batch["image"].shape == (8, 96, 96, 3)
        assert batch["label"].tolist() == [0, 1] * 4
        assert batch["pair_id"][::2] == batch["pair_id"][1::2]
        assert batch["boundary"].shape == (8, 96, 96)
        assert batch["landmarks_81"].shape == (8, 81, 2)
        assert np.array_equal(batch["image"][0], batch["other"][1])


def test_a_training_resumes_though_workers_read_ahead(out: Path) -> None:
    dataset = PairDataset(out, "train", transform=digest)

    def batches(sampler: PairBatchSampler) -> Any:
        return iter(loader(dataset, 2, "fork", batch_sampler=sampler, collate_fn=list))

    expected = list(batches(PairBatchSampler(dataset, 8, seed=1)))
    sampler = PairBatchSampler(dataset, 8, seed=1)
    running = batches(sampler)
    done = [next(running), next(running)]
    state = sampler.state_dict(batches=len(done))
    del running
    resumed = PairBatchSampler(dataset, 8, seed=1)
    resumed.load_state_dict(state)
    assert done + list(batches(resumed)) == expected


def test_more_workers_than_tars_are_told_before_the_first_batch(out: Path) -> None:
    pytest.importorskip("webdataset")
    with pytest.raises(ReleaseError, match=r"3 workers \(1 x 3\) for 2 tars"):
        next(iter(loader(stream(out, "test"), 3, "fork", batch_size=4)))


def test_an_error_of_a_worker_keeps_its_type(copy: Path) -> None:
    dataset = PairDataset(copy, "test")
    for tar in (copy / "media").glob("*.tar"):
        tar.unlink()
    with pytest.raises(ReleaseError, match="is missing"):
        next(iter(loader(dataset, 1, "fork", batch_size=4)))


def test_the_readers_import_neither_torch_nor_webdataset(out: Path) -> None:
    program = (
        "import sys, datagen as dg\n"
        f"data = dg.loaders.PairDataset({str(out)!r}, 'test')\n"
        "batch = next(iter(dg.loaders.PairBatchSampler(data, 4, seed=1)))\n"
        "assert len(data.__getitems__(batch)) == 4\n"
        "print(sorted({'torch', 'webdataset', 'ray', 'mediapipe'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
