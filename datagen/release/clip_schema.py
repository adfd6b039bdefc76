"""The columns of a release of clips: those of the manifest beside the others, and its frames."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from datagen.release.grammar import Between, Items, OneOf, Rule
from datagen.release.identity_schema import IDENTITY_COLUMNS, IDENTITY_NAMES, IDENTITY_RULES
from datagen.release.rules import RULES
from datagen.release.schema import MANIFEST, SCHEMA_VERSION, Column

__all__ = [
    "ANY_MANIFEST",
    "ANY_RULES",
    "CLIP_COLUMNS",
    "CLIP_NAMES",
    "FRAMES",
    "FRAME_COLUMNS",
    "FRAME_RULES",
    "MAX_FRAMES",
    "OPTIONAL_NAMES",
    "clip_schema_document",
    "manifest_schema",
]

MAX_FRAMES = 512
"""The most frames of a released clip."""

_GROUP = "clip"
_I32 = pa.int32()
_F32 = pa.float32()
_F32S = pa.list_(_F32)

CLIP_COLUMNS: tuple[Column, ...] = (
    Column(_GROUP, "frames", _I32, "number of frames of the clip"),
    Column(_GROUP, "fps_num", _I32, "frames per second of the clip: numerator"),
    Column(_GROUP, "fps_den", _I32, "frames per second of the clip: denominator"),
    Column(
        _GROUP,
        "stride",
        _I32,
        "step between the clip's frames in the video; 1: consecutive frames",
    ),
    Column(_GROUP, "start_frame", _I32, "number of the clip's first frame in the video, from 0"),
    Column(
        _GROUP,
        "start_pts",
        pa.int64(),
        "time stamp of the clip's first frame, in the time base of the video's file; in a clip "
        "without a file the number of the frame",
    ),
    Column(
        _GROUP,
        "track_id",
        pa.string(),
        "the face that was followed through the video: `image_id`, with `#n` for its n-th track",
    ),
    Column(
        _GROUP,
        "motion",
        pa.string(),
        "what moves: `video`, `rendered`, or `camera` (a virtual camera over a still image)",
    ),
    Column(
        _GROUP,
        "segments",
        pa.list_(pa.list_(_I32)),
        "`[start, end)` of the frames that are manipulated, counted in the clip (fakes); empty "
        "for reals and controls",
    ),
)
CLIP_NAMES = tuple(column.name for column in CLIP_COLUMNS)
OPTIONAL_NAMES = (*CLIP_NAMES, *IDENTITY_NAMES)
"""Columns that not every release has."""

_COUNT = Between(0, 2**31 - 1)
_CLIP_RULES: Mapping[str, Rule] = {
    "frames": Between(1, MAX_FRAMES),
    "fps_num": Between(1, 2**31 - 1),
    "fps_den": Between(1, 2**31 - 1),
    "stride": Between(1, 10_000),
    "start_frame": _COUNT,
    "start_pts": Between(-(2**62), 2**62),
    "track_id": RULES["image_id"],
    "motion": OneOf(("video", "rendered", "camera")),
    "segments": Items(Items(Between(0, MAX_FRAMES), 2, 2), 64),
}


def manifest_schema(clips: bool, identity: bool) -> pa.Schema:
    """Return the columns of a manifest.

    Args:
        clips: Whether the release is of clips.
        identity: Whether its recipe names an embedder.
    """
    more = (*(CLIP_COLUMNS if clips else ()), *(IDENTITY_COLUMNS if identity else ()))
    fields = [
        pa.field(column.name, column.type, column.nullable, {"description": column.description})
        for column in more
    ]
    return pa.schema([*MANIFEST, *fields], metadata=MANIFEST.metadata)


ANY_MANIFEST = manifest_schema(clips=True, identity=True)
"""All columns that a manifest may have."""

ANY_RULES: Mapping[str, Rule] = {**RULES, **_CLIP_RULES, **IDENTITY_RULES}

FRAME_COLUMNS: tuple[Column, ...] = (
    Column("frame", "sample_id", pa.string(), "id of the clip, as in the manifest"),
    Column("frame", "frame", _I32, "number of the frame in the clip, from 0"),
    Column("frame", "source_frame", _I32, "number of the frame in the video, from 0"),
    Column("frame", "pts", pa.int64(), "time stamp of the frame in the video, see `start_pts`"),
    Column("frame", "box", _F32S, "as in the manifest, for this frame", nullable=True),
    Column("frame", "landmarks", _F32S, "as in the manifest, for this frame", nullable=True),
    *(
        Column("frame", name, _F32, "as in the manifest, for this frame", nullable=True)
        for name in ("yaw", "pitch", "roll")
    ),
    Column(
        "frame", "mask_area", _F32, "share of the frame that was replaced (fakes)", nullable=True
    ),
    Column(
        "frame",
        "change",
        _F32,
        "visible change in 8-bit intensity levels, before degradation (fakes)",
        nullable=True,
    ),
    Column("frame", "manipulated", pa.bool_(), "whether the frame lies in a segment of a fake"),
    Column(
        "frame",
        "donor_frame",
        _I32,
        "number of the donor's frame in its video (fakes whose donor is in a video)",
        nullable=True,
    ),
)

FRAMES = pa.schema(
    [
        pa.field(column.name, column.type, column.nullable, {"description": column.description})
        for column in FRAME_COLUMNS
    ],
    metadata={"datagen.schema": str(SCHEMA_VERSION)},
)

FRAME_RULES: Mapping[str, Rule] = {
    "frame": Between(0, MAX_FRAMES - 1),
    "source_frame": _COUNT,
    "pts": Between(-(2**62), 2**62),
    "manipulated": OneOf((False, True)),
    "donor_frame": _COUNT,
    **{
        name: RULES[name]
        for name in (
            *("sample_id", "box", "landmarks", "yaw", "pitch", "roll", "mask_area", "change"),
        )
    },
}


def clip_schema_document() -> str:
    """Return the part of ``manifests/SCHEMA.md`` on clips."""
    lines = [
        "",
        "## Clips",
        "",
        "A release of clips has one row per clip, with the columns above and those below. `width` "
        "and `height` are those of a frame; `box`, `landmarks`, pose, `crop` and `phash` are those "
        "of its middle frame; `change`, `change_released` and `mask_area` are means over its "
        "frames, and `mask_peak` is the highest level in any of them. A mask is a lossless gray "
        "video (FFV1 in Matroska) with one frame per frame of the clip. The tars hold "
        "`<pair_id>.real.mp4`, `.fake.mp4`, `.mask.mkv` and `.json`; with `format: frames`, "
        "`<pair_id>.real.000000.png` and so on, and `media_offset` and `media_size` then reach "
        "from the tar header of the first frame to the end of the last one: these bytes are a tar "
        "of their own.",
        "",
        "| column | type | meaning | allowed |",
        "| --- | --- | --- | --- |",
    ]
    for column in CLIP_COLUMNS:
        allowed = _CLIP_RULES[column.name].allowed
        lines.append(f"| `{column.name}` | {column.type} | {column.description} | {allowed} |")
    lines += [
        "",
        "`pandas.read_parquet('<out>/frames')` has one row per frame of every clip:",
        "",
        "| column | type | may be null | meaning |",
        "| --- | --- | --- | --- |",
    ]
    for column in FRAME_COLUMNS:
        null = "yes" if column.nullable else ""
        lines.append(f"| `{column.name}` | {column.type} | {null} | {column.description} |")
    return "\n".join(lines) + "\n"
