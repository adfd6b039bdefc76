from __future__ import annotations

import gzip
import io
import json
import pickle
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from datagen.core.digests import sha256_file
from datagen.errors import MissingExtraError, ReleaseError, UserError
from datagen.loaders import PairDataset, stream
from tests.loaders.same import digest
from tests.support.releases import change_record, own_up

pytest.importorskip("webdataset")
FIELDS = ("mask", "boundary", "landmarks", "landmarks_81", "other")


def ids(items: list[dict[str, Any]]) -> list[str]:
    return [item["sample_id"] for item in items]


def test_a_stream_has_the_items_of_a_dataset(out: Path) -> None:
    dataset = PairDataset(out, "train", fields=FIELDS)
    found = [digest(item) for item in stream(out, "train", fields=FIELDS)]
    assert found == [digest(item) for item in dataset]


def test_controls_come_after_the_pairs(out: Path) -> None:
    kinds = ("real", "fake", "control")
    fields = ("mask", "landmarks")
    found = list(stream(out, "train", kinds=kinds, fields=fields))
    expected = PairDataset(out, "train", kinds=kinds, fields=fields)
    assert sorted(map(digest, found)) == sorted(map(digest, expected))
    order = [item["kind"] == "control" for item in found]
    assert order == sorted(order)
    only = list(stream(out, "train", kinds="control"))
    assert ids(only) == [item["sample_id"] for item in found if item["kind"] == "control"]


def test_filters_are_those_of_a_release(out: Path) -> None:
    where = {"degradation": ["jpeg", None]}
    found = list(stream(out, "train", method="self_blend", where=where))
    expected = PairDataset(out, "train", method="self_blend", where=where)
    assert ids(found) == [item["sample_id"] for item in expected]


def test_a_shuffled_stream_keeps_pairs_together(out: Path) -> None:
    def shuffled(seed: int, epoch: int = 0) -> list[str]:
        return ids(list(stream(out, "train", shuffle=10, seed=seed, epoch=epoch)))

    first = shuffled(1)
    plain = ids(list(stream(out, "train")))
    assert first != plain
    assert sorted(first) == sorted(plain)
    assert [one.removesuffix("-real") for one in first[::2]] == [
        one.removesuffix("-fake") for one in first[1::2]
    ]
    assert shuffled(1) == first
    assert shuffled(1, 1) != first != shuffled(2)


def test_a_pickled_stream_reads_the_same_and_more_than_once(out: Path) -> None:
    pipeline = stream(out, "test", transform=digest, shuffle=5, seed=1)
    found = list(pipeline)
    assert list(pipeline) == found
    assert list(pickle.loads(pickle.dumps(pipeline))) == found


def test_ranks_and_workers_share_the_tars(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("NUM_WORKERS", "2")
    for rank, worker in ((0, 0), (0, 1), (1, 0), (1, 1)):
        monkeypatch.setenv("RANK", str(rank))
        monkeypatch.setenv("WORKER", str(worker))
        found += ids(list(stream(out, "train")))
    assert sorted(found) == sorted(item["sample_id"] for item in PairDataset(out, "train"))
    with pytest.raises(ReleaseError, match=r"4 workers \(2 x 2\) for 2 tars: some would have"):
        next(iter(stream(out, "test")))


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"fields": "control"}, UserError, "controls and pairs from different tars"),
        ({"fields": "other", "kinds": ["fake", "control"]}, UserError, "without 'other'"),
        ({"shuffle": 10}, UserError, "seed: is required"),
        ({"kinds": []}, UserError, "name at least one of real"),
        ({"transform": 5}, UserError, "transform: must be a function"),
        ({"shuffle": -1}, UserError, "shuffle: must be a whole number"),
        ({"split": "tset"}, ReleaseError, "Did you mean 'test'"),
        ({"where": {"degradation": "noise"}}, ReleaseError, "no pair of split 'test' matches"),
        ({"where": {"methd": 1}}, ReleaseError, "no column 'methd'"),
    ],
)
def test_wrong_arguments_are_told_at_once(
    out: Path, options: dict[str, Any], error: type[UserError], words: str
) -> None:
    with pytest.raises(error, match=words):
        stream(out, **{"split": "test", **options})


def test_a_missing_package_is_named(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "webdataset", None)
    with pytest.raises(MissingExtraError, match=r"datagen\[interop\]"):
        stream(out, "test")


def test_missing_tars_are_told_at_once(copy: Path) -> None:
    (copy / "media" / "small-v1-test-000000.tar").unlink()
    with pytest.raises(ReleaseError, match=r"test-000000\.tar .missing"):
        stream(copy, "test")


def _rewrite(tar: Path, keep: Callable[[str], bool]) -> None:
    """Write a tar without some members, and let ``release.json`` agree."""
    with tarfile.open(tar) as whole:
        members = [(one, whole.extractfile(one).read()) for one in whole]  # type: ignore[union-attr]
    with tarfile.open(tar, "w") as changed:
        for member, data in members:
            if keep(member.name):
                changed.addfile(member, io.BytesIO(data))
    entry = {"sha256": sha256_file(tar), "size": tar.stat().st_size}
    change_record(
        tar.parents[1], lambda record: record["files"].update({f"media/{tar.name}": entry})
    )


