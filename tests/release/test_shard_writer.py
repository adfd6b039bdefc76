from __future__ import annotations

import tarfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datagen.errors import ReleaseError
from datagen.release import Folder, MediaFile, ShardWriter, read_commit
from datagen.release.schema import MANIFEST, REJECTS
from tests.support.releases import GOOD, good_row
from tests.support.world import digests

REJECT = {"stage": "item", "code": "no_donor", "detail": "", "source": "s", "image_id": "i"}


def write(folder: Path, digest: str, images: list[bytes]) -> None:
    with ShardWriter(Folder(str(folder)), GOOD, digest) as shard:
        for number, data in enumerate(images):
            shard.add_image(f"p{number}", MediaFile("real", "jpg", data))
            shard.add_rows([good_row(f"p{number}", kind) for kind in ("real", "fake")])


@given(st.lists(st.binary(max_size=2000), max_size=8))
def test_an_offset_points_at_the_bytes_in_the_tar(
    tmp_path_factory: pytest.TempPathFactory, images: list[bytes]
) -> None:
    folder = tmp_path_factory.mktemp("release")
    places = []
    with ShardWriter(Folder(str(folder)), GOOD, "d") as shard:
        for number, data in enumerate(images):
            stored = shard.add_image(f"p{number}", MediaFile("real", "jpg", data))
            assert stored.path == GOOD.media
            places.append((stored.offset, len(stored.data)))
    path = folder / GOOD.media
    whole = path.read_bytes()
    assert [whole[offset : offset + size] for offset, size in places] == images
    with tarfile.open(path) as tar:
        members = tar.getmembers()
    assert [(member.offset_data, member.size) for member in members] == places
    assert {(m.mtime, m.uid, m.gid, m.uname, m.gname) for m in members} <= {(0, 0, 0, "", "")}
    assert [member.name for member in members] == [f"p{n}.real.jpg" for n in range(len(images))]


def test_the_same_items_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / name, "d", [b"one", b"two"])
    assert digests(tmp_path / "a") == digests(tmp_path / "b")


def test_a_crash_commits_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    def crash() -> None:
        with ShardWriter(Folder(str(tmp_path)), GOOD, "d") as shard:
            shard.add_image("p0", MediaFile("real", "jpg", b"x"))
            raise RuntimeError("item 2 of 10")

    with pytest.raises(RuntimeError, match="item 2"):
        crash()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert read_commit(Folder(str(tmp_path)), "train-000000") is None


def test_a_row_that_lacks_a_column_is_refused_before_the_commit(tmp_path: Path) -> None:
    def lacking() -> None:
        with ShardWriter(Folder(str(tmp_path)), GOOD, "d") as shard:
            shard.add_rows([{**good_row("p0"), "sha256": None}, good_row("p0", "fake")])

    with pytest.raises(ValueError, match="'sha256' may not be null"):
        lacking()
    assert read_commit(Folder(str(tmp_path)), "train-000000") is None


@pytest.mark.parametrize(
    ("column", "value"),
    [("method_params", "{" + " " * 70_000 + "}"), ("image_id", "a\nb"), ("width", 30_000)],
)
def test_a_row_that_no_reader_would_accept_is_refused_before_the_commit(
    tmp_path: Path, column: str, value: object
) -> None:
    def odd() -> None:
        with ShardWriter(Folder(str(tmp_path)), GOOD, "d") as shard:
            shard.add_image("p0", MediaFile("real", "jpg", b"x"))
            shard.add_rows([good_row("p0"), {**good_row("p0", "fake"), column: value}])

    with pytest.raises(ReleaseError, match=f"row 2, column '{column}'") as caught:
        odd()
    assert (caught.value.key, caught.value.row) == (column, 2)
    assert read_commit(Folder(str(tmp_path)), "train-000000") is None
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_the_commit_counts_and_holds_every_digest(tmp_path: Path) -> None:
    with ShardWriter(Folder(str(tmp_path)), GOOD, "d") as shard:
        shard.add_image("p0", MediaFile("real", "jpg", b"12345"))
        shard.add_image("p0", MediaFile("control", "jpg", b"678"))
        shard.add_rows([good_row("p0", kind) for kind in ("real", "control", "fake")])
        shard.add_reject(REJECT)
        shard.add_reject({**REJECT, "code": "change_too_small"})
    commit = read_commit(Folder(str(tmp_path)), "train-000000")
    assert commit == shard.commit
    assert commit is not None
    assert (commit.items, commit.pairs, commit.controls, commit.media_bytes) == (3, 1, 1, 8)
    assert commit.rejects == {"change_too_small": 1, "no_donor": 1}
    assert {n: r.sha256 for n, r in commit.files.items()}.items() <= digests(tmp_path).items()
    assert len(commit.files) == 4


def test_tables_have_the_schema_even_when_they_are_empty(tmp_path: Path) -> None:
    write(tmp_path, "d", [])
    assert pq.read_schema(tmp_path / "manifest" / "train-000000.parquet").equals(MANIFEST)
    assert pq.read_schema(tmp_path / "rejects" / "train-000000.parquet").equals(REJECTS)


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"shard": "train-000000"}'])
def test_a_damaged_commit_does_not_count(tmp_path: Path, damage: bytes) -> None:
    write(tmp_path, "d", [b"x"])
    (tmp_path / "commits" / "train-000000.json").write_bytes(damage)
    assert read_commit(Folder(str(tmp_path)), "train-000000") is None
