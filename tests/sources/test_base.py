from __future__ import annotations

import dataclasses
import os
import pickle
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from datagen.errors import ImageError, RecipeError, RightsError, SourceError
from datagen.faces.indexing.select import Screened
from datagen.rights import Purpose, check_rights, today
from datagen.sources import SOURCES, Consent, Record, Source, SourceCard, load_card
from datagen.sources.base import unique

from .trees import CARDS, by_id, card, ffhq_entry, ffhq_tree, shipped, source, write


@pytest.fixture
def memory() -> Iterator[str]:
    root = f"/{uuid.uuid4().hex}"
    yield f"memory://{root}"
    fsspec.filesystem("memory").rm(root, recursive=True)


def test_unique_passes_distinct_records_in_order(tmp_path: Path) -> None:
    root = write(tmp_path, {"b/1.jpg": "", "a/1.jpg": "", "a/2.jpg": ""})
    records = list(source("folder", root).records())
    assert list(unique(iter(records), "faces")) == records


def test_unique_refuses_a_second_image_of_one_id(tmp_path: Path) -> None:
    root = write(tmp_path, {"a/1.jpg": "", "a/1.png": ""})
    with pytest.raises(SourceError) as caught:
        list(unique(source("folder", root).records(), "faces"))
    for part in ("'faces'", "'a/1'", "'a/1.jpg'", "'a/1.png'"):
        assert part in str(caught.value)


def test_unique_refuses_at_the_second_not_at_the_end() -> None:
    def records() -> Iterator[Record]:
        yield Record(image_id="1", identity="x")
        yield Record(image_id="1", identity="y")
        pytest.fail("went on")

    with pytest.raises(SourceError, match="used twice"):
        list(unique(records(), "faces"))


def test_a_name_that_is_not_unicode_is_refused(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path / "anna")
    os.mkdir(folder)
    with open(folder + b"/\xe9.jpg", "wb"):
        pass
    with pytest.raises(SourceError, match=r"udce9' is not valid Unicode: rename the file"):
        list(unique(source("folder", tmp_path).records(), "faces"))


@pytest.mark.parametrize("name", ["a\nb", "a\x1b[2J", "x" * 2001])
@pytest.mark.parametrize("column", ["image_id", "identity"])
def test_a_name_that_no_release_can_hold_is_refused(name: str, column: str) -> None:
    good = Record(path="a.jpg", image_id="a", identity="b")
    changed: dict[str, Any] = {column: name}
    record = dataclasses.replace(good, **changed)
    with pytest.raises(SourceError, match="no release could hold it"):
        list(unique(iter([record]), "faces"))


@pytest.mark.parametrize("name", ["Åsa/größe 1.jpg", "山田/顔.jpg", "a'b/ü#?%20.png"])
def test_names_beyond_ascii_are_read(tmp_path: Path, name: str) -> None:
    found = source("folder", write(tmp_path, {name: "pixels"}))
    record = next(unique(found.records(), "faces"))
    assert (record.path, record.identity) == (name, name.partition("/")[0])
    assert found.read(record.path) == b"pixels"


def test_a_memory_root_reads_like_a_local_one(tmp_path: Path, memory: str) -> None:
    files = {"anna/é 1.jpg": "one", "ben/2.png": "two"}
    local = source("folder", write(tmp_path, files))
    with fsspec.open(f"{memory}/anna/é 1.jpg", "wb") as handle:
        handle.write(b"one")
    with fsspec.open(f"{memory}/ben/2.png", "wb") as handle:
        handle.write(b"two")
    remote = source("folder", memory)
    assert list(remote.records()) == list(local.records())
    assert [remote.read(r.path) for r in remote.records()] == [b"one", b"two"]
    assert remote.exists("ben/2.png")
    assert not remote.exists("ben/3.png")


def test_a_table_on_a_memory_root(memory: str) -> None:
    with fsspec.open(f"{memory}/faces.csv", "wb") as handle:
        handle.write("image,identity\nü.jpg,Åsa\n".encode("utf-8-sig"))
    assert by_id(source("table", memory))["ü"].identity == "Åsa"


