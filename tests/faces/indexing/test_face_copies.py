"""Copies of the images of minors are found by the face: cut off, scaled, turned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from datagen.core.arrays import Image, Landmarks
from datagen.core.digests import sha256_bytes
from datagen.engine import InlineEngine
from datagen.faces.analyzers import Detection
from datagen.faces.analyzers.given import Given
from datagen.faces.indexing.face_copies import FaceCopies
from datagen.faces.indexing.minors import Seen
from datagen.faces.landmarks import mirrored
from datagen.sources import Record
from datagen.sources.procedural import render
from tests.faces.indexing.test_same_photograph import Tree, build

SIZE = 256


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAGEN_CACHE", str(tmp_path / "cache"))


def copies(image: Image, points: Landmarks) -> dict[str, tuple[Image, Landmarks]]:
    half = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    cut = np.ascontiguousarray(image[30:-12, 28:])
    moved = points - np.array([28, 30], np.float32)
    turned = np.ascontiguousarray(image[:, ::-1])
    return {
        "half": (np.asarray(half, np.uint8), points * np.float32(0.5)),
        "cut": (cut, moved),
        "mirrored": (turned, mirrored(points, SIZE)),
        "mirrored and cut": (np.ascontiguousarray(cut[:, ::-1]), mirrored(moved, cut.shape[1])),
    }


def codes(*sources: Any) -> dict[str, str]:
    return {one.image_id: one.code for one in build(*sources).rejects}


@pytest.mark.parametrize("kind", ["half", "cut", "mirrored", "mirrored and cut"])
def test_a_copy_of_a_minor_and_its_person_are_left_out(tmp_path: Path, kind: str) -> None:
    tree, other = Tree(tmp_path / "faces", 4), Tree(tmp_path / "more", 2, first=7)
    for row in tree.rows:
        row["age"] = "15" if row["id"] == "p1" else ""
    made = render(3, 1, 0, SIZE)
    other.add("zoe1", *copies(made.image, made.landmarks)[kind], identity="zoe")
    more = render(3, 9, 0, SIZE)
    other.add("zoe2", more.image, more.landmarks, identity="zoe")
    columns = {name: name for name in ("image", "identity", "landmarks", "id", "age")}
    refused = codes(tree.source(columns=columns), other.source(id="more"))
    assert refused == {"p1": "under_age", "zoe1": "copy_of_minor", "zoe2": "minor_identity"}


def face(name: str, path: str, points: Landmarks, **changes: Any) -> Seen:
    row: dict[str, Any] = {
        "sha256": name * 8,
        "image_id": name,
        "path": path,
        "face_no": 0,
        "width": SIZE,
        "phash": None,
        "turned": None,
        "embedding": None,
        "landmarks": points.ravel().tolist(),
        "problem": None,
    }
    row |= changes
    return Seen(
        "faces",
        Record(image_id=name, path=path, identity=name, landmarks=points),
        row["sha256"],
        None,
        (row,),
    )


def test_an_embedder_decides_where_pixels_cannot(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "faces", 2)
    made = render(3, 0, 0, SIZE)
    vector = np.random.Generator(np.random.Philox(key=1)).normal(size=512).astype(np.float32)

    class Embedder(Given):
        gives_embedding = True

        def analyze(self, image: Image, record: Record) -> list[Detection]:
            return [replace(one, embedding=vector) for one in super().analyze(image, record)]

    data = (tree.root / "p0.png").read_bytes()
    for other, count in ((vector + 0.1, 1), (-vector, 0)):
        minor = face("a", "p0.png", made.landmarks, sha256=sha256_bytes(data))
        adult = face("b", "gone.png", made.landmarks + 1, embedding=other.tolist())
        found = FaceCopies({"faces": tree.source()}, [adult], Embedder(), InlineEngine)
        assert bool(found([minor])) is bool(count)
        assert bool(found.warnings) is not bool(count)
        for path in (tmp_path / "cache").rglob("*.pairs"):
            path.unlink()


def test_drawn_people_are_never_held_to_the_threshold_of_photographs(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "faces", 2)
    made = render(3, 0, 0, SIZE)
    vector = np.random.Generator(np.random.Philox(key=1)).normal(size=512).astype(np.float32)

    class Embedder(Given):
        gives_embedding = True

        def analyze(self, image: Image, record: Record) -> list[Detection]:
            return [replace(one, embedding=vector) for one in super().analyze(image, record)]

    drawn = {"basis": "synthetic", "alteration": True, "words": "x", "adults_only": True}
    data = (tree.root / "p0.png").read_bytes()
    minor = face("a", "p0.png", made.landmarks, sha256=sha256_bytes(data))
    adult = face("b", "gone.png", made.landmarks + 1, embedding=(vector + 0.1).tolist())
    source = tree.source(consent=drawn)
    found = FaceCopies({"faces": source}, [adult], Embedder(), InlineEngine)
    assert found([minor]) == []
    assert "could not be compared" in found.warnings[0]


def test_without_faces_nothing_is_proposed(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "faces", 1)
    found = FaceCopies({"faces": tree.source()}, [], Given(), InlineEngine)
    assert found([face("a", "p0.png", render(3, 0, 0, SIZE).landmarks)]) == []


def test_what_was_not_compared_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datagen.faces.indexing.face_copies._MOST", 1)
    tree = Tree(tmp_path / "faces", 3)
    points = render(3, 0, 0, SIZE).landmarks
    others = [face(name, f"p{n}.png", points) for n, name in enumerate("bc", 1)]
    found = FaceCopies({"faces": tree.source()}, others, Given(), InlineEngine)
    found([face("a", "p0.png", points)])
    assert found.warnings[0].startswith("so many faces have equal hashes or landmarks")
