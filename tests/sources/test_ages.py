from __future__ import annotations

from pathlib import Path

import pytest

from datagen.errors import SourceError

from .trees import source, write

TOP = "original_sequences/youtube/c23/images"


@pytest.mark.parametrize("written", ["Jose\u0301", "José ", "\u200bJosé"])
def test_an_age_is_found_in_any_spelling(tmp_path: Path, written: str) -> None:
    write(tmp_path, {f"{TOP}/José/0.png": "", "ages.csv": f'identity,age\n"{written}",33\n'})
    (record,) = source("faceforensics", tmp_path, ages="ages.csv").records()
    assert record.age == 33.0


def test_the_age_of_a_minor_counts_in_another_case_too(tmp_path: Path) -> None:
    files = {f"{TOP}/{name}/0.png": "" for name in ("anna", "ben", "carl")}
    write(tmp_path, {**files, "ages.csv": "identity,age\nAnna,15\nBEN,33\ncarl,40\n"})
    found = source("faceforensics", tmp_path, ages="ages.csv").records()
    assert {r.identity: r.age for r in found} == {"anna": 15.0, "ben": None, "carl": 40.0}


def test_one_name_in_two_spellings_is_stated_twice(tmp_path: Path) -> None:
    table = "identity,age\nJosé,33\nJose\u0301,34\n"
    write(tmp_path, {f"{TOP}/José/0.png": "", "ages.csv": table})
    with pytest.raises(SourceError, match=r"row 2: identity .* occurs twice"):
        list(source("faceforensics", tmp_path, ages="ages.csv").records())