def test_a_byte_order_mark_is_no_part_of_a_text(tmp_path: Path) -> None:
    (tmp_path / "train.json").write_bytes("[]".encode("utf-8-sig"))
    assert source("folder", tmp_path).read_text("train.json", "split") == "[]"


def test_a_table_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "faces.csv").write_bytes("image,identity\nü.jpg,1\n".encode("latin-1"))
    with pytest.raises(SourceError, match=r"faces\.csv' is not UTF-8"):
        list(source("table", tmp_path).records())


def test_a_stamp_changes_with_the_file_and_only_then(tmp_path: Path) -> None:
    local = source("folder", write(tmp_path, {"a/1.jpg": "x"}))
    before = local.stamp("a/1.jpg")
    assert local.stamp("a/1.jpg") == before
    os.utime(tmp_path / "a/1.jpg", (1, 1))
    touched = local.stamp("a/1.jpg")
    assert touched != before
    (tmp_path / "a/1.jpg").write_text("xy")
    os.utime(tmp_path / "a/1.jpg", (1, 1))
    assert local.stamp("a/1.jpg") != touched


def test_a_stamp_sees_a_change_of_equal_size_in_memory(memory: str) -> None:
    remote = source("folder", memory)
    stamps = []
    for content in (b"x", b"y"):
        with fsspec.open(f"{memory}/a/1.jpg", "wb") as handle:
            handle.write(content)
        stamps.append(remote.stamp("a/1.jpg"))
        time.sleep(0.002)
    assert stamps[0] != stamps[1]


def test_a_source_travels_after_it_was_used(tmp_path: Path) -> None:
    used = source("folder", write(tmp_path, {"a/1.jpg": "x"}))
    records = list(used.records())
    again = pickle.loads(pickle.dumps(used))
    assert "_place" not in again.__dict__
    assert list(again.records()) == records
    assert again.read("a/1.jpg") == b"x"
    assert again.card == used.card


@pytest.mark.parametrize("layout", ["celeba", "faceforensics", "ffhq", "folder", "london", "table"])
def test_a_root_is_needed(layout: str) -> None:
    with pytest.raises(RecipeError, match="source 'faces' needs a 'root' folder"):
        SOURCES.load(layout).build(card(layout), "", {})


def test_an_override_replaces_one_option(tmp_path: Path) -> None:
    of = card("faceforensics", options={"compression": "c40", "frames_per_video": 3})
    built = SOURCES.load("faceforensics").build(of, str(tmp_path), {"compression": "raw"})
    assert (built.config.compression, built.config.frames_per_video) == ("raw", 3)


def test_a_layout_without_options_takes_none(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"sources\[0\]\.depth: unknown key"):
        SOURCES.load("folder").build(card("folder"), str(tmp_path), {"depth": 2}, "sources[0]")


RESEARCH = Purpose(use="research")
GROUNDS = "Ethics board of the institute, 2026-03-01, request 17"


def _screened(of: Source) -> tuple[list[str], list[str]]:
    """Return the ids that the index may read, and the codes of those that it may not."""
    records = list(unique(of.records(), of.card.id))
    seen = Screened(of.card, records, {r.license: True for r in records if r.license})
    return [record.image_id for record in seen.records], [r.code for r in seen.rejects]


def _mine(published: SourceCard, ages: str) -> SourceCard:
    """The cure: a card of the user's own, with terms, grounds and ages."""
    stated = {"basis": "platform_terms", "alteration": True, "grounds": GROUNDS}
    changes = {"consent": stated, "options": {"ages": ages}}
    return published.model_validate(published.model_dump() | changes)


def _ffhq(root: Path) -> tuple[Path, str, list[str]]:
    ffhq_tree(root, ffhq_entry(7), ffhq_entry(8), ffhq_entry(9))
    return root, "image,age\n7,33\n8,17\n", ["00007"]


def _celeba(root: Path) -> tuple[Path, str, list[str]]:
    images = ["000001.jpg", "000002.jpg", "000003.jpg"]
    files = {
        "identity_CelebA.txt": "".join(f"{name} {n}\n" for n, name in enumerate(images)),
        "list_attr_celeba.txt": "3\nMale Young\n" + "".join(f"{name} 1 -1\n" for name in images),
        "list_eval_partition.txt": "".join(f"{name} 0\n" for name in images),
        "img_align_celeba/000001.jpg": "",
    }
    return write(root, files), "image,age\n000001.jpg,33\n000002.jpg,17\n", ["000001"]


