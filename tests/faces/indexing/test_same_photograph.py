"""One photograph under two names: found, joined into one split, told; and nothing else is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from datagen.core.arrays import Image
from datagen.core.images import encode_jpeg
from datagen.engine import Engine, InlineEngine
from datagen.faces.analyzers import ANALYZERS, Analyzer
from datagen.faces.indexing.build import BuiltIndex, FaceLimits, build_index
from datagen.faces.indexing.compare import one_photograph
from datagen.faces.indexing.joining import joined_to
from datagen.faces.indexing.same_photograph import same_photographs
from datagen.rights import Purpose
from datagen.sources import Source
from datagen.sources.procedural import render
from tests.sources.trees import source
from tests.support.assets import london, weights

COLUMNS = {name: name for name in ("image", "identity", "landmarks", "id")}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAGEN_CACHE", str(tmp_path / "cache"))


class Tree:
    """A folder with rendered faces, and a table with their landmarks."""

    def __init__(self, root: Path, people: int = 4, first: int = 0) -> None:
        root.mkdir()
        self.root = root
        self.rows: list[dict[str, Any]] = []
        for number in range(first, first + people):
            made = render(3, number, 0, 256)
            self.add(f"p{number}", made.image, made.landmarks)

    def add(self, name: str, image: Image, landmarks: Any, **row: Any) -> None:
        path = self.root / f"{name}.png"
        assert cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        given = json.dumps(np.asarray(landmarks, float).ravel().tolist())
        plain = {"image": path.name, "identity": name, "landmarks": given, "id": name}
        self.rows.append({**plain, **row})

    def source(self, columns: dict[str, str] = COLUMNS, **changes: Any) -> Source:
        import pandas as pd

        pd.DataFrame(self.rows).to_csv(self.root / "faces.csv", index=False)
        adults = {"basis": "signed", "alteration": True, "words": "x", "adults_only": True}
        return source(
            "table", self.root, columns=columns, card_changes={"consent": adults, **changes}
        )


def build(*sources: Source, engine: Callable[[], Engine] = InlineEngine) -> BuiltIndex:
    analyzer: Analyzer = ANALYZERS.load("given")()
    limits = FaceLimits(40, 90)
    return build_index(
        sources, analyzer, limits, Purpose(use="research"), engine, lambda done, total: None
    )


def joins(built: BuiltIndex) -> dict[str, str]:
    """Return the identities that follow another one."""
    names = zip(
        built.index.column("source"),
        built.index.column("identity"),
        map(joined_to, built.index.column("extra")),
        strict=True,
    )
    return {f"{at}/{name}": "/".join(to) for at, name, to in names if to is not None}


def copies(image: Image) -> dict[str, tuple[Image, float, tuple[int, int]]]:
    """Return copies with the factor and the shift of their landmarks."""
    half = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    double = cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    coarse = cv2.imdecode(np.frombuffer(encode_jpeg(image, 30), np.uint8), cv2.IMREAD_COLOR)
    assert coarse is not None
    return {
        "half": (np.asarray(half, np.uint8), 0.5, (0, 0)),
        "double": (np.asarray(double, np.uint8), 2.0, (0, 0)),
        "coarse": (np.ascontiguousarray(coarse[:, :, ::-1]), 1.0, (0, 0)),
        "cropped": (np.ascontiguousarray(image[12:-8, 10:-14]), 1.0, (10, 12)),
        "top": (np.ascontiguousarray(image[20:]), 1.0, (0, 20)),
        "padded": (np.pad(image, ((9, 9), (9, 9), (0, 0))), 1.0, (-9, -9)),
    }


@pytest.mark.parametrize("kind", ["half", "double", "coarse", "cropped", "top", "padded"])
def test_a_copy_under_another_name_is_joined_and_named(tmp_path: Path, kind: str) -> None:
    tree = Tree(tmp_path / "faces", 5)
    made = render(3, 1, 0, 256)
    image, factor, shift = copies(made.image)[kind]
    tree.add("zoe", image, (made.landmarks - np.array(shift)) * factor)
    built = build(tree.source())
    assert joins(built) == {"faces/zoe": "faces/p1"}
    assert built.index.column("identity")[-1] == "zoe"
    (warning,) = built.warnings
    assert "1 pair of identities has a photograph in common: faces/p1 and faces/zoe" in warning
    assert "(p1.png and zoe.png)" in warning


def test_different_people_are_not_joined(tmp_path: Path) -> None:
    built = build(Tree(tmp_path / "faces", 12).source())
    assert (joins(built), built.warnings) == ({}, [])


def test_equal_bytes_join_across_sources_and_in_chains(tmp_path: Path) -> None:
    first, second = Tree(tmp_path / "faces", 3), Tree(tmp_path / "more", 2, first=3)
    shutil.copy(first.root / "p0.png", second.root / "copy.png")
    given = first.rows[0]["landmarks"]
    second.rows.append({"image": "copy.png", "identity": "p3", "landmarks": given, "id": "copy"})
    shutil.copy(second.root / "p3.png", second.root / "p4.png")
    second.rows[1]["landmarks"] = second.rows[0]["landmarks"]
    built = build(first.source(), second.source(id="more"))
    assert joins(built) == {"more/p3": "faces/p0", "more/p4": "faces/p0"}


def test_two_people_in_one_file_stay_two(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "faces", 2)
    left, right = render(3, 5, 0, 256), render(3, 6, 0, 256)
    both = np.concatenate([left.image, right.image], axis=1)
    tree.add("left", both, left.landmarks)
    tree.add("right", both, right.landmarks + np.array([256, 0]))
    tree.rows[-1]["image"] = tree.rows[-2]["image"]
    assert joins(build(tree.source())) == {}


def test_what_was_compared_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = Tree(tmp_path / "faces", 3)
    made = render(3, 1, 0, 256)
    tree.add("zoe", copies(made.image)["half"][0], made.landmarks * 0.5)
    first = build(tree.source())

    def never(*_: Any) -> bool:
        raise AssertionError("the pixels were to be remembered")

    monkeypatch.setattr("datagen.faces.indexing.compare.same_face", never)
    second = build(tree.source())
    assert joins(second) == joins(first) == {"faces/zoe": "faces/p1"}
    assert second.index.digest == first.index.digest


def test_the_order_of_the_sources_does_not_matter(tmp_path: Path) -> None:
    first, second = Tree(tmp_path / "faces", 3), Tree(tmp_path / "more", 3)
    one, two = first.source(), second.source(id="more")
    built, turned = build(one, two), build(two, one)
    assert len(joins(built)) == 3
    assert built.index.digest == turned.index.digest


def test_rendered_people_of_one_seed_are_one_in_two_sources(tmp_path: Path) -> None:
    changes = {"card_changes": {"id": "more"}}
    few = source("procedural", "", identities=3, images_per_identity=1, seed=5, size=128)
    many = source(
        "procedural", "", identities=4, images_per_identity=1, seed=5, size=128, **changes
    )
    assert joins(build(few, many)) == {
        f"more/p000000{number}": f"faces/p000000{number}" for number in range(3)
    }
    other = source(
        "procedural", "", identities=3, images_per_identity=1, seed=6, size=128, **changes
    )
    assert joins(build(few, other)) == {}


def test_an_embedder_decides_too(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "faces", 2)
    one = tree.source()
    plain = {"source": "faces", "box": [0, 0, 9, 9], "phash": "00000000000000ff", "path": "p0.png"}
    base = np.asarray(json.loads(tree.rows[0]["landmarks"]), np.float32)
    rows = [
        {**plain, "identity": name, "image_id": name, "sha256": name * 64, "landmarks": base + n}
        for n, name in enumerate("ab")
    ]
    vector = np.random.Generator(np.random.Philox(key=1)).normal(size=512)
    for other, found in ((vector + 0.1, True), (-vector, None)):
        for row, embedding in zip(rows, (vector, other), strict=True):
            row |= {"embedding": embedding.tolist(), "path": "gone.png"}
        same = same_photographs([one], rows, InlineEngine)
        assert (len(same.pairs), same.unread) == ((1, 0) if found else (0, 1))
        shutil.rmtree(tmp_path / "cache", ignore_errors=True)


def test_what_an_embedder_decided_is_not_kept(tmp_path: Path) -> None:
    of = {"faces": Tree(tmp_path / "faces", 2).source()}
    vector = np.random.Generator(np.random.Philox(key=1)).normal(size=512)
    rows = [
        {"source": "faces", "image_id": name, "sha256": name * 64, "path": f"p{number}.png"}
        | {"embedding": (vector + number).tolist()}
        for number, name in enumerate("ab")
    ]
    points = np.stack([render(3, number, 0, 256).landmarks for number in range(2)])
    # As a source grows, the cosine by which its people are told apart changes.
    for cosine, same in ((0.2, True), (2.0, False), (0.2, True)):
        limits = {"faces": cosine}
        found = one_photograph(of, rows, points, [(0, 1)], InlineEngine, limits=limits)
        assert found == [same]


def test_where_every_image_counts_alone_copies_get_one_name(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "faces", 4)
    made = render(3, 2, 0, 256)
    tree.add("zoe", copies(made.image)["cropped"][0], made.landmarks - np.array([10, 12]))
    built = build(tree.source(identity="per_image"))
    assert built.index.column("identity") == ["p0", "p1", "p2", "p3", "p2"]
    (warning,) = built.warnings
    assert "and 1 near-duplicates were merged" in warning


@pytest.mark.photos
@pytest.mark.slow
@pytest.mark.parametrize("identity", ["known", "per_image"])
def test_the_people_of_the_london_set_give_none(tmp_path: Path, identity: Any) -> None:
    weights("face_landmarker.task")
    adults = {"basis": "signed", "alteration": True, "words": "x", "adults_only": True}
    of = source("london", london().parent, card_changes={"consent": adults, "identity": identity})
    analyzer: Analyzer = ANALYZERS.load("mediapipe")()
    built = build_index(
        [of],
        analyzer,
        FaceLimits(40, 90),
        Purpose(use="research"),
        InlineEngine,
        lambda done, total: None,
    )
    assert joins(built) == {}
    assert len(set(built.index.column("identity"))) == 53
    if identity == "per_image":
        assert "and 0 near-duplicates were merged" in built.warnings[0]
    assert not [warning for warning in built.warnings if "photograph in common" in warning]
