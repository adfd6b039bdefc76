from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from datagen.errors import MissingExtraError, ReleaseError
from datagen.release import Folder


@pytest.fixture(params=["local", "memory"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Folder:
    if request.param == "local":
        return Folder(str(tmp_path / "Münster 数据"))
    return Folder(f"memory://folder-{tmp_path.name}")


def test_what_is_written_is_read(folder: Folder, tmp_path: Path) -> None:
    folder.write("a/b.bin", b"0123456789")
    path = tmp_path / "staged"
    path.write_bytes(b"staged")
    folder.put(path, "a/c.bin")
    assert folder.read("a/b.bin") == b"0123456789"
    assert folder.read_range("a/b.bin", 3, 4) == b"3456"
    assert (folder.exists("a/b.bin"), folder.exists("a/x.bin")) == (True, False)
    assert folder.names() == ["a/b.bin", "a/c.bin"]
    assert folder.names("a") == ["a/b.bin", "a/c.bin"]
    assert folder.names("nowhere") == []
    assert folder.size("a/c.bin") == 6


def test_a_file_is_replaced_and_removed(folder: Folder) -> None:
    folder.write("x", b"old and longer")
    folder.write("x", b"new")
    assert folder.read("x") == b"new"
    folder.remove("x")
    folder.remove("x")
    with pytest.raises(FileNotFoundError):
        folder.read("x")


def test_a_worker_opens_its_own_connection(folder: Folder) -> None:
    folder.write("x", b"1")
    copy = pickle.loads(pickle.dumps(folder))
    assert copy.read("x") == b"1"


def test_pieces_and_whole_files_are_read(folder: Folder) -> None:
    folder.write("a", bytes(range(100)))
    folder.write("b", b"other")
    pieces = [("a", 10, 3), ("b", 1, 2), ("a", 99, 1)]
    assert folder.read_ranges(pieces) == [bytes([10, 11, 12]), b"th", bytes([99])]
    assert folder.read_ranges([]) == []
    with folder.open("a") as file:
        assert (file.read(2), file.read()) == (bytes([0, 1]), bytes(range(2, 100)))
    with pytest.raises(FileNotFoundError):
        folder.open("c").close()


def test_staging_is_private_and_goes_away(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    with folder.staging() as one, folder.staging() as two:
        assert one != two
        assert Path(one).parent == tmp_path / ".staging"
    assert list((tmp_path / ".staging").iterdir()) == []
    (tmp_path / ".staging" / "left").mkdir()
    folder.clear_staging()
    assert not (tmp_path / ".staging").exists()


def test_an_unknown_protocol_is_the_users_to_mend() -> None:
    with pytest.raises(ReleaseError, match="nonsense://x"):
        Folder("nonsense://x").exists()


def test_a_protocol_whose_package_is_absent_names_the_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def absent(address: str) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr("fsspec.core.url_to_fs", absent)
    with pytest.raises(MissingExtraError, match=r"pip install 'datagen\[s3\]'"):
        Folder("s3://bucket/x").exists()
