"""Selection of records and of analyzed faces; what is rejected gets a code."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from datagen.core.digests import canonical_json
from datagen.core.spelling import folded
from datagen.faces.indexing.traces import is_cut_by_border
from datagen.rights import ADULT_AGE, license_of, refuse_age, stated_attribution
from datagen.rights.spdx import spdx_of
from datagen.sources.base import Record
from datagen.sources.card import SourceCard

__all__ = ["INDEX_REJECT_CODES", "IndexReject", "Screened", "index_row", "select_faces"]

_LARGEST_SHARE_OUTSIDE = 0.2

INDEX_REJECT_CODES: Mapping[str, str] = {
    "under_age": f"the source states an age under {ADULT_AGE}; read only to find its copies",
    "minor_identity": f"an age under {ADULT_AGE} is stated for another image of this identity, or "
    "one of its images is a copy of a minor's",
    "copy_of_minor": "the same image as one of a minor, under another name, id or source",
    "age_unknown": "no age is stated and the card does not set adults_only; not read",
    "license_not_covered": "the image's own license does not cover the purpose; not read",
    "no_attribution": "the image's own license requires attribution where copies are "
    "redistributed, and none is stated; not read",
    "missing_file": "the source lists the image, but the file does not exist",
    "unreadable_image": "damaged, CMYK, 16-bit, with alpha, animated, of unknown colors, no image",
    "few_colors": "the image had a palette or was posterized: a fake made from it would not be",
    "no_face": "the analyzer found no face",
    "not_largest": "another face in the image is larger, and the card uses only the largest",
    "too_small": "the face is smaller than face.min_side",
    "too_turned": "the head is turned by more than face.max_yaw",
    "face_lost": "more than 20 % of the landmarks are outside the image; in a video, the face is "
    "gone before a clip is full",
    "face_at_border": "a border of one color, baked into the image, cuts the face",
    "unreadable_video": "damaged, truncated, interlaced, of more than 8 bits, HDR, without a video "
    "stream, or of an unknown kind",
    "no_track": "the analyzer found no face in the video",
    "too_short": "the face is seen in fewer frames than a clip needs",
    "cut": "a scene cut leaves fewer frames than a clip needs",
}

_OF_TRACKS = ("frames", "fps_num", "fps_den", "motion", "look", "middle")


@dataclass(frozen=True, slots=True)
class IndexReject:
    """A rejected image or face: a row of ``rejects/index.parquet``."""

    source: str
    image_id: str
    code: str
    detail: str = ""


class Screened:
    """The records of a source, accepted or rejected by card and metadata before any image is read.

    Args:
        card: The source's card.
        records: Records in the order of the layout.
        license_covers: Whether each license of an image covers the purpose.
        named: Licenses of images under which each needs an attribution of its own.
        minors: Identities that are stated to be minors, with the age; see ``minors_of``.

    Attributes:
        records: The accepted records.
        rejects: Why each of the others was rejected.
    """

    def __init__(
        self,
        card: SourceCard,
        records: Iterable[Record],
        license_covers: Mapping[str, bool],
        named: Collection[str] = (),
        minors: Mapping[str, float] | None = None,
    ) -> None:
        self.records: list[Record] = []
        self.rejects: list[IndexReject] = []
        minors = minors or {}
        for record in records:
            code = self._refusal(card, record, license_covers) or self._refusal_of_person(
                record, minors, named
            )
            if code is None:
                self.records.append(record)
            else:
                self.rejects.append(IndexReject(card.id, record.image_id, *code))

    @staticmethod
    def _refusal(
        card: SourceCard, record: Record, license_covers: Mapping[str, bool]
    ) -> tuple[str, str] | None:
        if (refused := refuse_age(card, record.age)) is not None:
            return refused
        if record.license is not None and not license_covers[record.license]:
            return "license_not_covered", _license(record.license)
        return None

    @staticmethod
    def _refusal_of_person(
        record: Record, minors: Mapping[str, float], named: Collection[str]
    ) -> tuple[str, str] | None:
        years = minors.get(folded(record.identity)) if minors else None
        if years is not None:
            return "minor_identity", f"{years:g} years are stated for another image"
        if record.license in named and not stated_attribution(record.attribution):
            return "no_attribution", str(record.license)
        return None


def _license(name: str) -> str:
    """Return the license of an image, and what it should be if it is none by its name."""
    known = license_of(name).research is not None or name.startswith("LicenseRef-")
    meant = "" if known or " AND " in name or " OR " in name else spdx_of(name)
    return f"{name} (if it is meant, write {meant})" if meant else name


def select_faces(
    card: SourceCard,
    records: Sequence[Record],
    found: Mapping[str, list[dict[str, Any]]],
    min_side: int,
    max_yaw: float,
) -> tuple[list[dict[str, Any]], list[IndexReject]]:
    """Return the index rows of usable faces, and rejected faces with their codes.

    Args:
        card: The source's card.
        records: The screened records.
        found: Rows of the analyzer, by ``image_id``.
        min_side: Smallest allowed side of a face box in source pixels.
        max_yaw: Largest allowed yaw in degrees; a face of unknown pose passes.
    """
    rows: list[dict[str, Any]] = []
    rejects: list[IndexReject] = []
    for record in records:
        for face, code, detail in _judged(card, found[record.image_id], min_side, max_yaw):
            if code is None:
                rows.append(index_row(card, record, face))
            else:
                rejects.append(IndexReject(card.id, record.image_id, code, detail))
    return rows, rejects


def _judged(
    card: SourceCard, faces: list[dict[str, Any]], min_side: int, max_yaw: float
) -> Iterator[tuple[dict[str, Any], str | None, str]]:
    areas = [_area(face) for face in faces]
    largest = areas.index(max(areas))
    for number, face in enumerate(faces):
        if face["problem"] is not None:
            yield face, face["problem"], face["detail"] or ""
        elif card.faces == "largest" and number != largest:
            yield face, "not_largest", f"face {number}"
        else:
            yield face, *_unfit(face, min_side, max_yaw)


def _area(face: Mapping[str, Any]) -> float:
    if face["problem"] is not None:
        return 0.0
    x0, y0, x1, y1 = face["box"]
    return float((x1 - x0) * (y1 - y0))


def _unfit(face: Mapping[str, Any], min_side: int, max_yaw: float) -> tuple[str | None, str]:
    x0, y0, x1, y1 = face["box"]
    side = min(x1 - x0, y1 - y0)
    if side < min_side:
        return "too_small", f"{side:.0f} px, minimum {min_side}"
    if not math.isnan(face["yaw"]) and abs(face["yaw"]) > max_yaw:
        return "too_turned", f"yaw {face['yaw']:.0f} degrees, maximum {max_yaw:g}"
    points = np.array(face["landmarks"], np.float32).reshape(68, 2)
    inside = (points >= 0).all(axis=1) & (points < [face["width"], face["height"]]).all(axis=1)
    outside = 1.0 - float(inside.mean())
    if outside > _LARGEST_SHARE_OUTSIDE:
        return "face_lost", f"{outside:.0%} outside"
    if face["inner"] is not None and is_cut_by_border(face["box"], face["inner"]):
        return "face_at_border", f"the image within its border is {face['inner']}"
    return None, ""


def index_row(card: SourceCard, record: Record, face: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of the index for one face of a record."""
    taken = (
        *("face_no", "sha256", "width", "height", "orientation", "box", "landmarks"),
        *("mesh", "yaw", "pitch", "roll", "phash", "embedding"),
    )
    return {
        "source": card.id,
        "image_id": record.image_id,
        "path": record.path,
        "identity": record.identity,
        "official_split": record.split,
        "age": record.age,
        "sex": record.sex.lower() if record.sex else None,
        "ethnicity": record.ethnicity.lower() if record.ethnicity else None,
        "license": record.license,
        "attribution": record.attribution,
        "extra": canonical_json(dict(record.extra)) if record.extra else None,
        **{name: face[name] for name in taken},
        **{name: face[name] for name in _OF_TRACKS if name in face},
    }
