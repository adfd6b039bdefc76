from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path

import pytest

from datagen.core.files import Timeout, below, locked, staged, write_atomically


def test_a_file_is_written_whole_into_a_folder_that_is_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.txt"
    write_atomically(path, b"one")
    write_atomically(path, b"two")
    assert path.read_bytes() == b"two"
    assert os.listdir(path.parent) == ["b.txt"]
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_failure_keeps_the_old_file_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "b.txt"
    write_atomically(path, b"one")
    with pytest.raises(FileNotFoundError), staged(path) as part:
        part.write_bytes((tmp_path / "gone").read_bytes())
    assert path.read_bytes() == b"one"
    assert os.listdir(tmp_path) == ["b.txt"]


def test_a_lock_excludes_a_second_holder(tmp_path: Path) -> None:
    path = tmp_path / "locks" / "x.lock"
    with locked(path), pytest.raises(Timeout), locked(path, timeout=0):
        pass
    with locked(path, timeout=0, remove=True):
        pass
    assert not path.exists()


def test_many_take_turns_although_each_removes_the_lock_file(tmp_path: Path) -> None:
    path, inside, most = tmp_path / "x.lock", [0], [0]

    def work() -> None:
        with locked(path, remove=True):
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            threading.Event().wait(0.002)
            inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]
    assert not path.exists()


@pytest.mark.parametrize("name", ["a.txt", "a/b.txt", ".hidden", "a..b", "./a/b", "ünïcode"])
def test_a_name_below_a_folder(tmp_path: Path, name: str) -> None:
    assert below(tmp_path, name) == tmp_path / name


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "not the name of a file"),
        (".", "leads outside"),
        ("/etc/passwd", "leads outside"),
        ("../a", "leads outside"),
        ("a/../../b", "leads outside"),
        ("a/..", "leads outside"),
        ("a\\..\\b", "not the name of a file"),
        ("a\x00b", "not the name of a file"),
        ("out/a", "leads outside of its folder through a link"),
    ],
)
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str, words: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "out").symlink_to(tmp_path)
    with pytest.raises(ValueError, match=words):
        below(root, name)


@pytest.mark.parametrize("name", ["circle/a", "x" * 3000])
def test_what_cannot_be_resolved_is_an_error_or_below(tmp_path: Path, name: str) -> None:
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    with contextlib.suppress(ValueError):  # it depends on the version of Python
        assert below(tmp_path, name).is_relative_to(tmp_path)
