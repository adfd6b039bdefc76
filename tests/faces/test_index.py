from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from datagen.core.rng import rng
from datagen.faces.index import INDEX_SCHEMA, FaceIndex
from datagen.faces.tracks.track import FRAMES_SCHEMA
from tests.faces.tracks.made import made_track
from tests.planning.made import made_points, row


def mesh() -> list[float]:
    return [float(value) for value in rng("mesh").normal(300, 80, 1434).astype(np.float32)]


def some() -> list[dict[str, Any]]:
    return [
        row("a", "p0", "one", mesh=mesh(), extra='{"shot":"3"}', license="MIT", attribution="Doe"),
        row("a", "p1", "two", official_split="train", embedding=[0.5] * 512),
        row("b", "p0", "one", age=None, sex=None, ethnicity=None),
    ]


def test_rows_are_sorted_by_source_image_and_face() -> None:
    rows = [
        row("b", "p", "a"),
        row("a", "p", "z"),
        row("a", "p", "b", face_no=10),
        row("a", "p", "b", face_no=9),
    ]
    index = FaceIndex.from_rows(rows)
    keys = zip(*(index.column(name) for name in ("source", "image_id", "face_no")), strict=True)
    assert list(keys) == [("a", "b", 9), ("a", "b", 10), ("a", "z", 0), ("b", "a", 0)]
    assert FaceIndex.from_rows(rows[::-1]).digest == index.digest


def test_an_empty_index() -> None:
    index = FaceIndex.from_rows([])
    assert len(index) == 0
    assert index.landmarks.shape == (0, 68, 2)
    assert index.column("identity") == []


def test_a_face_is_its_row() -> None:
    index = FaceIndex.from_rows(some())
    assert len(index) == 3
    first, second, third = (index.face(number) for number in range(3))
    assert (first.source, first.image_id, first.face_id) == ("a", "one", "one")
    assert (first.identity, first.path, first.license) == ("p0", "one.jpg", "MIT")
    assert (first.yaw, first.pitch, first.roll) == (1.0, 2.0, 3.0)
    assert (first.age, first.sex, first.ethnicity) == (30.0, "female", "white")
    assert (third.age, third.sex, third.ethnicity) == (None, None, None)
    assert first.mesh is not None
    assert first.mesh.shape == (478, 3)
    assert first.mesh.dtype == np.float32
    assert first.mesh.ravel().tolist() == mesh()
    assert second.mesh is None
    assert first.attribution == "Doe"
    for face, name in ((first, ("a", "one")), (second, ("a", "two")), (third, ("b", "one"))):
        np.testing.assert_array_equal(face.landmarks, made_points(*name))
        assert face.landmarks.dtype == face.box.dtype == np.float32
        assert face.box.shape == (4,)
    np.testing.assert_array_equal(index.landmarks[1], second.landmarks)


def test_further_faces_of_an_image_have_their_number_in_the_id() -> None:
    rows = [row("a", "p", "one", face_no=number) for number in (0, 2)]
    index = FaceIndex.from_rows(rows)
    assert [index.face(number).face_id for number in range(2)] == ["one", "one#2"]
    assert [index.face(number).image_id for number in range(2)] == ["one", "one"]


def another(value: Any, kind: pa.DataType) -> Any:
    if pa.types.is_list(kind):
        return [1.0] * (len(value) if value else 4)
    if pa.types.is_string(kind):
        return f"{value or ''}x"
    return (value or 0) + 1


@pytest.mark.parametrize("name", [name for name in INDEX_SCHEMA.names if name != "orientation"])
@pytest.mark.parametrize("number", range(3))
def test_the_digest_changes_with_any_value(name: str, number: int) -> None:
    before = FaceIndex(pa.Table.from_pylist(some(), INDEX_SCHEMA)).digest
    rows = some()
    rows[number][name] = another(rows[number].get(name), INDEX_SCHEMA.field(name).type)
    assert FaceIndex(pa.Table.from_pylist(rows, INDEX_SCHEMA)).digest != before
    rows = some()
    if rows[number].get(name) is not None and name != "landmarks":
        rows[number][name] = None
        assert FaceIndex(pa.Table.from_pylist(rows, INDEX_SCHEMA)).digest != before


