from __future__ import annotations

import pickle
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from datagen.errors import MissingExtraError, ReleaseError, UserError
from datagen.faces.forehead import landmarks_81
from datagen.loaders import ClipDataset, PairBatchSampler, PairDataset, stream
from datagen.loaders.clip_dataset import CLIP_FIELDS
from datagen.release.reader import Release
from tests.loaders.same import digest
from tests.support.releases import own_up

KINDS = ("clip_release", "lossless_clips", "frame_clips")


@pytest.fixture
def harmed(clip_release: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(clip_release, tmp_path / "harmed"))


@pytest.mark.parametrize("name", KINDS)
def test_items_are_the_clips_of_the_release(name: str, request: pytest.FixtureRequest) -> None:
    release = Release(request.getfixturevalue(name))
    dataset = ClipDataset(release, "train", fields=CLIP_FIELDS)
    pairs = list(release.pairs(split="train"))
    assert len(dataset) == 2 * len(pairs) > 0
    controls = 0
    for number, pair in enumerate(pairs):
        real, fake = dataset.__getitems__([2 * number, 2 * number + 1])
        assert np.array_equal(real["clip"], pair.real)
        assert np.array_equal(fake["clip"], pair.fake)
        assert np.array_equal(real["other"], fake["clip"])
        assert np.array_equal(fake["other"], real["clip"])
        assert np.array_equal(fake["mask"], pair.mask)
        assert not real["mask"].any()
        assert (real["label"], fake["label"]) == (0, 1)
        assert (real["fps"], real["stride"], real["motion"]) == (25, 1, "rendered")
        assert fake["has_control"] == (pair.control is not None)
        if pair.control is not None:
            assert np.array_equal(fake["control"], pair.control)
            controls += 1
        for item, row in ((real, pair.rows["real"]), (fake, pair.row)):
            _check_frames(item, release.frames(row))
    assert controls


def _check_frames(item: dict[str, Any], frames: Any) -> None:
    points = np.stack(frames["landmarks"].tolist()).reshape(-1, 68, 2)
    assert np.abs(item["landmarks"] - points).max() <= 0.0051
    assert np.array_equal(item["landmarks_81"][2], landmarks_81(item["landmarks"][2]))
    assert np.array_equal(item["box"], np.stack(frames["box"].tolist()))
    assert np.array_equal(item["pose"], frames[["yaw", "pitch", "roll"]].to_numpy(np.float32))
    assert item["manipulated"].tolist() == frames["manipulated"].tolist()
    assert item["source_frame"].tolist() == frames["source_frame"].tolist()


@pytest.mark.parametrize("name", KINDS)
def test_a_window_is_a_part_of_the_clip(name: str, request: pytest.FixtureRequest) -> None:
    release = request.getfixturevalue(name)
    whole = ClipDataset(release, "train", fields=CLIP_FIELDS)[1]
    windows = ClipDataset(release, "train", frames=2, start=1, fields=CLIP_FIELDS)
    for item, start in ((windows[1], 1), (windows[1, 2], 2)):
        assert item["start"] == start
        for key, value in item.items():
            if isinstance(value, np.ndarray):
                assert np.array_equal(value, whole[key][start : start + 2]), key
    for wrong in ((1, 3), (1, -1), (99, 0)):
        with pytest.raises((IndexError, UserError)):
            windows[wrong]


