from __future__ import annotations

from typing import Any

import pytest

from datagen.faces.crop import face_box
from datagen.faces.indexing.minors import minors_of
from datagen.faces.indexing.select import INDEX_REJECT_CODES, IndexReject, Screened, select_faces
from datagen.sources import Record, SourceCard
from tests.sources.trees import card
from tests.support.faces_made import made_landmarks

ADULTS = {
    "basis": "signed",
    "alteration": True,
    "adults_only": True,
    "words": "adults, may be altered",
}


def record(name: str = "one", **stated: Any) -> Record:
    return Record(image_id=name, path=f"{name}.jpg", identity="p", **stated)


def screened(record_: Record, of: SourceCard | None = None, **covers: bool) -> IndexReject | None:
    found = Screened(of or card("folder"), [record_], covers)
    assert len(found.records) + len(found.rejects) == 1
    return found.rejects[0] if found.rejects else None


def test_an_adult_passes() -> None:
    assert screened(record(age=18.0)) is None
    assert screened(record(age=70.0)) is None


def test_a_minor_never_passes() -> None:
    want = IndexReject("faces", "one", "under_age", "17.9 years")
    assert screened(record(age=17.9)) == want
    assert screened(record(age=17.9), card("folder", consent=ADULTS)) == want
    low = screened(record(age=0.0), card("folder", consent=ADULTS))
    assert low is not None
    assert low.code == "under_age"


def test_an_unknown_age_passes_only_where_all_are_adults() -> None:
    assert screened(record()) == IndexReject("faces", "one", "age_unknown")
    assert screened(record(), card("folder", consent=ADULTS)) is None
    for stated in (False, "unknown"):
        consent = {**ADULTS, "adults_only": stated}
        assert screened(record(), card("folder", consent=consent)) is not None


def test_a_license_of_its_own_must_cover_the_purpose() -> None:
    one = record(age=30.0, license="MIT")
    assert screened(one, MIT=True) is None
    assert screened(one, MIT=False) == IndexReject("faces", "one", "license_not_covered", "MIT")


def test_every_image_of_a_minor_is_refused() -> None:
    records = [record("one", age=15.0), record("two"), record("three", age=40.0)]
    found = Screened(card("folder", consent=ADULTS), records, {}, (), minors_of(records))
    assert found.records == []
    assert [(one.image_id, one.code) for one in found.rejects] == [
        ("one", "under_age"),
        ("two", "minor_identity"),
        ("three", "minor_identity"),
    ]


def test_an_image_that_needs_a_name_of_its_own() -> None:
    def codes(attribution: str | None) -> list[str]:
        one = record(age=30.0, license="CC-BY-2.0", attribution=attribution)
        found = Screened(card("folder"), [one], {"CC-BY-2.0": True}, {"CC-BY-2.0"})
        return [reject.code for reject in found.rejects]

    assert codes("Jane Doe") == []
    for nobody in (None, "", "  ", "unknown", "N/A", "-", "(none)"):
        assert codes(nobody) == ["no_attribution"]


def test_the_order_of_records_is_kept() -> None:
    many = [record(str(n), age=float(10 + n)) for n in range(16)]
    found = Screened(card("folder"), many, {})
    assert [one.image_id for one in found.records] == [str(n) for n in range(8, 16)]
    assert [one.image_id for one in found.rejects] == [str(n) for n in range(8)]


def found_face(size: int = 200, **changes: Any) -> dict[str, Any]:
    landmarks = made_landmarks(size=size)
    return {
        "face_no": 0,
        "problem": None,
        "detail": None,
        "sha256": "0" * 64,
        "width": size,
        "height": size,
        "orientation": 1,
        "inner": None,
        "box": face_box(landmarks).tolist(),
        "landmarks": landmarks.ravel().tolist(),
        "mesh": None,
        "yaw": 0.0,
        "pitch": 0.0,
        "roll": 0.0,
        "phash": "0" * 16,
        "embedding": None,
        **changes,
    }


def judged(
    *faces: dict[str, Any], of: SourceCard | None = None, min_side: int = 50, max_yaw: float = 60
) -> tuple[list[int], list[tuple[str, str]]]:
    numbered = [{**face, "face_no": number} for number, face in enumerate(faces)]
    rows, rejects = select_faces(
        of or card("folder"), [record()], {"one": numbered}, min_side, max_yaw
    )
    assert len(rows) + len(rejects) == len(faces)
    assert {one.image_id for one in rejects} <= {"one"}
    return [row["face_no"] for row in rows], [(one.code, one.detail) for one in rejects]


