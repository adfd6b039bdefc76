"""Hugging Face: Parquet files with the images or clips in them, ready for the hub's viewer.

``load_dataset(DEST)`` gives all rows; a configuration for each family of methods gives theirs. A
row is an image or clip with its mask and the columns of the manifest, and has the release's bytes.
Clips are not decoded unless one asks for it, because ``datasets`` needs torchcodec for that; the
configuration ``frames`` has the rows of their frames.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datagen.core.files import staged, write_atomically
from datagen.core.media import VIDEO_TYPES, suffix_of
from datagen.errors import UserError
from datagen.exports.base import Export, Exported, copy_files, place_in, terms_warning
from datagen.exports.huggingface_card import HUB_SPLITS, Part, card, croissant
from datagen.release.clip_schema import manifest_schema
from datagen.release.clips import masks_of
from datagen.release.manifest import manifest_file, read_manifest
from datagen.release.pixels import original_bytes, original_mask
from datagen.release.reader import Release

__all__ = ["schema_of", "write"]

_FILE_BYTES = 500_000_000
_GROUP_BYTES = 32_000_000  # of a row group: the hub's viewer reads one at a time
_GROUP_ROWS = 500

_FILE = pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.string())])
_PLACES = ("media_path", "media_offset", "media_size", "mask_path", "mask_offset", "mask_size")
_FEATURES = {"image": {"_type": "Image"}, "video": {"_type": "Video", "decode": False}}
_LABEL = {"names": ["real", "fake"], "_type": "ClassLabel"}


def schema_of(clips: bool, identity: bool = False) -> pa.Schema:
    """Return the columns of the export, the first of which is ``image`` or ``video``.

    Args:
        clips: Whether it is of clips.
        identity: Whether its rows tell whom the fakes resemble.
    """
    media, manifest = "video" if clips else "image", manifest_schema(clips, identity)
    feature = _FEATURES[media]
    features = {media: feature, "mask": feature, "label": _LABEL}
    columns = [field for field in manifest if field.name not in (*_PLACES, "label")]
    return pa.schema(
        [
            pa.field(media, _FILE),
            pa.field("mask", _FILE),
            pa.field("label", pa.int64()),
            *(field.remove_metadata() for field in columns),
        ],
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )


@dataclass(frozen=True, slots=True)
class _Slice:
    """Rows of one manifest file that go into one file of the export."""

    manifest: str
    rows: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _File:
    """One file of the export, known before it is written."""

    name: str
    split: str
    family: str
    slices: tuple[_Slice, ...]

    @property
    def rows(self) -> int:
        return sum(len(part.rows) for part in self.slices)


def write(export: Export) -> Exported:
    """Write the files that are missing, then the card and ``croissant.json``."""
    _refuse_frames(export.release)
    files = _planned(export.release)
    there = {file.name for file in files if (export.folder / file.name).is_file()}
    by_split: dict[str, list[_File]] = {}
    for file in files:
        if file.name not in there:
            by_split.setdefault(file.split, []).append(file)
    with (
        export.progress.bar("writing files") as bar,
        ThreadPoolExecutor(max(1, export.workers)) as pool,
    ):
        bar(len(there), len(files))
        done = len(there)
        for count in pool.map(lambda own: _write_split(export, own), by_split.values()):
            done += count
            bar(done, len(files))
    parts = [_part(export.folder, file) for file in files]
    _write_documents(export, parts)
    warning = terms_warning(export.release)
    rows = sum(part.rows for part in parts)
    warnings = (warning,) if warning else ()
    return Exported(export.folder, rows, len(files), len(there), warnings, export.release.has_clips)


def _refuse_frames(release: Release) -> None:
    """Refuse clips that are not one file each."""
    if not release.has_clips:
        return
    types = release.table(["media_type"], format="arrow", dictionary=["media_type"])
    if other := sorted({*pc.unique(types["media_type"]).to_pylist()} - {*VIDEO_TYPES}):
        raise UserError(
            f"{release.folder}: its clips are stored as frames ({', '.join(other)}), and a row of "
            "this export holds one video file. Read the tars as WebDatasets "
            "(load_dataset('webdataset', ...)), or generate the recipe with 'encode: {codec: ffv1}'"
            ", which is lossless too",
            key="to",
        )


def _planned(release: Release) -> list[_File]:
    """Deal the rows to files of at most 500 MB, by split and family, in the manifest's order."""
    groups: dict[tuple[str, str], list[list[_Slice]]] = {}
    filled: dict[tuple[str, str], int] = {}
    for name in release.manifest_files():
        columns = ["split", "family", "media_size", "mask_size"]
        table = read_manifest(release.folder, manifest_file(release.record, name), columns)
        rows = zip(*(table.column(column).to_pylist() for column in columns), strict=True)
        here: dict[tuple[str, str], list[list[int]]] = {}
        for number, (split, family, media, mask) in enumerate(rows):
            key, size = (HUB_SPLITS[split], family), media + (mask or 0)
            if key not in groups or filled[key] + size > _FILE_BYTES:
                groups.setdefault(key, []).append([])
                here.setdefault(key, [[]]).append([])
                filled[key] = 0
            filled[key] += size
            here.setdefault(key, [[]])[-1].append(number)
        for key, lists in here.items():
            first = len(groups[key]) - len(lists)
            for offset, numbers in enumerate(lists):
                if numbers:
                    groups[key][first + offset].append(_Slice(name, tuple(numbers)))
    return [
        _File(
            f"data/{split}-{family}-{number:05d}-of-{len(files):05d}.parquet",
            split,
            family,
            tuple(slices),
        )
        for (split, family), files in groups.items()
        for number, slices in enumerate(files)
    ]