def test_windows_are_drawn_by_seed_and_epoch_and_equal_in_a_pair(clip_release: Path) -> None:
    dataset = ClipDataset(clip_release, "train", frames=1, start=None, seed=3)
    starts = {}
    for epoch in range(4):
        dataset.set_epoch(epoch)
        starts[epoch] = [item["start"] for item in dataset]
        assert starts[epoch][::2] == starts[epoch][1::2]
    assert {start for found in starts.values() for start in found} == {0, 1, 2, 3}
    assert len({tuple(found) for found in starts.values()}) > 1
    dataset.set_epoch(2)
    assert [item["start"] for item in dataset] == starts[2]
    whole = ClipDataset(clip_release, "train", start=None, seed=3)
    assert whole[0]["start"] == 0


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
@pytest.mark.parametrize(("workers", "start"), [(0, None), (2, "fork"), (2, "spawn")])
def test_batches_of_pairs_are_the_same_in_workers(
    clip_release: Path, workers: int, start: str | None
) -> None:
    import torch

    fields = ("mask", "landmarks")
    dataset = ClipDataset(clip_release, "train", frames=2, start=None, seed=1, fields=fields)
    sampler = PairBatchSampler(dataset, 4, seed=1)
    again = pickle.loads(pickle.dumps(dataset))
    expected = [again.__getitems__(batch) for batch in PairBatchSampler(again, 4, seed=1)]
    assert dataset[0]["clip"].shape == (2, 96, 96, 3)  # a tar is open when workers are forked
    loader: Any = torch.utils.data.DataLoader(
        dataset,  # type: ignore[arg-type]
        batch_sampler=sampler,
        num_workers=workers,
        multiprocessing_context=start,
        collate_fn=list,
    )
    found = list(loader)
    assert [list(map(digest, batch)) for batch in found] == [
        list(map(digest, batch)) for batch in expected
    ]
    for real, fake in (batch[number : number + 2] for batch in found for number in (0, 2)):
        assert real["pair_id"] == fake["pair_id"]
        assert real["start"] == fake["start"]
    stacked = torch.utils.data.default_collate(found[0])
    assert stacked["clip"].shape == (4, 2, 96, 96, 3)
    assert stacked["landmarks"].shape == (4, 2, 68, 2)


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
def test_persistent_workers_draw_new_windows_and_a_training_resumes(clip_release: Path) -> None:
    import torch

    dataset = ClipDataset(clip_release, "train", frames=1, start=None, seed=1)

    def loader(sampler: PairBatchSampler) -> Any:
        return torch.utils.data.DataLoader(
            dataset,  # type: ignore[arg-type]
            batch_sampler=sampler,
            num_workers=2,
            multiprocessing_context="fork",
            persistent_workers=True,
            collate_fn=list,
        )

    def seen(batch: Any) -> list[tuple[Any, int]]:
        return [(digest(item), item["start"]) for item in batch]

    running = loader(PairBatchSampler(dataset, 2, seed=1))
    epochs = [list(map(seen, running)) for _ in range(3)]
    starts = [sorted(start for batch in epoch for _, start in batch) for epoch in epochs]
    assert len(set(map(tuple, starts))) > 1

    sampler = PairBatchSampler(dataset, 2, seed=1)
    broken = iter(loader(sampler))
    done = [seen(next(broken))]
    resumed = PairBatchSampler(dataset, 2, seed=1)
    resumed.load_state_dict(sampler.state_dict(batches=len(done)))
    del broken
    again = loader(resumed)
    assert done + list(map(seen, again)) == epochs[0]
    assert list(map(seen, again)) == epochs[1]


def test_readers_of_images_and_of_clips_say_what_to_use(clip_release: Path, out: Path) -> None:
    with pytest.raises(ReleaseError, match=r"holds clips, .*use datagen\.loaders\.ClipDataset"):
        PairDataset(clip_release, "train")
    with pytest.raises(ReleaseError, match=r"holds clips, which stream .*ClipDataset"):
        stream(clip_release, "train")
    with pytest.raises(ReleaseError, match=r"holds images, .*use datagen\.loaders\.PairDataset"):
        ClipDataset(out, "train")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            {"frames": 5},
            "a window of 5 frames from frame 0 does not fit into .*, which has 4 frames",
        ),
        ({"frames": 2, "start": 3}, "a window of 2 frames from frame 3 does not fit"),
        ({"start": 4}, "a window from frame 4 does not fit"),
        ({"frames": 0}, "frames: "),
        ({"start": -1}, "start: "),
        ({"start": None}, "seed: is required with start=None"),
        ({"fields": "frames"}, "fields: there is no 'frames'"),
        ({"kinds": "image"}, "kinds: there is no 'image'"),
    ],
)
def test_bad_arguments(clip_release: Path, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        ClipDataset(clip_release, "train", **arguments)


def test_a_frames_table_that_lacks_a_frame_is_refused(harmed: Path) -> None:
    name = "frames/train-000000.parquet"
    table = pq.read_table(harmed / name)
    pq.write_table(table.slice(1), harmed / name)
    own_up(harmed, name, shard="train-000000")
    assert len(ClipDataset(harmed, "train")) == 8
    with pytest.raises(ReleaseError, match="has 3 rows, expected one for each of its 4 frames"):
        ClipDataset(harmed, "train", fields="landmarks")


def test_other_bytes_are_refused(harmed: Path) -> None:
    row = Release(harmed).table(split="train").iloc[0]
    tar = harmed / row["media_path"]
    data = bytearray(tar.read_bytes())
    data[row["media_offset"] + row["media_size"] // 2] ^= 255
    tar.write_bytes(data)
    dataset = ClipDataset(harmed, "train")
    with pytest.raises(ReleaseError, match="its bytes are not those"):
        dataset[0]


def test_pyav_is_needed_for_video_files_only(
    clip_release: Path, frame_clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    assert ClipDataset(frame_clips, "train", fields="mask")[1]["mask"].any()
    with pytest.raises(MissingExtraError, match=r"datagen\[video\]"):
        ClipDataset(clip_release, "train")
