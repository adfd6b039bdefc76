from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
import pandas as pd
import pytest

from datagen.core.arrays import Image
from datagen.core.digests import sha256_bytes
from datagen.engine import Engine, InlineEngine
from datagen.errors import RecipeError, SourceChangedError, SourceError
from datagen.faces.analyzers import Analyzer, Detection
from datagen.faces.analyzers.given import Given
from datagen.faces.crop import face_box
from datagen.faces.indexing.build import (
    BuiltIndex,
    FaceLimits,
    build_index,
    forget_changed,
    stated_index,
)
from datagen.rights import Purpose
from datagen.sources import Record, Source
from tests.sources.trees import source
from tests.support.faces_made import made_face, made_landmarks

SIZE = 160
LIMITS = FaceLimits(40, 60)
RESEARCH = Purpose(use="research")
COLUMNS = {name: name for name in ("landmarks", "sex", "age", "license", "box")}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAGEN_CACHE", str(tmp_path / "cache"))


class Tree:
    """A folder with drawn faces and their table."""

    def __init__(self, root: Path, people: int = 4) -> None:
        root.mkdir()
        self.root = root
        self.rows: list[dict[str, Any]] = []
        for number in range(people):
            self.draw(f"p{number}.png", number)
            landmarks = made_landmarks(number, SIZE)
            self.rows.append(
                {
                    "image": f"p{number}.png",
                    "identity": f"p{number}",
                    "landmarks": json.dumps(landmarks.ravel().tolist()),
                    "sex": "Female",
                    "age": 30 + number,
                    "license": None,
                    "box": None,
                }
            )

    def draw(self, name: str, number: int) -> None:
        image = made_face(number, SIZE).image
        assert cv2.imwrite(str(self.root / name), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))

    def source(self, **card_changes: Any) -> Source:
        pd.DataFrame(self.rows).to_csv(self.root / "faces.csv", index=False)
        return source("table", self.root, columns=COLUMNS, card_changes=card_changes)

    def build(
        self,
        analyzer: Analyzer | None = None,
        engine: Callable[[], Engine] = InlineEngine,
        limits: FaceLimits = LIMITS,
        **card_changes: Any,
    ) -> BuiltIndex:
        return build_index(
            [self.source(**card_changes)],
            analyzer or Given(),
            limits,
            RESEARCH,
            engine,
            lambda done, total: None,
        )


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path / "faces")


def no_engine() -> Engine:
    raise AssertionError("nothing was to be analyzed")


def codes(built: BuiltIndex) -> list[tuple[str, str]]:
    return [(one.image_id, one.code) for one in built.rejects]


def test_the_index_holds_what_table_and_images_say(tree: Tree) -> None:
    built = tree.build()
    index = built.index
    assert (built.analyzed, built.remembered, built.rejects, built.warnings) == (4, 0, [], [])
    assert index.column("image_id") == ["p0", "p1", "p2", "p3"]
    assert index.column("identity") == ["p0", "p1", "p2", "p3"]
    assert index.column("age") == [30.0, 31.0, 32.0, 33.0]
    assert set(index.column("sex")) == {"female"}
    assert set(index.column("width")) == set(index.column("height")) == {SIZE}
    face = index.face(2)
    assert face.sha256 == sha256_bytes((tree.root / "p2.png").read_bytes())
    np.testing.assert_allclose(face.landmarks, made_landmarks(2, SIZE), atol=1 / 32)
    np.testing.assert_allclose(face.box, face_box(made_landmarks(2, SIZE)), atol=1 / 8)
    for values in (face.landmarks, face.box, np.array([face.yaw, face.pitch, face.roll])):
        np.testing.assert_array_equal(values * 16, np.round(values * 16))


def test_a_second_build_analyzes_nothing_and_gives_the_same(tree: Tree) -> None:
    first = tree.build()
    second = tree.build(engine=no_engine)
    assert (second.analyzed, second.remembered) == (0, 4)
    assert second.index.digest == first.index.digest


