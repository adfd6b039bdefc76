"""The columns of manifests and rejects: the contract of a release, in code and in words."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

__all__ = ["COLUMNS", "MANIFEST", "REJECTS", "SCHEMA_VERSION", "Column", "schema_document"]

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the manifest."""

    group: str
    name: str
    type: pa.DataType
    words: str
    nullable: bool = False


_TEXT = pa.string()
_TEXTS = pa.list_(pa.string())
_F32 = pa.float32()
_F32S = pa.list_(pa.float32())

COLUMNS: tuple[Column, ...] = (
    Column("who", "sample_id", _TEXT, "one image: `<pair_id>-<kind>`"),
    Column("who", "pair_id", _TEXT, "equal for the members of a pair: `<recipe>-<split>-<item>`"),
    Column("who", "kind", _TEXT, "`real`, `control` or `fake`"),
    Column("who", "label", pa.int8(), "0 for real and control, 1 for fake"),
    Column("who", "split", _TEXT, "`train`, `val` or `test`; people never cross"),
    Column("where", "media_path", _TEXT, "tar file, relative to the release"),
    Column("where", "media_offset", pa.int64(), "first byte of the image in the tar"),
    Column("where", "media_size", pa.int64(), "bytes of the image"),
    Column("where", "media_type", _TEXT, "`image/jpeg`, `image/png` or `image/webp`"),
    Column("where", "width", pa.int32(), "pixels"),
    Column("where", "height", pa.int32(), "pixels"),
    Column("where", "sha256", _TEXT, "of the image's bytes"),
    Column("where", "phash", _TEXT, "64-bit DCT perceptual hash, hex: finds re-encoded copies"),
    Column("where", "mask_path", _TEXT, "tar file of the mask (fakes)", nullable=True),
    Column("where", "mask_offset", pa.int64(), "first byte of the mask", nullable=True),
    Column("where", "mask_size", pa.int64(), "bytes of the mask, an 8-bit gray PNG", nullable=True),
    Column("made of", "source", _TEXT, "id of the source card"),
    Column("made of", "image_id", _TEXT, "face of the target; `#n` names a further face"),
    Column("made of", "identity_id", _TEXT, "the target's person: `<source>/<identity>`"),
    Column("made of", "source_sha256", _TEXT, "of the source's image file"),
    Column(
        "made of",
        "crop",
        pa.list_(pa.float64()),
        "2x3 matrix, row by row: pixels of the upright source image to released pixels, "
        "before degradation",
    ),
    Column("made of", "donor_image_id", _TEXT, "face of the donor (fakes with one)", nullable=True),
    Column("made of", "donor_identity_id", _TEXT, "the donor's person", nullable=True),
    Column("made how", "method", _TEXT, "manipulation of the pair, on each of its members"),
    Column("made how", "method_version", pa.int32(), "raised when a method's bytes change"),
    Column("made how", "family", _TEXT, "family of the method"),
    Column("made how", "method_params", _TEXT, "JSON; what was drawn: makes the fake again"),
    Column("made how", "weights", _TEXTS, "`id@sha256` of each weight file used"),
    Column("made how", "degradation", _TEXT, "name of the damage; null: none", nullable=True),
    Column("made how", "severity", pa.int32(), "0-5; null where there is none", nullable=True),
    Column("made how", "degradation_params", _TEXT, "JSON; what was executed", nullable=True),
    Column("made how", "enhancer", _TEXT, "network applied to all members", nullable=True),
    Column("made how", "encoder", _TEXT, "JSON; format, quality, subsampling, library"),
    Column("made how", "recipe_digest", _TEXT, "sha256 of the recipe less counts and places"),
    Column("made how", "item", pa.int64(), "number of the item in its split"),
    Column("made how", "base_id", _TEXT, "equal across the levels of a ladder"),
    Column("made how", "attempt", pa.int32(), "which draw of the method was taken, from 0"),
    Column(
        "face",
        "box",
        _F32S,
        "x0, y0, x1, y1 of the face, forehead included; pixels; null: nobody knows (synthesis)",
        nullable=True,
    ),
    Column(
        "face",
        "landmarks",
        _F32S,
        "68 points of 300-W as x0, y0, x1, y1, …; pixels; null: nobody knows (synthesis)",
        nullable=True,
    ),
    Column("face", "age", _F32, "years, as the source states it", nullable=True),
    Column("face", "sex", _TEXT, "as the source states it", nullable=True),
    Column("face", "ethnicity", _TEXT, "as the source states it", nullable=True),
    Column("face", "yaw", _F32, "degrees; > 0: the nose points to larger x", nullable=True),
    Column("face", "pitch", _F32, "degrees; > 0: looks up", nullable=True),
    Column("face", "roll", _F32, "degrees; > 0: clockwise", nullable=True),
    Column(
        "measured",
        "change",
        _F32,
        "sum(mask x |fake - real|) / sum(mask) in gray levels, before degradation (fakes)",
        nullable=True,
    ),
    Column(
        "measured",
        "change_released",
        _F32,
        "the same after degradation, before the encoder (fakes)",
        nullable=True,
    ),
    Column("measured", "mask_area", _F32, "mean of mask / 255 (fakes)", nullable=True),
    Column(
        "measured",
        "psnr",
        _F32,
        "of the degradation, dB, against the moved image where pixels move; null: nothing "
        "changed, or pixels moved only",
        nullable=True,
    ),
    Column("rights", "licenses", _TEXTS, "SPDX expressions of all that the row is made of"),
    Column("rights", "purposes", _TEXTS, "what is permitted: research, commercial, redistribute"),
    Column("rights", "attribution", _TEXTS, "whom to name"),
)

