from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import pytest

from datagen.errors import ReleaseError
from datagen.loaders.media import MediaReader, Piece
from datagen.release.folder import Folder

SIZE = 1 << 20


@pytest.fixture
def reader(tmp_path: Path) -> MediaReader:
    for name in ("a", "b"):
        rising = b"".join(number.to_bytes(4, "little") for number in range(SIZE // 4))
        (tmp_path / name).write_bytes(rising)
    return MediaReader(Folder(str(tmp_path)))


def numbers(reader: MediaReader, start: int) -> list[int]:
    pieces = [Piece("ab"[number % 2], 4 * number, 4) for number in range(start, start + 400)]
    return [int.from_bytes(data, "little") for data in reader.read(pieces[::-1])]


def _child(reader: MediaReader, start: int) -> None:
    for _ in range(20):
        if numbers(reader, start) != list(range(start, start + 400))[::-1]:
            os._exit(1)


def test_forked_readers_do_not_move_each_other(reader: MediaReader) -> None:
    """With ``seek`` and ``read`` on a shared handle some of them get the bytes of others."""
    assert numbers(reader, 0)[0] == 399
    fork = multiprocessing.get_context("fork")
    children = [fork.Process(target=_child, args=(reader, 1000 * n)) for n in range(4)]
    for child in children:
        child.start()
    _child(reader, 7000)
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0] * 4


def test_few_files_stay_open(
    reader: MediaReader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datagen.loaders.media._OPEN", 2)
    before = len(os.listdir("/proc/self/fd"))
    for number in range(20):
        (tmp_path / str(number)).write_bytes(b"x")
        assert reader.read([Piece(str(number), 0, 1)]) == [b"x"]
    assert len(os.listdir("/proc/self/fd")) <= before + 2
    del reader
    assert len(os.listdir("/proc/self/fd")) <= before + 2


def test_what_cannot_be_read_is_told(reader: MediaReader, tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="/a is cut short: 1 of 2 bytes at 1048575"):
        reader.read([Piece("a", SIZE - 1, 2)])
    with pytest.raises(ReleaseError, match="/c is missing"):
        reader.read([Piece("a", 0, 2), Piece("c", 0, 2)])
    with pytest.raises(ReleaseError, match="outside"):
        reader.read([Piece("../c", 0, 2)])
    assert reader.read([]) == []
