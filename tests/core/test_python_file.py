from __future__ import annotations

import sys
from pathlib import Path

import pytest

from datagen.core.python_file import PythonFile
from datagen.errors import DetectorError


def test_it_runs_once_per_use(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("import itertools\ncount = itertools.count()\n", encoding="utf-8")
    file = PythonFile.read(path, DetectorError)
    assert file.stem == "mine"
    first, again, other = file.run("test_one"), file.run("test_one"), file.run("test_two")
    assert first is again
    assert first is not other
    assert sys.modules[file.module_name("test_one")] is first
    assert first.__file__ == str(path)


def test_a_file_that_raises_leaves_no_module() -> None:
    file = PythonFile("broken.py", "1 / 0")
    with pytest.raises(ZeroDivisionError):
        file.run("test_broken")
    assert file.module_name("test_broken") not in sys.modules


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "latin.py").write_bytes(b"\xe9")
    for name in ("none.py", "latin.py"):
        with pytest.raises(DetectorError, match=rf"{name}: cannot be read"):
            PythonFile.read(tmp_path / name, DetectorError)
