"""Releases in object storage: the same items, also by forked and spawned workers."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import fsspec
import pytest

from datagen.errors import ReleaseError
from datagen.loaders import PairDataset, stream
from tests.loaders.same import digest

FIELDS = ("mask", "landmarks", "other")


@pytest.fixture(scope="module")
def expected(out: Path) -> list[tuple[str, str]]:
    return [digest(item) for item in PairDataset(out, "train", fields=FIELDS)]


@pytest.fixture
def memory(out: Path) -> Iterator[str]:
    store = fsspec.filesystem("memory")
    store.put(str(out), "/loaders", recursive=True)
    yield "memory://loaders"
    store.rm("/loaders", recursive=True)


def test_a_dataset_and_a_stream(memory: str, expected: list[tuple[str, str]]) -> None:
    dataset = PairDataset(memory, "train", fields=FIELDS)
    copy = pickle.loads(pickle.dumps(dataset))
    for one in (dataset, copy):
        assert [digest(item) for item in one.__getitems__(range(48))] == expected
    pytest.importorskip("webdataset")
    assert [digest(item) for item in stream(memory, "train", fields=FIELDS)] == expected


def test_missing_tars_are_told_at_once_and_when_they_are_read(memory: str) -> None:
    dataset = PairDataset(memory, "test")
    store = fsspec.filesystem("memory")
    store.rm("/loaders/media/small-v1-test-000000.tar")
    with pytest.raises(ReleaseError, match=r"test-000000\.tar is missing"):
        dataset[0]
    with pytest.raises(ReleaseError, match=r"test-000000\.tar \(missing"):
        PairDataset(memory, "test")


@pytest.fixture(scope="module")
def bucket(out: Path) -> Iterator[str]:
    """The release behind the real S3 protocol."""
    server = pytest.importorskip("moto.server")
    pytest.importorskip("s3fs")
    url = urlsplit(os.environ["AWS_ENDPOINT_URL"])
    running = server.ThreadedMotoServer(url.hostname, url.port, verbose=False)
    running.start()
    store = fsspec.filesystem("s3")
    store.mkdir("loaders")
    store.put(str(out), "loaders/out", recursive=True)
    yield "s3://loaders/out"
    running.stop()


@pytest.mark.slow
@pytest.mark.parametrize(("workers", "start"), [(0, None), (2, "fork"), (2, "spawn")])
def test_workers_open_their_own_connections(
    bucket: str, expected: list[tuple[str, str]], workers: int, start: str | None
) -> None:
    torch = pytest.importorskip("torch")
    dataset = PairDataset(bucket, "train", fields=FIELDS, transform=digest)
    assert dataset[0] == expected[0]  # a connection is open when workers are forked
    found = torch.utils.data.DataLoader(
        dataset, 4, num_workers=workers, multiprocessing_context=start, collate_fn=list
    )
    assert [one for batch in found for one in batch] == expected