def test_a_touched_file_alone_is_analyzed_again(tree: Tree) -> None:
    first = tree.build()
    os.utime(tree.root / "p1.png", (1, 1))
    second = tree.build()
    assert (second.analyzed, second.remembered) == (1, 3)
    assert second.index.digest == first.index.digest
    assert tree.build(engine=no_engine).analyzed == 0


def test_changed_bytes_are_seen(tree: Tree) -> None:
    first = tree.build()
    tree.draw("p1.png", 9)
    second = tree.build()
    assert (second.analyzed, second.remembered) == (1, 3)
    old, new = first.index.column("sha256"), second.index.column("sha256")
    assert [a == b for a, b in zip(old, new, strict=True)] == [True, False, True, True]
    assert second.index.face(1).sha256 == sha256_bytes((tree.root / "p1.png").read_bytes())
    assert second.index.column("phash")[1] != first.index.column("phash")[1]
    assert second.index.digest != first.index.digest


def test_landmarks_that_the_table_changes_are_seen(tree: Tree) -> None:
    tree.build()
    moved = made_landmarks(3, SIZE) + 2
    tree.rows[3]["landmarks"] = json.dumps(moved.ravel().tolist())
    second = tree.build()
    assert (second.analyzed, second.remembered) == (1, 3)
    np.testing.assert_allclose(second.index.face(3).landmarks, moved, atol=1 / 32)


def test_what_is_stated_beside_the_image_needs_no_analysis(tree: Tree) -> None:
    tree.build()
    tree.rows[0]["age"] = 55
    second = tree.build(engine=no_engine)
    assert second.index.column("age")[0] == 55.0


def test_limits_need_no_analysis_either(tree: Tree) -> None:
    tree.build()
    with pytest.raises(SourceError, match="4 too_small"):
        tree.build(engine=no_engine, limits=FaceLimits(10_000, 60))


def test_an_image_under_another_name_is_analyzed_again(tree: Tree) -> None:
    for number, row in enumerate(tree.rows):
        row["id"] = f"id{number}"
    named = {**COLUMNS, "id": "id"}

    def build() -> BuiltIndex:
        tree.source()
        of = source("table", tree.root, columns=named)
        return build_index([of], Given(), LIMITS, RESEARCH, InlineEngine, lambda done, total: None)

    assert build().analyzed == 4
    (tree.root / "p1.png").rename(tree.root / "q1.png")
    tree.rows[1]["image"] = "q1.png"
    second = build()
    assert (second.analyzed, second.remembered) == (1, 3)
    assert second.index.face(1).path == "q1.png"


def test_a_copy_of_the_source_elsewhere_is_analyzed_for_itself(tree: Tree, tmp_path: Path) -> None:
    tree.build()
    shutil.copytree(tree.root, tmp_path / "copy")
    tree.root = tmp_path / "copy"
    assert tree.build().analyzed == 4


def test_a_damaged_cache_is_made_anew(tree: Tree, tmp_path: Path) -> None:
    first = tree.build()
    (file,) = (tmp_path / "cache" / "index").iterdir()
    file.write_bytes(file.read_bytes()[:100])
    second = tree.build()
    assert second.analyzed == 4
    assert second.index.digest == first.index.digest


def test_a_missing_file_is_a_reject_and_is_looked_for_again(tree: Tree) -> None:
    (tree.root / "p2.png").unlink()
    first = tree.build()
    assert codes(first) == [("p2", "missing_file")]
    assert first.index.column("image_id") == ["p0", "p1", "p3"]
    assert tree.build().analyzed == 1
    tree.draw("p2.png", 2)
    third = tree.build()
    assert (third.analyzed, third.remembered, third.rejects) == (1, 3, [])
    assert len(third.index) == 4