MANIFEST = pa.schema(
    [pa.field(column.name, column.type, column.nullable) for column in COLUMNS],
    metadata={"datagen.schema": str(SCHEMA_VERSION)},
)

_REJECT_WORDS = {
    "stage": "`index`: a face that no item may use; `item`: a planned pair that was not made",
    "code": "stable reason",
    "detail": "for a person",
    "source": "id of the source card",
    "image_id": "face of the target",
    "pair_id": "the planned pair (items)",
    "split": "its split (items)",
    "item": "its number (items)",
    "method": "its method (items)",
    "degradation": "its damage (items with one)",
    "donor_image_id": "face of the donor (items with one)",
}
_REQUIRED = frozenset({"stage", "code", "detail", "source", "image_id"})

REJECTS = pa.schema(
    [
        pa.field(name, pa.int64() if name == "item" else _TEXT, name not in _REQUIRED)
        for name in _REJECT_WORDS
    ],
    metadata={"datagen.schema": str(SCHEMA_VERSION)},
)


def schema_document() -> str:
    """Return ``manifests/SCHEMA.md``."""
    lines = [
        "# The manifest",
        "",
        f"Schema version {SCHEMA_VERSION}. Generated from `datagen/release/schema.py` by "
        "`python tools/docs.py`; a test keeps it so.",
        "",
        "`pandas.read_parquet('<out>/manifest')` is the whole release, one row an image. "
        "An image is `media_size` bytes at `media_offset` of `media_path`; the same tar streams "
        "as WebDataset. Column names and meanings are the contract: a change raises the version.",
        "",
        "| group | column | type | may be null | meaning |",
        "| --- | --- | --- | --- | --- |",
    ]
    for column in COLUMNS:
        null = "yes" if column.nullable else ""
        lines.append(
            f"| {column.group} | `{column.name}` | {column.type} | {null} | {column.words} |"
        )
    lines += [
        "",
        "## Rejects",
        "",
        "`pandas.read_parquet('<out>/rejects')` has one row for each planned pair that was not "
        "made, and `rejects/index.parquet` one for each image or face that the index refused.",
        "",
        "| column | type | meaning |",
        "| --- | --- | --- |",
    ]
    for field in REJECTS:
        lines.append(f"| `{field.name}` | {field.type} | {_REJECT_WORDS[field.name]} |")
    return "\n".join(lines) + "\n"
