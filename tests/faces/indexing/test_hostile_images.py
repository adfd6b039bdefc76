"""One bad image is one reject, and one that ends its worker is named."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from datagen.core.arrays import Image
from datagen.core.image_headers import MAX_IMAGE_FILE
from datagen.engine import InlineEngine
from datagen.engine.base import Outcome
from datagen.errors import RunError
from datagen.faces.analyzers import Detection
from datagen.faces.analyzers.given import Given
from datagen.sources import Record
from tests.core.image_headers.made import grid_avif, saved, slopes, with_stated_size
from tests.faces.indexing.test_build import Tree, codes


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAGEN_CACHE", str(tmp_path / "cache"))


def listed(tree: Tree, name: str) -> None:
    """List one more image, with the landmarks of the first one."""
    number = len(tree.rows)
    tree.rows.append({**tree.rows[0], "image": name, "identity": f"p{number}"})


def test_each_bad_image_is_one_reject_with_its_reason(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "faces")
    whole = saved("AVIF")
    flat = Pillow.new("RGB", (9_100, 9_100))
    bad = {
        "eps.jpg": (saved("EPS"), "it begins like PostScript"),
        "bomb.webp": (saved("WEBP", flat, lossless=True, method=0), "too large: 9100x9100"),
        "grid.png": (grid_avif(40, 40, 512), "too large: 20480x20480"),
        "lying.jpg": (with_stated_size(whole, 20_000, 20_000), "too large: 20000x20000"),
        "cut.avif": (whole[: len(whole) // 2], "damaged: "),
        "head.avif": (whole[:200], "damaged: "),
        "moving.png": (
            saved("PNG", save_all=True, append_images=[slopes().rotate(180)]),
            "animated or multi-page",
        ),
        "page.jpg": (b"<!doctype html>", "it begins like HTML"),
        "empty.jpg": (b"", "not a readable image"),
    }
    for name, (data, _) in bad.items():
        (tree.root / name).write_bytes(data)
        listed(tree, name)
    os.mkfifo(tree.root / "pipe.jpg")
    (tree.root / "folder.jpg").mkdir()
    with (tree.root / "huge.jpg").open("wb") as file:
        file.truncate(MAX_IMAGE_FILE + 1)  # takes no room on the disk
    odd = {"pipe.jpg": "not a", "folder.jpg": "not a", "huge.jpg": "a file of 536,870,913 bytes"}
    for name in odd:
        listed(tree, name)
    built = tree.build()
    assert built.index.column("image_id") == ["p0", "p1", "p2", "p3"]
    assert {code for _, code in codes(built)} == {"unreadable_image"}
    details = {one.image_id: one.detail for one in built.rejects}
    words = {name: text for name, (_, text) in bad.items()} | odd
    assert len(details) == len(words)
    for name, text in words.items():
        assert text in details[name.rpartition(".")[0]]
    again = tree.build()
    assert {one.image_id: one.detail for one in again.rejects} == details


class Dying(InlineEngine):
    """An engine whose worker dies at one image."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.chunks: list[int] = []

    def run(self, task: Any, keys: Iterable[Any]) -> Iterator[Outcome[Any, Any]]:
        for key in keys:
            self.chunks.append(len(key))
            if any(record.path == self.name for record in key):
                yield Outcome(key, None, RunError("its worker process died 4 times"), 4)
            else:
                yield from super().run(task, [key])


def test_an_image_that_ends_its_worker_is_named_and_all_others_are_remembered(
    tmp_path: Path,
) -> None:
    tree = Tree(tmp_path / "faces", people=20)
    engine = Dying("p7.png")
    words = r"image 'p7.png': its worker process died 4 times\. If it fails again, remove the image"
    with pytest.raises(RunError, match=words):
        tree.build(engine=lambda: engine)
    assert engine.chunks == [16, 4, *[1] * 16]
    engine = Dying("p7.png")
    with pytest.raises(RunError, match=r"image 'p7.png'"):
        tree.build(engine=lambda: engine)
    assert engine.chunks == [1]  # the other 19 are remembered


class Picky(Given):
    """An analyzer with a fault."""

    def analyze(self, image: Image, record: Record) -> list[Detection]:
        """Fail on one image."""
        if record.path == "p2.png":
            raise ZeroDivisionError("a fault in the analyzer")
        return super().analyze(image, record)


def test_an_image_on_which_the_analyzer_fails_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"image 'p2.png': ZeroDivisionError: a fault in the anal"):
        Tree(tmp_path / "faces").build(Picky())


def test_images_that_other_programs_reduced_or_framed_are_rejects(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "faces")
    plain = Pillow.open(tree.root / "p0.png").convert("RGB")
    noisy = np.asarray(plain).astype(int) + np.random.default_rng(1).integers(-9, 10, (1, 1, 3))
    pixels = np.clip(noisy, 0, 255).astype(np.uint8)
    Pillow.fromarray(pixels // 16 * 17).save(tree.root / "poster.png")
    framed = np.asarray(plain).copy()
    framed[: framed.shape[0] // 2] = 0
    Pillow.fromarray(framed).save(tree.root / "framed.png")
    for name in ("poster.png", "framed.png"):
        listed(tree, name)
    built = tree.build()
    assert built.index.column("image_id") == ["p0", "p1", "p2", "p3"]
    assert sorted((one.image_id, one.code) for one in built.rejects) == [
        ("framed", "face_at_border"),
        ("poster", "few_colors"),
    ]
    again = tree.build()
    assert [one.code for one in again.rejects] == [one.code for one in built.rejects]