def test_the_digest_changes_with_the_order_and_the_place_of_a_gap() -> None:
    def digest(rows: list[dict[str, Any]]) -> str:
        return FaceIndex(pa.Table.from_pylist(rows, INDEX_SCHEMA)).digest

    rows = some()
    assert digest(rows[::-1]) != digest(rows)
    moved = [dict(one) for one in rows]
    moved[0]["mesh"], moved[1]["mesh"] = None, rows[0]["mesh"]
    assert digest(moved) != digest(rows)


def test_the_digest_does_not_know_how_the_table_is_cut() -> None:
    index = FaceIndex.from_rows(some())
    pieces = [index.table.slice(number, 1) for number in range(3)]
    cut = pa.concat_tables(pieces)
    assert cut.column("source").num_chunks == 3
    assert FaceIndex(cut).digest == index.digest
    assert FaceIndex(index.table.combine_chunks()).digest == index.digest
    padded = pa.concat_tables([index.table, index.table]).slice(3)
    assert FaceIndex(padded).digest == index.digest
    np.testing.assert_array_equal(FaceIndex(cut).landmarks, index.landmarks)


def test_an_unknown_pose_has_a_digest_of_its_own() -> None:
    rows = [row("a", "p", "one", yaw=yaw) for yaw in (float("nan"), None, 0.0)]
    assert len({FaceIndex.from_rows([one]).digest for one in rows}) == 3


def test_the_digest_is_what_it_was() -> None:
    plain = row("a", "p0", "one", landmarks=[n / 4 for n in range(136)], box=[0.0, 1.0, 2.0, 3.0])
    found = FaceIndex.from_rows([plain]).digest
    assert found == "ca9ee6817654ec21437ef7e62b05ead7bf3741603d60ba8600bd74a930ca433c"


def with_track(frames: int = 5) -> FaceIndex:
    of_track = {"frames": frames, "fps_num": 30000, "fps_den": 1001, "motion": "video"}
    rows = [*some()[:2], row("a", "p0", "film", face_no=1, look=[0.5] * 8, **of_track)]
    return FaceIndex.from_rows(rows, {("a", "film", 1): made_track(frames, first=7)})


def test_a_track_is_a_face_with_frames() -> None:
    index = with_track()
    film, still = index.face(0), index.face(1)
    assert (film.face_id, film.frames, film.motion) == ("film#1", 5, "video")
    assert film.fps == Fraction(30000, 1001)
    assert (still.frames, still.fps, still.motion) == (None, None, None)
    track, expected = index.track(0), made_track(5, first=7)
    assert track.frames.tolist() == [7, 8, 9, 10, 11]
    for name in ("pts", "boxes", "landmarks", "raw", "mesh", "pose", "other_faces"):
        np.testing.assert_array_equal(getattr(track, name), getattr(expected, name))
        assert getattr(track, name).dtype == getattr(expected, name).dtype


def test_a_still_has_no_track() -> None:
    with pytest.raises(ValueError, match=r"face 1 \('one'\) is in a still"):
        with_track().track(1)
    with pytest.raises(ValueError, match="its frames were not given"):
        FaceIndex(with_track().table).track(0)


def test_the_frames_of_tracks_count_in_the_digest() -> None:
    index = with_track()
    assert index.digest == with_track().digest
    assert FaceIndex(index.table).digest != index.digest
    assert FaceIndex(index.table, index.frames.slice(1)).digest != index.digest
    for name in FRAMES_SCHEMA.names:
        rows = index.frames.to_pylist()
        rows[3][name] = [-1.0, *rows[3][name][1:]] if name in LISTS else rows[3][name] + 1
        changed = pa.Table.from_pylist(rows, FRAMES_SCHEMA)
        assert FaceIndex(index.table, changed).digest != index.digest, name


LISTS = ("box", "landmarks", "raw", "mesh")


def test_the_digest_does_not_know_how_the_frames_are_cut() -> None:
    index = with_track()
    cut = pa.concat_tables([index.frames.slice(n, 1) for n in range(5)])
    assert FaceIndex(index.table, cut).digest == index.digest
    np.testing.assert_array_equal(FaceIndex(index.table, cut).track(0).raw, index.track(0).raw)