def test_a_file_that_vanishes_after_the_index_is_missing(tree: Tree) -> None:
    tree.build()
    (tree.root / "p0.png").unlink()
    assert codes(tree.build()) == [("p0", "missing_file")]


def test_an_unreadable_image_is_a_reject_with_the_reason(tree: Tree) -> None:
    path = tree.root / "p1.png"
    path.write_bytes(path.read_bytes()[:-60])
    built = tree.build()
    assert codes(built) == [("p1", "unreadable_image")]
    assert "truncated" in built.rejects[0].detail
    assert tree.build(engine=no_engine).rejects == built.rejects


def test_who_is_no_adult_is_not_read(tree: Tree) -> None:
    tree.rows[0]["age"] = 17
    tree.rows[1]["age"] = None
    for name in ("p0.png", "p1.png"):
        (tree.root / name).unlink()
    built = tree.build()
    assert codes(built) == [("p0", "under_age"), ("p1", "age_unknown")]
    assert built.analyzed == 2
    assert built.index.column("image_id") == ["p2", "p3"]


def test_a_label_counts_for_minors_where_every_image_is_an_identity(tree: Tree) -> None:
    for row, identity in zip(tree.rows, ("anna", "Anna", "ben", "carl"), strict=True):
        row["identity"] = identity
    tree.rows[0]["age"] = 15
    built = tree.build(identity="per_image")
    assert codes(built) == [("p0", "under_age"), ("p1", "minor_identity")]


def test_an_image_whose_license_does_not_cover_the_use_is_not_read(tree: Tree) -> None:
    tree.rows[0]["license"] = "LicenseRef-Mine"
    tree.rows[1]["license"] = "CC-BY-NC-4.0"
    (tree.root / "p0.png").unlink()
    built = tree.build()
    assert codes(built) == [("p0", "license_not_covered")]
    assert built.analyzed == 3
    assert built.index.column("license") == ["CC-BY-NC-4.0", None, None]


def test_when_nothing_is_left_the_advice_fits_the_reason(tree: Tree) -> None:
    for row in tree.rows:
        row["age"] = None
    with pytest.raises(SourceError) as caught:
        tree.build()
    assert "source 'faces' has no usable face (4 age_unknown). Provide ages" in str(caught.value)
    assert "consent.adults_only: true" in str(caught.value)
    for row in tree.rows:
        row["age"] = 40
        (tree.root / row["image"]).unlink()
    tree.rows[0]["age"] = 12
    with pytest.raises(SourceError) as caught:
        tree.build()
    assert str(caught.value) == (
        "source 'faces' has no usable face (3 missing_file, 1 under_age). Check that "
        f"{str(tree.root)!r} is the right folder"
    )


def test_a_source_without_images_says_so(tree: Tree) -> None:
    pd.DataFrame(columns=["image", "identity", *COLUMNS]).to_csv(
        tree.root / "faces.csv", index=False
    )
    empty = source("table", tree.root, columns=COLUMNS)
    with pytest.raises(SourceError, match=r"has no usable face \(no images\)"):
        build_index([empty], Given(), LIMITS, RESEARCH, no_engine, lambda done, total: None)


def test_given_landmarks_must_be_given(tree: Tree) -> None:
    tree.rows[1]["landmarks"] = None
    with pytest.raises(RecipeError, match="image 'p1' has none"):
        tree.build()


class Several(Analyzer):
    """Finds faces at given shifts, of given sizes."""

    name: ClassVar[str] = "several"

    def __init__(self, *found: tuple[float, float], yaw: float = 1.03) -> None:
        self.found = found
        self.yaw = yaw

    @property
    def version(self) -> str:
        return f"several {self.found} {self.yaw}"

    def open(self) -> None:
        pass

    def analyze(self, image: Image, record: Record) -> list[Detection]:
        return [Detection(_points(shift, size), (self.yaw, 2.0, 3.0)) for shift, size in self.found]


