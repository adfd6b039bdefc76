from __future__ import annotations

from pathlib import Path

import pytest

from datagen.core.out_file import check_out_file
from datagen.errors import RecipeError

SUFFIXES = (".yaml", ".yml")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("folder", "folder is a folder: name a file in it, e.g. "),
        ("next", "must end in .yaml or .yml (found no suffix). Name it "),
        ("next.txt", "must end in .yaml or .yml (found the suffix '.txt'). Name it "),
        ("old.yaml/next.yaml", "is a file, not a folder: choose another path"),
        ("old.yaml", "old.yaml already exists: choose another path, or remove it first"),
    ],
)
def test_what_cannot_be_the_file_is_refused(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "old.yaml").write_text("old")
    with pytest.raises(RecipeError) as caught:
        check_out_file(tmp_path / name, SUFFIXES, RecipeError, is_new=True)
    assert words in str(caught.value)
    assert (tmp_path / "old.yaml").read_text() == "old"


def test_a_file_that_may_be_replaced_or_made_is_fine(tmp_path: Path) -> None:
    (tmp_path / "old.yaml").write_text("old")
    for name in ("old.yaml", "new.YML", "far/away/new.yaml"):
        check_out_file(tmp_path / name, SUFFIXES, RecipeError)
