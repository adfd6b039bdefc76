"""What lies below a root, in every layout that walks: links, hidden folders, other files."""

from __future__ import annotations

import os
import uuid
from collections import Counter
from pathlib import Path

import fsspec
import pytest

from datagen.errors import ImageError, SourceError
from datagen.sources import Source
from datagen.sources.listing import passed_over_words

from .trees import by_id, source, write

FRAMES = "original_sequences/youtube/c23/images"
WALKING = [("folder", ""), ("faceforensics", f"{FRAMES}/")]
SYSTEM = [
    *(".Trash-1000", ".ipynb_checkpoints", "@eaDir", "__MACOSX", "$RECYCLE.BIN", "lost+found"),
    *("#recycle", "System Volume Information", ".thumbnails", "@Recycle", "__pycache__"),
]


def people(of: Source) -> set[str]:
    return {record.identity for record in of.records()}


@pytest.mark.parametrize(("layout", "top"), WALKING)
@pytest.mark.parametrize("hidden", SYSTEM)
def test_folders_of_systems_are_no_people(
    tmp_path: Path, layout: str, top: str, hidden: str
) -> None:
    write(
        tmp_path,
        {
            f"{top}001/1.png": "",
            f"{top}{hidden}/2.png": "",
            f"{top}001/{hidden}/3.png": "",
            f"{top}001/._1.png": "",
        },
    )
    found = source(layout, tmp_path)
    assert people(found) == {"001"}
    assert len(list(found.records())) == 1
    found.passed_over.clear()
    list(found.records())
    assert found.passed_over == {"hidden or system": 3}


@pytest.mark.parametrize("hidden", SYSTEM)
def test_also_not_in_storage(hidden: str) -> None:
    memory = f"memory://{uuid.uuid4()}"
    for name in ("anna/1.jpg", f"{hidden}/2.jpg", f"{hidden}/3.jpg", "anna/x.heic"):
        with fsspec.open(f"{memory}/{name}", "wb") as handle:
            handle.write(b"x")
    found = source("folder", memory)
    assert people(found) == {"anna"}
    assert found.passed_over == {"hidden or system": 1, ".heic": 1}


@pytest.mark.parametrize(("layout", "top"), WALKING)
def test_links_below_the_root_are_followed(tmp_path: Path, layout: str, top: str) -> None:
    root = write(tmp_path / "root", {f"{top}001/1.png": "one", "store/2.png": "two"})
    (root / f"{top}001/2.png").symlink_to(root / "store/2.png")
    (root / f"{top}002").symlink_to(root / "store")
    found = source(layout, root)
    paths = {record.path for record in found.records()} - {"store/2.png"}
    assert paths == {f"{top}001/1.png", f"{top}001/2.png", f"{top}002/2.png"}
    assert found.read(f"{top}001/2.png") == found.read(f"{top}002/2.png") == b"two"
    assert found.stamp(f"{top}001/2.png") == found.stamp(f"{top}002/2.png")
    assert not found.passed_over


@pytest.mark.parametrize(("layout", "top"), WALKING)
def test_links_out_of_the_root_are_told_and_followed_only_if_asked(
    tmp_path: Path, layout: str, top: str
) -> None:
    root = write(tmp_path / "root", {f"{top}001/1.png": "one"})
    write(tmp_path / "other", {"2.png": "two"})
    (root / f"{top}001/2.png").symlink_to(tmp_path / "other/2.png")
    (root / f"{top}002").symlink_to(tmp_path / "other")
    found = source(layout, root)
    assert people(found) == {"001"}
    assert found.passed_over == {"link out of the root": 2}
    assert "--allow-outside" in passed_over_words(found.passed_over)
    for read in (found.read, found.stamp):
        with pytest.raises(ImageError, match="a link that leads outside of the root"):
            read(f"{top}002/2.png")
    found.allow_outside = True
    assert people(found) == {"001", "002"}
    assert found.read(f"{top}002/2.png") == b"two"


def test_circles_broken_links_and_pipes_are_told(tmp_path: Path) -> None:
    write(tmp_path, {"anna/1.jpg": ""})
    (tmp_path / "anna/again").symlink_to(tmp_path)
    (tmp_path / "anna/self").symlink_to(tmp_path / "anna/self")
    (tmp_path / "anna/gone.jpg").symlink_to("nowhere.jpg")
    (tmp_path / "anna/up").symlink_to("..")
    os.mkfifo(tmp_path / "anna/pipe.jpg")
    found = source("folder", tmp_path)
    assert list(by_id(found)) == ["anna/1"]
    assert found.passed_over == {"link in a circle": 2, "broken link": 2, "no regular file": 1}


def test_two_folders_that_link_to_each_other_end(tmp_path: Path) -> None:
    write(tmp_path, {"anna/1.jpg": "", "ben/2.jpg": ""})
    (tmp_path / "anna/b").symlink_to(tmp_path / "ben")
    (tmp_path / "ben/a").symlink_to(tmp_path / "anna")
    found = source("folder", tmp_path)
    assert list(by_id(found)) == ["anna/1", "anna/b/2", "ben/2", "ben/a/1"]


def test_links_that_multiply_folders_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datagen.sources.listing._MAX_LINKS", 1000)
    write(tmp_path, {f"level{n}/1.jpg": "" for n in range(13)})
    for n in range(12):
        for side in "ab":
            (tmp_path / f"level{n}" / side).symlink_to(tmp_path / f"level{n + 1}")
    with pytest.raises(SourceError, match="more than 1,000 links to folders"):
        list(source("folder", tmp_path).records())


def test_other_files_are_counted_by_their_extension(tmp_path: Path) -> None:
    names = ("1.jpg", "2.HEIC", "3.heic", "4.jfif", "README", "5.avif", "a.b c", ".jpg")
    write(tmp_path, {f"anna/{name}": "" for name in names})
    found = source("folder", tmp_path)
    assert list(by_id(found)) == ["anna/1"]
    assert found.passed_over == Counter(
        {".heic": 2, ".jfif": 1, ".avif": 1, "of no known extension": 2, "hidden or system": 1}
    )
    assert passed_over_words(found.passed_over).startswith("2 .heic, ")


@pytest.mark.parametrize("layout", ["table", "london", "celeba", "ffhq"])
def test_images_of_tables_are_not_read_through_links_out_of_the_root(
    tmp_path: Path, layout: str
) -> None:
    write(tmp_path / "other", {"1.jpg": "one"})
    root = tmp_path / "root"
    (root / "near").mkdir(parents=True)
    (root / "near/1.jpg").write_text("near")
    (root / "1.jpg").symlink_to(tmp_path / "other/1.jpg")
    (root / "images").symlink_to(tmp_path / "other")
    (root / "2.jpg").symlink_to("near/1.jpg")
    found = source(layout, root)
    for path in ("1.jpg", "images/1.jpg"):
        with pytest.raises(ImageError, match="outside of the root"):
            found.read(path)
    assert found.read("2.jpg") == b"near"
    assert found.stamp("2.jpg") == found.stamp("near/1.jpg")
    found.allow_outside = True
    assert found.read("images/1.jpg") == b"one"


def test_a_folder_that_links_out_of_the_root_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "other", {"001/1.png": ""})
    root = tmp_path / "root"
    (root / FRAMES).parent.mkdir(parents=True)
    (root / FRAMES).symlink_to(tmp_path / "other")
    with pytest.raises(SourceError, match="a link that leads outside of the root"):
        list(source("faceforensics", root).records())
