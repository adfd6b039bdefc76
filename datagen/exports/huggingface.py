"""Hugging Face: Parquet files with the images in them, ready for the hub's viewer.

``load_dataset(DEST)`` gives all rows; a configuration for each family of methods gives theirs. A
row is an image with its mask and the columns of the manifest. The images are the release's bytes.
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
import pyarrow.parquet as pq

from datagen.core.files import staged, write_atomically
from datagen.core.media import suffix_of
from datagen.exports.base import Export, Exported, copy_rights, place_in, terms_warning
from datagen.exports.huggingface_card import Part, card, croissant
from datagen.release.manifest import manifest_file, read_manifest
from datagen.release.pixels import original_bytes, original_mask
from datagen.release.reader import Release
from datagen.release.schema import MANIFEST

__all__ = ["SCHEMA", "write"]

_FILE_BYTES = 500_000_000
_GROUP_BYTES = 32_000_000  # of a row group: the hub's viewer reads one at a time
_GROUP_ROWS = 500
_SPLITS = {"train": "train", "val": "validation", "test": "test"}

_IMAGE = pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.string())])
_PLACES = ("media_path", "media_offset", "media_size", "mask_path", "mask_offset", "mask_size")
_COLUMNS = [field for field in MANIFEST if field.name not in (*_PLACES, "label")]
_FEATURES = {
    "image": {"_type": "Image"},
    "mask": {"_type": "Image"},
    "label": {"names": ["real", "fake"], "_type": "ClassLabel"},
}

SCHEMA = pa.schema(
    [
        pa.field("image", _IMAGE),
        pa.field("mask", _IMAGE),
        pa.field("label", pa.int64()),
        *(field.remove_metadata() for field in _COLUMNS),
    ],
    metadata={"huggingface": json.dumps({"info": {"features": _FEATURES}})},
)
"""The columns of the export."""


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
    images = sum(part.rows for part in parts)
    return Exported(export.folder, images, len(files), len(there), (warning,) if warning else ())


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
            key, size = (_SPLITS[split], family), media + (mask or 0)
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
    manifests = dict.fromkeys(part.manifest for file in files for part in file.slices)
    with ExitStack() as stack:
        writers = {file.name: _Writer(place_in(export.folder, file.name), file) for file in files}
        for writer in writers.values():
            stack.enter_context(writer)
        for manifest in sorted(manifests):
            table = read_manifest(release.folder, manifest_file(release.record, manifest))
            rows = table.to_pylist()
            for file in files:
                for part in file.slices:
                    if part.manifest == manifest:
                        for number in part.rows:
                            writers[file.name].add(_row(release, rows[number]))
    return len(files)


class _Writer:
    """A file that is written row by row, opened by its first row and closed by its last one."""

    def __init__(self, path: Path, file: _File) -> None:
        self._path = path
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
        self._size += len(row["image"]["bytes"])
        self._left -= 1
        if not self._left or len(self._rows) == _GROUP_ROWS or self._size > _GROUP_BYTES:
            self._flush()
        if not self._left:
            self._stack.close()

    def _flush(self) -> None:
        if self._writer is None:
            part = self._stack.enter_context(staged(self._path))
            self._writer = self._stack.enter_context(
                pq.ParquetWriter(part, SCHEMA, compression=_compression())
            )
        table = pa.Table.from_pylist(self._rows, SCHEMA)
        self._writer.write_table(table, row_group_size=len(self._rows))
        self._rows, self._size = [], 0


def _compression() -> dict[str, str]:
    leaves = [f"{name}.{leaf}" for name in ("image", "mask") for leaf in ("bytes", "path")]
    return {
        **dict.fromkeys(leaves, "none"),  # JPEG and PNG do not shrink
        **{_leaf(field): "zstd" for field in SCHEMA if field.name not in ("image", "mask")},
    }


def _leaf(field: pa.Field) -> str:
    return f"{field.name}.list.element" if pa.types.is_list(field.type) else str(field.name)


def _row(release: Release, row: dict[str, Any]) -> dict[str, Any]:
    image = f"{row['sample_id']}.{suffix_of(row['media_type'])}"
    mask = f"{row['sample_id']}.mask.png"
    is_fake = row["kind"] == "fake"
    return {
        "image": _embedded(original_bytes(release.bytes_of(row), row), image),
        "mask": _embedded(original_mask(release.mask_bytes(row), row), mask) if is_fake else None,
        **{name: value for name, value in row.items() if name not in _PLACES},
    }


def _embedded(data: bytes, name: str) -> dict[str, Any]:
    return {"bytes": data, "path": name}


def _part(folder: Path, file: _File) -> Part:
    path = folder / file.name
    return Part(file.name, file.split, file.family, file.rows, path.stat().st_size)


def _write_documents(export: Export, parts: Sequence[Part]) -> None:
    release = export.release
    copy_rights(export)
    write_atomically(export.folder / "README.md", card(release, parts, SCHEMA))
    write_atomically(export.folder / "croissant.json", croissant(release, SCHEMA))
