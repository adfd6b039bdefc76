from __future__ import annotations

import os
from pathlib import Path

import pytest

from datagen.core.digests import sha256_bytes, sha256_file
from datagen.weights.digest import digest_at
from tests.weights.server import card


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that were read."""
    names: list[str] = []

    def watched(path: Path) -> str:
        names.append(path.name)
        return sha256_file(path)

    monkeypatch.setattr("datagen.weights.digest.sha256_file", watched)
    return names


def test_a_file_is_read_once_until_it_changes(tmp_path: Path, read: list[str]) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(b"first")
    for _ in range(3):
        assert digest_at(card(), path) == sha256_bytes(b"first")
    assert read == ["net.onnx"]
    path.write_bytes(b"other")
    assert digest_at(card(), path) == sha256_bytes(b"other")
    assert len(read) == 2


def test_a_change_that_hides_behind_the_old_time_is_seen(tmp_path: Path, read: list[str]) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(b"first")
    before = path.stat()
    digest_at(card(), path)
    path.write_bytes(b"other")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert digest_at(card(), path) == sha256_bytes(b"other")


def test_asked_for_anew_it_is_read_anew(tmp_path: Path, read: list[str]) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(b"first")
    digest_at(card(), path)
    digest_at(card(), path, fresh=True)
    assert read == ["net.onnx", "net.onnx"]


def test_of_a_folder_only_the_changed_file_is_read(tmp_path: Path, read: list[str]) -> None:
    folder = tmp_path / "vae"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / name).write_text(name)
    first = digest_at(card(), folder)
    (folder / "b").write_text("changed")
    assert digest_at(card(), folder) != first
    assert read == ["a", "b", "b"]


def test_nothing_is_written_beside_the_weights(tmp_path: Path) -> None:
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "net.onnx").write_bytes(b"first")
    digest_at(card(), folder / "net.onnx")
    assert [path.name for path in folder.iterdir()] == ["net.onnx"]
    assert len(list((tmp_path / "cache" / "digests").iterdir())) == 1


def test_a_cache_that_cannot_be_used_costs_time_only(
    tmp_path: Path, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DATAGEN_CACHE", str(tmp_path / "file"))
    path = tmp_path / "net.onnx"
    path.write_bytes(b"first")
    for _ in range(2):
        assert digest_at(card(), path) == sha256_bytes(b"first")
    assert read == ["net.onnx", "net.onnx"]


@pytest.mark.parametrize("content", ["", "[]", '{"x": 3}', "no json"])
def test_a_spoiled_memory_is_not_believed(tmp_path: Path, read: list[str], content: str) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(b"first")
    digest_at(card(), path)
    (memory,) = (tmp_path / "cache" / "digests").iterdir()
    memory.write_text(content.replace("x", str(path)))
    assert digest_at(card(), path) == sha256_bytes(b"first")
    assert len(read) == 2


def test_a_flipped_bit_in_the_memory_is_not_believed(
    tmp_path: Path, read: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(b"first")
    digest_at(card(), path)
    (memory,) = (tmp_path / "cache" / "digests").iterdir()
    content = memory.read_bytes()
    for place in range(0, len(content), 7):
        harmed = bytearray(content)
        harmed[place] ^= 1
        memory.write_bytes(harmed)
        assert digest_at(card(), path) == sha256_bytes(b"first")
    assert len(read) == 1 + len(range(0, len(content), 7))
    assert f"{memory}: is damaged" in caplog.text


def test_the_memory_of_another_user_is_not_believed(
    tmp_path: Path, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(b"first")
    digest_at(card(), path)
    monkeypatch.setattr("os.getuid", lambda: 4242)
    digest_at(card(), path)
    assert read == ["net.onnx", "net.onnx"]
