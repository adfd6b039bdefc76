from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from datagen.core.files import Timeout, locked, staged, write_atomically


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
