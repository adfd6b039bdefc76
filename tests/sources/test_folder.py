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


@pytest.mark.parametrize("names", [("train", "val", "test"), ("Training", "valid"), ("train",)])
def test_folders_of_splits_are_no_people(tmp_path: Path, names: tuple[str, ...]) -> None:
    write(tmp_path, {f"{name}/{person}/1.jpg": "" for name in names for person in "ab"})
    with pytest.raises(SourceError, match="folders are named like splits"):
        by_id(source("folder", tmp_path))
    per_image = {"identity": "per_image"}
    assert len(by_id(source("folder", tmp_path, card_changes=per_image))) == 2 * len(names)


def test_a_person_may_be_named_like_a_split(tmp_path: Path) -> None:
    write(tmp_path, {"Val/1.jpg": "", "Ben/1.jpg": ""})
    assert {one.identity for one in by_id(source("folder", tmp_path)).values()} == {"Val", "Ben"}


def test_a_root_that_is_a_file_is_told(tmp_path: Path) -> None:
    write(tmp_path, {"faces.zip": ""})
    with pytest.raises(SourceError, match=r"faces\.zip' is a file, expected a folder"):
        by_id(source("folder", tmp_path / "faces.zip"))


def test_videos_are_listed_apart_from_images(tmp_path: Path) -> None:
    files = ("ann/a.mp4", "ann/b.MOV", "ann/c.jpg", "ben/d.mpg", "ben/e.txt")
    of = source("folder", write(tmp_path, dict.fromkeys(files, "")))
    found = list(of.clip_records())
    assert [(one.image_id, one.path, one.identity) for one in found] == [
        ("ann/a", "ann/a.mp4", "ann"),
        ("ann/b", "ann/b.MOV", "ann"),
        ("ben/d", "ben/d.mpg", "ben"),
    ]
    assert dict(of.passed_over) == {".jpg": 1, ".txt": 1}
    assert of.has_clips
    assert [one.path for one in of.records()] == ["ann/c.jpg"]


def test_a_video_outside_of_a_folder_is_of_nobody(tmp_path: Path) -> None:
    of = source("folder", write(tmp_path, {"a.mp4": ""}))
    with pytest.raises(SourceError, match="<root>/<identity>/<video>"):
        list(of.clip_records())
