"""Reading the files of a manifest: the one place that knows how, and that checks every row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagen.errors import ReleaseError
from datagen.release.bounded_parquet import broken_columns, open_table, plain_table
from datagen.release.folder import Folder
from datagen.release.grammar import Between, Broken, OneOf, broken_rows
from datagen.release.rules import RULES
from datagen.release.schema import MANIFEST

__all__ = [
    "MANIFEST_FOLDER",
    "ManifestFile",
    "broken_manifest_rows",
    "manifest_file",
    "read_manifest",
    "split_of",
]

MANIFEST_FOLDER = "manifest/"


@dataclass(frozen=True, slots=True, order=True)
class ManifestFile:
    """One file of a manifest, with what its rows may refer to.

    Attributes:
        shard: Name of its shard, e.g. ``train-000000``.
        media_bytes: Size of the shard's tar as ``release.json`` states it.
    """

    shard: str
    media_bytes: int

    @property
    def name(self) -> str:
        """Name of the file in the release."""
        return f"{MANIFEST_FOLDER}{self.shard}.parquet"

    @property
    def media(self) -> str:
        """Name of the shard's tar, the only one that its rows may name."""
        return f"media/{self.shard}.tar"

    @property
    def split(self) -> str:
        """Split of the shard."""
        return self.shard.partition("-")[0]


def split_of(name: str) -> str:
    """Return the split of a manifest file: ``train`` of ``manifest/train-000000.parquet``."""
    return name.removeprefix(MANIFEST_FOLDER).partition("-")[0]


def manifest_file(files: Mapping[str, Mapping[str, Any]], name: str) -> ManifestFile:
    """Return a file of the manifest.

    Args:
        files: The files that a checked ``release.json`` names.
        name: Name of the file in the release.
    """
    shard = name.removeprefix(MANIFEST_FOLDER).removesuffix(".parquet")
    return ManifestFile(shard, int(files[f"media/{shard}.tar"]["size"]))


def read_manifest(
    folder: Folder,
    file: ManifestFile,
    columns: Sequence[str] | None = None,
    dictionary: Sequence[str] = (),
) -> pa.Table:
    """Read one file of a manifest, only the columns that are asked for, every row checked.

    Args:
        folder: The release.
        file: The file.
        columns: See ``Release.table``.
        dictionary: See ``Release.table``.

    Raises:
        ReleaseError: The file is missing, damaged or too large, or has no such column, or a row
            breaks a rule: the message names row and column, what was found, what is allowed.
    """
    table = open_table(folder, file.name, MANIFEST, RULES, columns)
    for broken in broken_manifest_rows(table, file):
        where = f"{folder}/{file.name}"
        raise ReleaseError(
            f"{where}: {broken}. 'datagen verify' lists what is wrong with the release",
            path=where,
            key=broken.column,
            row=broken.row,
        )
    return plain_table(folder, file.name, table, MANIFEST, dictionary)


def broken_manifest_rows(table: pa.Table, file: ManifestFile) -> Iterator[Broken]:
    """Yield what breaks the rules in some columns of a manifest file.

    Args:
        table: The columns, from ``open_table``, or as they are about to be written.
        file: The file, for what depends on the shard.
    """
    broken = broken_columns(table, MANIFEST, RULES)
    yield from broken
    wrong = {one.column for one in broken}
    own = {
        "split": OneOf((file.split,)),
        "media_path": OneOf((file.media,)),
        "mask_path": OneOf((file.media,)),
    }
    for name, rule in own.items():
        if name in table.column_names and name not in wrong:
            found = broken_rows(name, table.column(name), rule, MANIFEST.field(name).nullable)
            yield from (replace(one, allowed=f"{one.allowed}, that of its shard") for one in found)
    for what in ("media", "mask"):
        if not wrong & {f"{what}_offset", f"{what}_size"}:
            yield from _beyond(table, what, file)


def _beyond(table: pa.Table, what: str, file: ManifestFile) -> Iterator[Broken]:
    """Yield the rows whose bytes don't lie within the shard's tar."""
    offset, size = f"{what}_offset", f"{what}_size"
    names = [name for name in (offset, size) if name in table.column_names]
    if not names:
        return
    ends = table.column(names[0])
    if len(names) > 1:
        ends = pc.add(ends, table.column(size))  # no overflow: both have passed their limits
    known = pc.fill_null(ends, 0)
    for broken in broken_rows(names[0], known, Between(0, file.media_bytes), nullable=False):
        allowed = f"bytes within the {file.media_bytes:,} of {file.media}"
        value = f"{what} bytes up to {ends[broken.row - 1].as_py():,}"
        yield Broken(names[0], np.asarray(broken.rows), value, allowed)