def _faceforensics(root: Path) -> tuple[Path, str, list[str]]:
    top = "original_sequences/youtube/c23/images"
    files = {f"{top}/{video}/0000.png": "" for video in ("000", "001", "002")}
    return write(root, files), "identity,age\n000,33\n001,17\n", ["youtube/000/0000"]


@pytest.mark.parametrize(
    ("name", "tree"), [("ffhq", _ffhq), ("celeba", _celeba), ("faceforensics", _faceforensics)]
)
def test_a_scraped_set_is_refused_until_ones_own_card_states_terms_grounds_and_ages(
    tmp_path: Path, name: str, tree: Callable[[Path], tuple[Path, str, list[str]]]
) -> None:
    root, table, adults = tree(tmp_path)
    published = load_card(CARDS / f"{name}.yaml")
    with pytest.raises(RightsError, match=rf"source '{name}'.*consent\.basis is unknown"):
        check_rights([published], [], RESEARCH, today())
    assert _screened(shipped(name, root)) == ([], ["age_unknown"] * 3)

    write(root, {"ages.csv": table})
    mine = _mine(published, "ages.csv")
    assert [decision.covered for decision in check_rights([mine], [], RESEARCH, today())] == [True]
    built = SOURCES.load(mine.layout).build(mine, str(root), {})
    assert _screened(built) == (adults, ["under_age", "age_unknown"])


def test_ones_own_terms_reach_no_further_than_they_say() -> None:
    mine = _mine(load_card(CARDS / "ffhq.yaml"), "ages.csv")
    for use, clause in (
        (Purpose(use="commercial"), "commercial"),
        (Purpose(use="research", redistribute=True), "redistribution"),
    ):
        with pytest.raises(RightsError, match=rf"consent\.{clause} is unknown"):
            check_rights([mine], [], use, today())
    silent = mine.model_copy(update={"consent": Consent(basis="platform_terms")})
    with pytest.raises(RightsError, match="platform_terms, which needs 'grounds'"):
        check_rights([silent], [], RESEARCH, today())


def test_a_file_is_opened_as_it_is_read(tmp_path: Path) -> None:
    of = source("folder", write(tmp_path / "faces", {"a/one.mp4": "content"}))
    with of.open("a/one.mp4") as file:
        assert file.read(3) == b"con"
        file.seek(0)
        assert file.read() == of.read("a/one.mp4")
    with pytest.raises(FileNotFoundError):
        of.open("a/two.mp4")
    with pytest.raises(ImageError, match="not a regular file"):
        of.open("a")
    with pytest.raises(SourceError, match="leads outside of the root"):
        of.open("../other.mp4")
    (tmp_path / "other.mp4").write_bytes(b"x")
    (tmp_path / "faces/a/link.mp4").symlink_to(tmp_path / "other.mp4")
    with pytest.raises(ImageError, match="a link that leads outside of the root"):
        of.open("a/link.mp4")


def test_a_remote_file_is_opened(memory: str) -> None:
    with fsspec.open(f"{memory}/a/one.mp4", "wb") as file:
        file.write(b"content")
    with source("folder", memory).open("a/one.mp4") as file:
        assert file.read() == b"content"


def test_a_layout_without_videos_says_so(tmp_path: Path) -> None:
    of = source("ffhq", tmp_path)
    assert not of.has_clips
    with pytest.raises(SourceError, match="the layout 'ffhq' lists no videos"):
        next(of.clip_records())
    assert list(of.other_clips()) == []


def test_a_video_may_be_larger_than_an_image(tmp_path: Path) -> None:
    of = source("folder", write(tmp_path, {"a/one.mp4": "content"}))
    assert of.stamp("a/one.mp4", 7).startswith("7:")
    with pytest.raises(ImageError, match="a file of 7 bytes; the limit is 6"):
        of.stamp("a/one.mp4", 6)