def _points(shift: float, size: float) -> Any:
    points = made_landmarks(0, 160) * np.float32(size / 160)
    return (points + np.array([shift, 0])).astype(np.float32)


def test_of_several_faces_the_largest_counts(tree: Tree) -> None:
    built = tree.build(Several((0, 80), (70, 90)))
    assert len(built.index) == 4
    assert codes(built) == [(f"p{n}", "not_largest") for n in range(4)]
    face = built.index.face(0)
    assert face.face_id == "p0#1"
    np.testing.assert_allclose(face.landmarks, _points(70, 90), atol=1 / 32)


def test_or_all_of_them(tree: Tree) -> None:
    built = tree.build(Several((0, 80), (70, 90)), faces="all")
    assert built.rejects == []
    assert [built.index.face(n).face_id for n in range(4)] == ["p0", "p0#1", "p1", "p1#1"]
    assert built.index.column("face_no") == [0, 1] * 4


def test_a_stated_box_chooses_the_face(tree: Tree) -> None:
    for row, (shift, size) in zip(tree.rows, [(0, 80), (70, 90), (5, 80), (60, 90)], strict=True):
        row["box"] = " ".join(map(str, face_box(_points(shift, size)).tolist()))
    built = tree.build(Several((0, 80), (70, 90)))
    assert built.rejects == []
    found = [built.index.face(n).landmarks for n in range(4)]
    for landmarks, (shift, size) in zip(found, [(0, 80), (70, 90)] * 2, strict=True):
        np.testing.assert_allclose(landmarks, _points(shift, size), atol=1 / 32)


def test_no_face_in_the_stated_box_is_no_face(tree: Tree) -> None:
    tree.rows[0]["box"] = "0 0 2 2"
    built = tree.build(Several((40, 80), (70, 90)))
    assert ("p0", "no_face") in codes(built)
    assert "p0" not in built.index.column("image_id")


def test_the_only_face_must_be_the_one_in_the_stated_box(tree: Tree) -> None:
    tree.rows[0]["box"] = "0 0 2 2"
    built = tree.build(Several((70, 90)))
    assert codes(built) == [("p0", "no_face")]
    assert "box that the source states" in built.rejects[0].detail
    assert "p0" not in built.index.column("image_id")


def test_no_face_at_all(tree: Tree) -> None:
    with pytest.raises(SourceError, match=r"has no usable face \(4 no_face\)"):
        tree.build(Several())


def test_angles_are_rounded_and_may_be_unknown(tree: Tree) -> None:
    assert set(tree.build(Several((0, 150))).index.column("yaw")) == {1.0}
    unknown = tree.build(Several((0, 150), yaw=math.nan))
    assert np.isnan(unknown.index.column("yaw")).all()
    assert unknown.index.digest == tree.build(Several((0, 150), yaw=math.nan)).index.digest


def test_another_analyzer_analyzes_again(tree: Tree) -> None:
    tree.build()
    assert tree.build(Several((0, 150))).analyzed == 4
    assert tree.build(engine=no_engine).remembered == 4


def test_images_without_people_are_grouped_with_a_warning(tree: Tree) -> None:
    (tree.root / "p3.png").write_bytes((tree.root / "p0.png").read_bytes())
    built = tree.build(identity="per_image")
    identity = built.index.column("identity")
    assert identity[3] == identity[0]
    assert len(set(identity)) == 1 + len(set(identity[1:3]) - {identity[0]})
    (warning,) = built.warnings
    joined = 4 - len(set(identity))
    assert f"and {joined} near-duplicates were merged" in warning
    assert "identity: per_image" in warning


def test_sources_are_kept_apart_and_each_must_leave_a_face(tree: Tree, tmp_path: Path) -> None:
    other = Tree(tmp_path / "other", people=2)
    sources = [tree.source(), other.source(id="other")]
    built = build_index(sources, Given(), LIMITS, RESEARCH, InlineEngine, lambda done, total: None)
    assert built.index.column("source") == ["faces"] * 4 + ["other"] * 2
    assert built.analyzed == 6
    for row in other.rows:
        row["age"] = 3
    sources = [tree.source(), other.source(id="other")]
    with pytest.raises(SourceError, match="source 'other' has no usable face"):
        build_index(sources, Given(), LIMITS, RESEARCH, no_engine, lambda done, total: None)


