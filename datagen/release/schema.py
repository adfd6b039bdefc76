"""The columns of the manifest and of the rejects: the contract of a release."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from datagen.release.rules import RULES
from datagen.release.sample import JSON_KEYS

__all__ = ["COLUMNS", "MANIFEST", "REJECTS", "SCHEMA_VERSION", "Column", "schema_document"]

SCHEMA_VERSION = 2
"""Version of the columns and their meaning; a draft until the first published release."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the manifest.

    Attributes:
        group: Heading under which the column is documented.
        name: Name of the column.
        type: Arrow type.
        description: Meaning, with the unit.
        nullable: Whether the column may be null.
    """

    group: str
    name: str
    type: pa.DataType
    description: str
    nullable: bool = False


_TEXT = pa.string()
_TEXTS = pa.list_(pa.string())
_F32 = pa.float32()
_F32S = pa.list_(pa.float32())

COLUMNS: tuple[Column, ...] = (
    Column(
        "who",
        "release_id",
        _TEXT,
        "id of the release: `<name>-v<version>-<first 12 digits of the recipe's digest>`; "
        "with `sample_id` the key of the row across releases",
    ),
    Column("who", "sample_id", _TEXT, "id of the image: `<pair_id>-<kind>`"),
    Column(
        "who",
        "pair_id",
        _TEXT,
        "id of the pair, equal for its real, fake and control: `<recipe>-<split>-<item>`",
    ),
    Column("who", "kind", _TEXT, "`real`, `control` or `fake`"),
    Column("who", "label", pa.int8(), "0 for real and control, 1 for fake"),
    Column("who", "split", _TEXT, "`train`, `val` or `test`; an identity is in one split only"),
    Column("where", "media_path", _TEXT, "tar file of the image, relative to the release"),
    Column("where", "media_offset", pa.int64(), "offset of the image in the tar, bytes"),
    Column("where", "media_size", pa.int64(), "size of the encoded image, bytes"),
    Column(
        "where",
        "media_type",
        _TEXT,
        "`image/jpeg`, `image/png` or `image/webp`; of clips `video/mp4`, `video/x-matroska` or "
        "`image/png`",
    ),
    Column("where", "width", pa.int32(), "width of the image, pixels"),
    Column("where", "height", pa.int32(), "height of the image, pixels"),
    Column("where", "sha256", _TEXT, "sha256 of the encoded image"),
    Column(
        "where",
        "phash",
        _TEXT,
        "64-bit DCT perceptual hash as 16 hex digits, for finding re-encoded copies",
    ),
    Column("where", "mask_path", _TEXT, "tar file of the mask (fakes)", nullable=True),
    Column(
        "where", "mask_offset", pa.int64(), "offset of the mask in the tar, bytes", nullable=True
    ),
    Column(
        "where",
        "mask_size",
        pa.int64(),
        "size of the mask, an 8-bit gray PNG, bytes",
        nullable=True,
    ),
    Column("made of", "source", _TEXT, "id of the source card"),
    Column(
        "made of",
        "image_id",
        _TEXT,
        "id of the target's image; `#n` marks the n-th further face in it",
    ),
    Column("made of", "identity_id", _TEXT, "identity of the target: `<source>/<identity>`"),
    Column("made of", "source_sha256", _TEXT, "sha256 of the source's image file"),
    Column(
        "made of",
        "crop",
        pa.list_(pa.float64()),
        "2x3 matrix, row by row, from pixels of the upright source image to pixels of the "
        "released image before degradation",
    ),
    Column(
        "made of",
        "donor_image_id",
        _TEXT,
        "id of the donor's image (fakes with a donor)",
        nullable=True,
    ),
    Column("made of", "donor_identity_id", _TEXT, "identity of the donor", nullable=True),
    Column(
        "made how", "method", _TEXT, "manipulation method of the pair, also on its real and control"
    ),
    Column(
        "made how",
        "method_version",
        pa.int32(),
        "version of the method; raised whenever its output changes",
    ),
    Column("made how", "family", _TEXT, "family of the method, e.g. `face_swap`"),
    Column(
        "made how", "method_params", _TEXT, "JSON: everything the method drew; reproduces the fake"
    ),
    Column("made how", "weights", _TEXTS, "`id@sha256` of each weight file that was used"),
    Column("made how", "degradation", _TEXT, "name of the degradation; null: none", nullable=True),
    Column(
        "made how",
        "severity",
        pa.int32(),
        "severity level of a ladder, 0 to 5; null: no level",
        nullable=True,
    ),
    Column(
        "made how",
        "degradation_params",
        _TEXT,
        "JSON: the operations and their parameters, in order",
        nullable=True,
    ),
    Column(
        "made how",
        "enhancer",
        _TEXT,
        "network that was applied to real, fake and control",
        nullable=True,
    ),
    Column("made how", "encoder", _TEXT, "JSON: format, quality, subsampling, library"),
    Column("made how", "recipe_digest", _TEXT, "sha256 of the recipe without counts and paths"),
    Column("made how", "item", pa.int64(), "number of the planned pair in its split, from 0"),
    Column(
        "made how",
        "base_id",
        _TEXT,
        "pair without its degradation: equal across the levels of a ladder",
    ),
    Column("made how", "attempt", pa.int32(), "number of the draw that the method used, from 0"),
    Column(
        "face",
        "box",
        _F32S,
        "x0, y0, x1, y1 of the face with forehead, pixels; null: unknown (synthesized faces)",
        nullable=True,
    ),
    Column(
        "face",
        "landmarks",
        _F32S,
        "the 68 points of 300-W as x0, y0, x1, y1, …, pixels; null: unknown (synthesized faces)",
        nullable=True,
    ),
    Column("face", "age", _F32, "age as the source states it, years", nullable=True),
    Column("face", "sex", _TEXT, "sex as the source states it", nullable=True),
    Column("face", "ethnicity", _TEXT, "ethnicity as the source states it", nullable=True),
    Column(
        "face",
        "yaw",
        _F32,
        "head rotation, degrees; positive: the nose points to larger x",
        nullable=True,
    ),
    Column("face", "pitch", _F32, "head rotation, degrees; positive: looking up", nullable=True),
    Column(
        "face",
        "roll",
        _F32,
        "head rotation, degrees; positive: clockwise in the image",
        nullable=True,
    ),
    Column(
        "measured",
        "change",
        _F32,
        "sum(mask * |fake - real|) / sum(mask), averaged over the channels, in 8-bit intensity "
        "levels, before degradation (fakes)",
        nullable=True,
    ),
    Column(
        "measured",
        "change_released",
        _F32,
        "the same after degradation, before encoding (fakes)",
        nullable=True,
    ),
    Column(
        "measured",
        "mask_area",
        _F32,
        "mean of mask / 255: share of the image that was replaced (fakes)",
        nullable=True,
    ),
    Column(
        "measured",
        "mask_peak",
        pa.int16(),
        "highest level of the mask, 1 to 255 (fakes); `self_blend` may peak at 64",
        nullable=True,
    ),
    Column(
        "measured",
        "psnr",
        _F32,
        "PSNR of the degraded image, dB, compared with the undegraded one (moved in the same way "
        "where the degradation moves pixels); null: equal",
        nullable=True,
    ),
    Column(
        "rights",
        "licenses",
        _TEXTS,
        "SPDX expressions of all sources and weights that the image is made of",
    ),
    Column(
        "rights", "purposes", _TEXTS, "permitted purposes: `research`, `commercial`, `redistribute`"
    ),
    Column("rights", "attribution", _TEXTS, "attributions that a publication must state"),
)

MANIFEST = pa.schema(
    [
        pa.field(column.name, column.type, column.nullable, {"description": column.description})
        for column in COLUMNS
    ],
    metadata={"datagen.schema": str(SCHEMA_VERSION)},
)

_REJECT_COLUMNS = {
    "stage": "`index`: an unusable image or face; `item`: a planned pair that was not made",
    "code": "stable code of the reason",
    "detail": "explanation",
    "source": "id of the source card",
    "image_id": "id of the target's image",
    "pair_id": "id of the planned pair (items)",
    "split": "split of the pair (items)",
    "item": "number of the pair in its split (items)",
    "method": "method of the pair (items)",
    "degradation": "degradation of the pair (items with one)",
    "donor_image_id": "id of the donor's image (items with a donor)",
}
_REQUIRED = frozenset({"stage", "code", "detail", "source", "image_id"})

REJECTS = pa.schema(
    [
        pa.field(
            name,
            pa.int64() if name == "item" else _TEXT,
            name not in _REQUIRED,
            {"description": description},
        )
        for name, description in _REJECT_COLUMNS.items()
    ],
    metadata={"datagen.schema": str(SCHEMA_VERSION)},
)


def _samples() -> list[str]:
    lines = [
        "",
        "## The tars",
        "",
        "The pairs of a shard are in `media/<name>-v<version>-<split>-000000.tar`, its controls in "
        "`media/<name>-v<version>-<split>-control-000000.tar`; `media/<split>.txt` and "
        "`media/<split>-control.txt` list them. Every sample of a tar has the same members: "
        "`<pair_id>.mask.png`, `.real.<suffix>`, `.fake.<suffix>` and `.json`, or "
        "`<pair_id>.control.<suffix>` and `.json`.",
        "",
        'The JSON has the same keys in every sample, and no nulls: unknown text is `""`, an '
        "unknown number -1.",
        "",
        "| key | value |",
        "| --- | --- |",
    ]
    return lines + [f"| `{name}` | {meaning} |" for name, meaning in JSON_KEYS.items()]


def schema_document() -> str:
    """Return ``manifests/SCHEMA.md``."""
    lines = [
        "# The manifest",
        "",
        f"Schema version {SCHEMA_VERSION} (draft). Generated from `datagen/release/schema.py` by "
        "`python tools/docs.py`; a test compares the two.",
        "",
        "`pandas.read_parquet('<out>/manifest')` reads the whole release, one row per image. "
        "An image is the `media_size` bytes at `media_offset` of `media_path`; the same tar can "
        "be streamed as a WebDataset. Column names and meanings are the contract: any change "
        "raises the version. Pixel coordinates count from the center of the first pixel, x to "
        "the right and y down.",
        "",
        "A mask is the donor's weight in each pixel: 0 is untouched, 255 fully replaced, and any "
        "level above 0 counts as manipulated. Its highest level is `mask_peak`, which may be far "
        "below 255. Reals and controls have no mask. The box and landmarks of a fake are those of "
        "the fake, which may differ from its real's.",
        "",
        "pandas turns whole numbers with nulls (`severity`, `mask_offset`, `mask_size`, "
        "`mask_peak`) into floats; `pandas.read_parquet(path, dtype_backend='pyarrow')` keeps "
        "them whole. The meaning of each column is also in the metadata of its Parquet field.",
        "",
        "Rows of several releases are told apart by `release_id` and `sample_id` together.",
        "",
        "Every row keeps these rules, whoever wrote it: they are checked before anything of a row "
        "is used, and a row that breaks one is an error that names it. A shard's rows name only "
        "the tar of that shard, and bytes within it.",
        "",
        "| group | column | type | may be null | meaning | allowed |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for column in COLUMNS:
        null = "yes" if column.nullable else ""
        description = column.description.replace("|", "\\|")
        lines.append(
            f"| {column.group} | `{column.name}` | {column.type} | {null} | {description} | "
            f"{RULES[column.name].allowed} |"
        )
    lines += _samples()
    lines += [
        "",
        "## Rejects",
        "",
        "`pandas.read_parquet('<out>/rejects')` has one row per planned pair that was not made; "
        "`rejects/index.parquet` has one per image or face that the index rejected.",
        "",
        "| column | type | meaning |",
        "| --- | --- | --- |",
    ]
    for field in REJECTS:
        lines.append(f"| `{field.name}` | {field.type} | {_REJECT_COLUMNS[field.name]} |")
    return "\n".join(lines) + "\n"
