from __future__ import annotations

import os
from pathlib import Path

import pytest

from datagen.core.json_io import deeper, parse_json, read_json
from datagen.errors import ReleaseError

BAD: dict[str, tuple[str | bytes, str]] = {
    "deep lists": ("[" * 200_000, "nested too deeply"),
    "deep keys": ('{"a":' * 200_000, "nested too deeply"),
    "a long integer": ("9" * 5000, "integer string conversion"),
    "NaN": ('{"a": NaN}', "NaN is no number of JSON"),
    "infinity": ("-Infinity", "-Infinity is no number of JSON"),
    "nothing": ("", "Expecting value"),
    "not closed": ("{", "Expecting property name"),
    "a control character": ('"\x00"', "Invalid control character"),
    "bytes": (b"\xff\xfe", "not UTF-8 (byte 0)"),
    "a mark": ("\ufeff{}", "BOM"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_json_is_the_error_of_the_caller(tmp_path: Path, name: str) -> None:
    content, words = BAD[name]
    with pytest.raises(ReleaseError) as error:
        parse_json(content, "some file", ReleaseError)
    assert str(error.value).startswith("some file: is not valid JSON: ")
    assert words in str(error.value)
    path = tmp_path / "a.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ReleaseError, match="is not valid JSON") as error:
        read_json(path, "that file", ReleaseError)
    assert error.value.path == str(path)
    assert len(str(error.value)) < 300


def test_json_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"a": [1, "\\ud800", null]}')
    assert read_json(path, "a", ReleaseError) == {"a": [1, "\ud800", None]}
    assert parse_json(b"3", "a", ReleaseError) == 3


def test_limits_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("1" * 11)
    assert read_json(path, "a", ReleaseError, 11)
    with pytest.raises(ReleaseError, match="larger than"):
        read_json(path, "a", ReleaseError, 10)


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "nothing", "."):
        with pytest.raises(ReleaseError, match="no such file"):
            read_json(tmp_path / name, name, ReleaseError)


def test_the_depth_is_that_of_lists_and_objects_within_each_other() -> None:
    deep = {"a": [{"b": [1]}]}
    assert [deeper(deep, depth) for depth in (1, 2, 3, 4)] == [True, True, True, False]
    assert not deeper(1, 0)
    assert not deeper([], 0)
