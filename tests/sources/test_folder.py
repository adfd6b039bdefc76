from __future__ import annotations

from pathlib import Path

import pytest

from datagen.errors import SourceError

from .trees import by_id, source, write


def test_a_folder_is_a_person(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "ben/2.png": "",
            "anna/day 1/b.JPG": "",
            "anna/a.jpeg": "",
            "anna/notes.txt": "",
            "anna/.hidden.jpg": "",
            "readme.md": "",
        },
    )
    found = by_id(source("folder", tmp_path))
    assert {key: (r.path, r.identity) for key, r in found.items()} == {
        "anna/a": ("anna/a.jpeg", "anna"),
        "anna/day 1/b": ("anna/day 1/b.JPG", "anna"),
        "ben/2": ("ben/2.png", "ben"),
    }
    assert list(found) == sorted(found)
    assert all(record.age is None for record in found.values())


def test_only_the_last_dot_is_an_ending(tmp_path: Path) -> None:
    write(tmp_path, {"a.b/c.d.jpg": ""})
    assert list(by_id(source("folder", tmp_path))) == ["a.b/c.d"]


def test_per_image_takes_each_image_for_a_person(tmp_path: Path) -> None:
    write(tmp_path, {"x.jpg": "", "anna/y.jpg": "", "anna/z.jpg": ""})
    found = by_id(source("folder", tmp_path, card_changes={"identity": "per_image"}))
    assert {key: record.identity for key, record in found.items()} == {
        "anna/y": "anna/y",
        "anna/z": "anna/z",
        "x": "x",
    }


def test_a_loose_image_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"x.jpg": ""})
    with pytest.raises(SourceError, match=r"'x\.jpg' is not in the folder of an identity"):
        list(source("folder", tmp_path).records())


def test_a_root_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=f"no folder '{tmp_path}/gone'"):
        list(source("folder", tmp_path / "gone").records())