def _write_split(export: Export, files: Sequence[_File]) -> int:
    """Write files of one split in one pass over its manifest; return their number."""
    release = export.release
    schema = schema_of(release.has_clips, release.embedder is not None)
    manifests = dict.fromkeys(part.manifest for file in files for part in file.slices)
    with ExitStack() as stack:
        writers = {
            file.name: _Writer(place_in(export.folder, file.name), file, schema) for file in files
        }
        for writer in writers.values():
            stack.enter_context(writer)
        for manifest in sorted(manifests):
            table = read_manifest(release.folder, manifest_file(release.record, manifest))
            rows = table.to_pylist()
            for file in files:
                for part in file.slices:
                    if part.manifest == manifest:
                        for number in part.rows:
                            writers[file.name].add(_row(release, rows[number], schema.names[0]))
    return len(files)


class _Writer:
    """A file that is written row by row, opened by its first row and closed by its last one."""

    def __init__(self, path: Path, file: _File, schema: pa.Schema) -> None:
        self._path = path
        self._schema = schema
        self._left = file.rows
        self._rows: list[dict[str, Any]] = []
        self._size = 0
        self._stack = ExitStack()
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, *raised: Any) -> None:
        self._stack.__exit__(*raised)

    def add(self, row: dict[str, Any]) -> None:
        self._rows.append(row)
        self._size += len(row[self._schema.names[0]]["bytes"])
        self._left -= 1
        if not self._left or len(self._rows) == _GROUP_ROWS or self._size > _GROUP_BYTES:
            self._flush()
        if not self._left:
            self._stack.close()

    def _flush(self) -> None:
        if self._writer is None:
            part = self._stack.enter_context(staged(self._path))
            self._writer = self._stack.enter_context(
                pq.ParquetWriter(part, self._schema, compression=_compression(self._schema))
            )
        table = pa.Table.from_pylist(self._rows, self._schema)
        self._writer.write_table(table, row_group_size=len(self._rows))
        self._rows, self._size = [], 0


def _compression(schema: pa.Schema) -> dict[str, str]:
    files = [field for field in schema if field.type == _FILE]
    leaves = [f"{field.name}.{leaf}" for field in files for leaf in ("bytes", "path")]
    return {
        **dict.fromkeys(leaves, "none"),  # encoded images and videos do not shrink
        **{_leaf(field.name, field.type): "zstd" for field in schema if field not in files},
    }


def _leaf(name: str, kind: pa.DataType) -> str:
    return _leaf(f"{name}.list.element", kind.value_type) if pa.types.is_list(kind) else name


def _row(release: Release, row: dict[str, Any], media: str) -> dict[str, Any]:
    file = f"{row['sample_id']}.{suffix_of(row['media_type'])}"
    mask = None
    if row["kind"] == "fake":
        data = release.mask_bytes(row)
        if media == "image":
            mask = _embedded(original_mask(data, row), f"{row['sample_id']}.mask.png")
        else:
            masks_of(data, row)
            mask = _embedded(data, f"{row['sample_id']}.mask.mkv")
    return {
        media: _embedded(original_bytes(release.bytes_of(row), row), file),
        "mask": mask,
        **{name: value for name, value in row.items() if name not in _PLACES},
    }


def _embedded(data: bytes, name: str) -> dict[str, Any]:
    return {"bytes": data, "path": name}


def _part(folder: Path, file: _File) -> Part:
    path = folder / file.name
    return Part(file.name, file.split, file.family, file.rows, path.stat().st_size)


def _write_documents(export: Export, parts: Sequence[Part]) -> None:
    release = export.release
    copy_files(export, "rights/")
    copy_files(export, "frames/")
    schema = schema_of(release.has_clips, release.embedder is not None)
    write_atomically(export.folder / "README.md", card(release, parts, schema))
    write_atomically(export.folder / "croissant.json", croissant(release, schema))