@pytest.mark.parametrize(
    ("keep", "words"),
    [
        (lambda name: "00000002" not in name, r"1 pair of the manifest missing, .*00000002"),
        (lambda name: "00000002.real" not in name, r"00000002 has no real"),
        (lambda name: "00000002.mask" not in name, r"00000002 has no mask"),
    ],
)
def test_a_tar_without_a_member_is_told(
    copy: Path, keep: Callable[[str], bool], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tar = copy / "media" / "small-v1-test-000000.tar"
    with tarfile.open(tar) as whole:
        size = tar.stat().st_size
        assert any(not keep(member.name) for member in whole)
    _rewrite(tar, keep)
    with tar.open("ab") as file:
        file.write(bytes(size - tar.stat().st_size))  # rows refer to bytes within it
    entry = {"sha256": sha256_file(tar), "size": size}
    change_record(copy, lambda record: record["files"].update({f"media/{tar.name}": entry}))
    with pytest.raises(ReleaseError, match=words):
        list(stream(copy, "test", fields="mask"))


def test_other_bytes_are_told_when_they_are_read(copy: Path) -> None:
    tar = copy / "media" / "small-v1-test-000000.tar"
    data = bytearray(tar.read_bytes())
    with tarfile.open(tar) as whole:
        member = next(one for one in whole if one.name.endswith(".fake.jpg"))
    data[member.offset_data + member.size // 2] ^= 1
    tar.write_bytes(data)
    with pytest.raises(ReleaseError, match=r"-fake: its bytes are not those"):
        list(stream(copy, "test"))
    tar.write_bytes(bytes(len(data))[:-1] + b"x")
    with pytest.raises(ReleaseError, match=r"test-000000\.tar"):
        list(stream(copy, "test"))


def _put(copy: Path, data: bytes) -> None:
    """Replace a tar, and let the records agree."""
    name = "media/small-v1-test-000000.tar"
    (copy / name).write_bytes(data)
    own_up(copy, name, shard="test-000000")


def _header(kind: bytes, size: int, pax: bytes = b"") -> bytes:
    member = tarfile.TarInfo("x.real.jpg")
    member.type, member.size = kind, len(pax)
    head = bytearray(member.tobuf(tarfile.GNU_FORMAT))
    if kind == tarfile.GNUTYPE_SPARSE:
        head[483:495] = b"%011o\0" % size
    head[148:156] = b"%06o\0 " % (sum(head[:148]) + 256 + sum(head[156:]))
    return bytes(head) + pax + bytes(-len(pax) % 512)


@pytest.mark.parametrize(
    "head",
    [
        _header(tarfile.GNUTYPE_SPARSE, 8 << 30),
        _header(tarfile.XHDTYPE, 0, b"30 GNU.sparse.size=9999999999\n" * 2),
        _header(tarfile.XHDTYPE, 0, b"9999999999999999999999 a=b\n"),
        _header(tarfile.GNUTYPE_LONGNAME, 0, b"a" * 5000),
        _header(tarfile.SYMTYPE, 0),
    ],
    ids=["sparse", "sparse pax", "pax", "long name", "link"],
)
def test_only_plain_members_of_a_tar_are_read(copy: Path, head: bytes) -> None:
    _put(copy, head + (copy / "media/small-v1-test-000000.tar").read_bytes())
    with pytest.raises(ReleaseError, match=r"test-000000\.tar cannot be read as a tar: .*expected"):
        list(stream(copy, "test"))


def test_a_compressed_tar_is_not_unpacked(copy: Path) -> None:
    data = (copy / "media/small-v1-test-000000.tar").read_bytes()
    _put(copy, gzip.compress(data) + bytes(len(data)))
    with pytest.raises(ReleaseError, match=r"test-000000\.tar cannot be read as a tar"):
        list(stream(copy, "test"))


def test_a_pair_that_comes_twice_is_told(copy: Path) -> None:
    data = (copy / "media/small-v1-test-000000.tar").read_bytes()
    _put(copy, data.rstrip(b"\0") + bytes(-len(data.rstrip(b"\0")) % 512) + data)
    with pytest.raises(ReleaseError, match="two images"):
        list(stream(copy, "test"))


@pytest.mark.parametrize(
    ("key", "value"),
    [("width", []), ("media_type", "x"), ("landmarks_real", [[1]] * 136), ("identity_id", "other")],
)
def test_what_an_item_says_comes_from_the_manifest(copy: Path, key: str, value: object) -> None:
    tar = copy / "media/small-v1-test-000000.tar"
    expected = [digest(item) for item in stream(copy, "test", fields="landmarks")]
    changed = io.BytesIO()
    with tarfile.open(tar) as whole, tarfile.open(fileobj=changed, mode="w") as other:
        for member in whole:
            data = whole.extractfile(member).read()  # type: ignore[union-attr]
            if member.name.endswith(".json"):
                data = json.dumps({**json.loads(data), key: value}).encode()
                member.size = len(data)
            other.addfile(member, io.BytesIO(data))
    _put(copy, changed.getvalue())
    assert [digest(item) for item in stream(copy, "test", fields="landmarks")] == expected