def test_a_good_face_is_used() -> None:
    assert judged(found_face()) == ([0], [])


@pytest.mark.parametrize("code", ["missing_file", "unreadable_image", "few_colors", "no_face"])
def test_a_problem_of_the_image_is_passed_on(code: str) -> None:
    problem = {"problem": code, "detail": "why", "face_no": 0}
    assert judged(problem) == ([], [(code, "why")])
    assert judged({**problem, "detail": None}) == ([], [(code, "")])


def test_the_largest_face_counts_or_all() -> None:
    small, large = found_face(150), found_face(220)
    assert judged(small, large) == ([1], [("not_largest", "face 0")])
    assert judged(large, small) == ([0], [("not_largest", "face 1")])
    assert judged(small, large, of=card("folder", faces="all")) == ([0, 1], [])


def test_the_largest_face_is_not_replaced_when_it_is_unfit() -> None:
    assert judged(found_face(150), found_face(220, yaw=80.0)) == (
        [],
        [("not_largest", "face 0"), ("too_turned", "yaw 80 degrees, maximum 60")],
    )


def test_the_shorter_side_decides_on_too_small() -> None:
    face = found_face(200)
    x0, y0, x1, y1 = face["box"]
    side = min(x1 - x0, y1 - y0)
    assert side < max(x1 - x0, y1 - y0)
    assert judged(face, min_side=int(side)) == ([0], [])
    assert judged(face, min_side=int(side) + 1) == (
        [],
        [("too_small", f"{side:.0f} px, minimum {int(side) + 1}")],
    )


@pytest.mark.parametrize(
    ("yaw", "fits"), [(60.0, True), (-60.0, True), (60.1, False), (-61, False)]
)
def test_a_face_turned_too_far(yaw: float, fits: bool) -> None:
    kept, rejects = judged(found_face(yaw=yaw))
    assert (kept == [0]) is fits
    assert fits or rejects[0][0] == "too_turned"


def test_an_unknown_pose_passes() -> None:
    assert judged(found_face(yaw=float("nan"))) == ([0], [])


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("beyond", ["low", "high"])
def test_a_face_mostly_outside_is_lost(axis: int, beyond: str) -> None:
    face = found_face()
    points = made_landmarks(size=200)
    for count, lost in ((13, False), (14, True)):  # of 68: 19.1 % and 20.6 %
        moved = points.copy()
        moved[:count, axis] = -0.5 if beyond == "low" else 200.0
        kept, rejects = judged({**face, "landmarks": moved.ravel().tolist()})
        assert (kept == []) is lost
        assert rejects == ([("face_lost", "21% outside")] if lost else [])


def test_the_row_joins_what_is_stated_and_what_is_found() -> None:
    one = record(
        age=30.0,
        sex="Female",
        ethnicity="East Asian",
        split="train",
        license="MIT",
        attribution="Doe",
        extra={"shot": "3", "a": "b"},
    )
    face = found_face(yaw=1.0, pitch=2.0, roll=3.0)
    (row,), rejects = select_faces(card("folder"), [one], {"one": [face]}, 50, 60)
    assert rejects == []
    assert {name: row[name] for name in face if name not in ("problem", "detail", "inner")} == {
        name: value for name, value in face.items() if name not in ("problem", "detail", "inner")
    }
    assert {name: value for name, value in row.items() if name not in face} == {
        "source": "faces",
        "image_id": "one",
        "path": "one.jpg",
        "identity": "p",
        "official_split": "train",
        "age": 30.0,
        "sex": "female",
        "ethnicity": "east asian",
        "license": "MIT",
        "attribution": "Doe",
        "extra": '{"a":"b","shot":"3"}',
    }


def test_a_face_that_a_border_cuts_is_refused() -> None:
    face = found_face()
    _, y0, _, y1 = face["box"]
    roomy = [0, int(y0) - 5, 200, int(y1) + 5]
    assert judged(found_face(inner=roomy)) == ([0], [])
    cut = [0, int(y0) + 20, 200, 200]
    assert judged(found_face(inner=cut)) == (
        [],
        [("face_at_border", f"the image within its border is {cut}")],
    )


def test_every_code_is_described() -> None:
    assert set(INDEX_REJECT_CODES) == {
        "under_age",
        "minor_identity",
        "copy_of_minor",
        "age_unknown",
        "license_not_covered",
        "no_attribution",
        "missing_file",
        "unreadable_image",
        "few_colors",
        "no_face",
        "not_largest",
        "too_small",
        "too_turned",
        "face_lost",
        "unreadable_video",
        "no_track",
        "too_short",
        "cut",
        "face_at_border",
    }
