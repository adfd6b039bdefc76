"""One image as a layout lists it, and what no list may hold."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from datagen.core.arrays import Box, Landmarks, Mesh
from datagen.core.text import shortened
from datagen.errors import SourceError

__all__ = ["Record", "unique", "without_suffix"]

# What no release can hold as an id of an image or an identity.
_NO_NAME = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_MAX_NAME = 2000  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One image, or one given face in it, as the layout lists it; ``None`` is not stated.

    Attributes:
        image_id: Id of the image, unique within the source.
        path: Path relative to the source's root, with ``/`` between parts; empty without files.
        identity: Name of the identity, unique within the source.
        age: Age in years.
        sex: Sex as the source states it.
        ethnicity: Ethnicity as the source states it.
        split: Official split of the source.
        license: SPDX expression of the image's own license.
        attribution: Attribution that this image requires.
        landmarks: The 68 points in pixels of the upright image.
        mesh: The 478-point mesh in pixels of the upright image.
        box: Face box ``x0, y0, x1, y1`` in pixels of the upright image.
        pose: Yaw, pitch and roll in degrees.
        size: Width and height in pixels, for sources without files.
        extra: Further columns, kept as they are.
        frames: Number of frames of a clip that is rendered without a file.
        fps: Its frames per second.
    """

    image_id: str
    path: str = ""
    identity: str
    age: float | None = None
    sex: str | None = None
    ethnicity: str | None = None
    split: str | None = None
    license: str | None = None
    attribution: str | None = None
    landmarks: Landmarks | None = None
    mesh: Mesh | None = None
    box: Box | None = None
    pose: tuple[float, float, float] | None = None
    size: tuple[int, int] | None = None
    extra: Mapping[str, str] = field(default_factory=dict)
    frames: int | None = None
    fps: Fraction | None = None


def unique(records: Iterator[Record], source_id: str) -> Iterator[Record]:
    """Yield the records, and refuse those that could be confused with another image.

    Raises:
        SourceError: Two records share an image id, a path leaves the root, or a name is not valid
            Unicode, has control characters or is too long, so that no release could hold it.
    """
    paths: dict[str, str] = {}
    for record in records:
        for name in _texts(record):
            if not _is_unicode(name):
                raise SourceError(
                    f"source {source_id!r}: the name {shortened(name)} is not valid Unicode: "
                    "rename the file or folder"
                )
            if "\x00" in name:
                raise SourceError(
                    f"source {source_id!r}: {shortened(name)} holds the character U+0000"
                )
        for name in (record.image_id, record.identity):
            if _NO_NAME.search(name) or len(name.encode()) > _MAX_NAME:
                raise SourceError(
                    f"source {source_id!r}: the name {name[:80]!r} has control characters or more "
                    f"than {_MAX_NAME:,} bytes, and no release could hold it: rename the file or "
                    "folder, or change the table"
                )
        _refuse_place(record, source_id)
        if record.image_id in paths:
            raise SourceError(_used_twice(record, paths[record.image_id], source_id))
        paths[record.image_id] = record.path
        yield record


def _refuse_place(record: Record, source_id: str) -> None:
    """Refuse a path that is not below the root."""
    if ".." in record.path.split("/"):
        raise SourceError(
            f"source {source_id!r}: the path {record.path!r} has '..' in it, and the card only "
            "covers images below the root: write it without, from the root on"
        )
    if record.path.startswith("/"):
        raise SourceError(
            f"source {source_id!r}: the path {record.path!r} leads out of the root; the card only "
            "covers images below the root"
        )


def _used_twice(record: Record, path: str, source_id: str) -> str:
    if record.path and record.path == path:
        return (
            f"source {source_id!r}: image {path!r} is listed twice. Remove one of the rows; for "
            "two faces in one image, set 'columns.id' to a column of unique ids"
        )
    return (
        f"source {source_id!r}: image id {record.image_id!r} is used twice, by {path!r} and by "
        f"{record.path!r}. Rename or remove one of them; for a table, set 'columns.id' to a column "
        "of unique ids"
    )


def _texts(record: Record) -> Iterator[str]:
    yield from (record.image_id, record.path, record.identity)
    stated = (record.sex, record.ethnicity, record.split, record.license, record.attribution)
    yield from filter(None, stated)
    for key, value in record.extra.items():
        yield from (key, value)


def _is_unicode(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:  # a lone surrogate: a file name in another encoding
        return False
    return True


def without_suffix(path: str) -> str:
    """Return a path without its file name extension."""
    stem, dot, suffix = path.rpartition(".")
    return stem if dot and "/" not in suffix else path