def test_the_stated_index_reads_no_image_and_knows_the_same_people(tree: Tree) -> None:
    tree.rows[0]["age"] = 17
    whole = tree.build().index
    for row in tree.rows:
        (tree.root / row["image"]).unlink()
    stated = stated_index([tree.source()], RESEARCH)
    for name in ("source", "image_id", "identity", "age", "sex", "ethnicity", "official_split"):
        assert stated.column(name) == whole.column(name)
    assert stated.landmarks.shape == (3, 68, 2)
    assert not stated.landmarks.any()


def test_progress_runs_from_nothing_to_all(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "many", people=20)
    told: list[tuple[int, int]] = []
    build_index(
        [tree.source()],
        Given(),
        LIMITS,
        RESEARCH,
        InlineEngine,
        lambda done, total: told.append((done, total)),
    )
    assert told == [(0, 20), (16, 20), (20, 20)]


PADDED = 100_000


def replace_silently(tree: Tree, name: str, number: int) -> None:
    """Replace an image by another one, of equal size and time as far as the stamp tells."""
    path = tree.root / name
    before = path.stat()
    tree.draw(name, number)
    path.write_bytes(path.read_bytes().ljust(PADDED, b"\0"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size


def test_refresh_reads_what_seems_unchanged(tree: Tree) -> None:
    for name in ("p0.png", "p1.png", "p2.png", "p3.png"):
        path = tree.root / name
        path.write_bytes(path.read_bytes().ljust(PADDED, b"\0"))
    tree.build()
    replace_silently(tree, "p1.png", 9)
    source_ = tree.source()
    assert tree.build(engine=no_engine).analyzed == 0
    args = ([source_], Given(), LIMITS, RESEARCH, InlineEngine, lambda done, total: None)
    fresh = build_index(*args, refresh=True)
    assert (fresh.analyzed, fresh.remembered) == (4, 0)
    assert fresh.index.face(1).sha256 == sha256_bytes((tree.root / "p1.png").read_bytes())
    assert tree.build(engine=no_engine).index.digest == fresh.index.digest


def test_what_a_job_finds_changed_is_forgotten(tree: Tree) -> None:
    tree.build()
    sources = [tree.source()]
    told = SourceChangedError("changed", key="faces", row="p1")
    forget_changed(sources, Given(), [told, SourceChangedError("of another", key="x", row="p2")])
    second = tree.build()
    assert (second.analyzed, second.remembered) == (1, 3)


def test_what_else_was_replaced_is_forgotten_with_it(tree: Tree) -> None:
    for number in range(4):
        path = tree.root / f"p{number}.png"
        path.write_bytes(path.read_bytes().ljust(PADDED, b"\0"))
    tree.build()
    for number in (1, 2):
        replace_silently(tree, f"p{number}.png", 9 + number)
    forget_changed([tree.source()], Given(), [SourceChangedError("x", key="faces", row="p1")])
    second = tree.build()
    assert (second.analyzed, second.remembered) == (2, 2)


def test_what_a_source_does_not_list_is_counted(tree: Tree) -> None:
    tree.rows.append({**tree.rows[0], "image": "p0.png", "identity": "@eaDir", "id": "x"})
    for number, row in enumerate(tree.rows):
        row["id"] = f"id{number}"
    tree.source()
    of = source("table", tree.root, columns={**COLUMNS, "id": "id"})
    built = build_index([of], Given(), LIMITS, RESEARCH, InlineEngine, lambda done, total: None)
    assert built.passed_over == {"faces": {"hidden or system": 1}}
