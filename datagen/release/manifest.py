"""Reading the files of a manifest: the one place that knows how, and that checks every row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from datagen.errors import ReleaseError
from datagen.release.agreement import disagreeing_rows
from datagen.release.bounded_parquet import broken_columns, open_table, plain_table
from datagen.release.clip_schema import ANY_MANIFEST, ANY_RULES, OPTIONAL_NAMES
from datagen.release.folder import Folder
from datagen.release.grammar import Broken, OneOf, broken_rows, first
from datagen.release.identity_schema import IDENTITY_NAMES
from datagen.release.names import ShardName

__all__ = [
    "MANIFEST_FOLDER",
    "ManifestFile",
    "broken_manifest_rows",
    "manifest_file",
    "other_media",
    "read_manifest",
    "split_of",
]

MANIFEST_FOLDER = "manifest/"


@dataclass(frozen=True, slots=True, order=True)
class ManifestFile(ShardName):
    """The manifest file of a shard, with what its rows may refer to.

    Attributes:
        media_bytes: Size of the tar of its pairs as ``release.json`` states it.
        control_bytes: Size of the tar of its controls; 0 if it has none.
        purposes: What the release is for, which the terms of every row must allow.
        clips: Whether the release has clips; ``None`` where it isn't known.
        identity: Whether an embedder measured its fakes; ``None`` where it isn't known.
    """

    media_bytes: int
    control_bytes: int = 0
    purposes: tuple[str, ...] = ()
    clips: bool | None = None
    identity: bool | None = None

    @property
    def tars(self) -> dict[str, int]:
        """Sizes of its tars by name."""
        controls = {self.controls: self.control_bytes} if self.control_bytes else {}
        return {self.media: self.media_bytes, **controls}


def split_of(name: str) -> str:
    """Return the split of a manifest file: ``train`` of ``manifest/train-000000.parquet``."""
    return name.removeprefix(MANIFEST_FOLDER).partition("-")[0]


def manifest_file(record: Mapping[str, Any], name: str) -> ManifestFile:
    """Return a file of the manifest.

    Args:
        record: The content of a checked ``release.json``.
        name: Name of the file in the release.
    """
    shard = ShardName(
        record["release_id"], name.removeprefix(MANIFEST_FOLDER).removesuffix(".parquet")
    )
    media, controls = (
        int(record["files"].get(tar, {"size": 0})["size"]) for tar in (shard.media, shard.controls)
    )
    purpose = record["purpose"]
    needed = (purpose["use"], *(["redistribute"] if purpose["redistribute"] else []))
    clips = any(file.startswith("frames/") for file in record["files"])
    identity = bool(record["made"]["with"].get("embedder"))
    return ManifestFile(shard.release, shard.shard, media, controls, needed, clips, identity)


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
    table = open_table(folder, file.manifest, ANY_MANIFEST, ANY_RULES, columns, OPTIONAL_NAMES)
    if problem := other_media(table, file, whole=columns is None):
        where = f"{folder}/{file.manifest}"
        raise ReleaseError(f"{where}: {problem}", path=where, key="frames")
    for broken in chain(broken_manifest_rows(table, file), disagreeing_rows(table)):
        where = f"{folder}/{file.manifest}"
        raise ReleaseError(
            f"{where}: {broken}. 'datagen verify' lists what is wrong with the release",
            path=where,
            key=broken.column,
            row=broken.row,
        )
    return plain_table(folder, file.manifest, table, ANY_MANIFEST, dictionary)


def other_media(table: pa.Table, file: ManifestFile, whole: bool = True) -> str:
    """Return what is wrong if a file has columns that the others lack, or the other way round.

    Args:
        table: The file, or some of its columns.
        file: Its names and what ``release.json`` says.
        whole: Whether ``table`` has all columns.
    """
    found = "frames" in table.column_names
    if file.clips and whole and not found:
        return "it has rows of images, and release.json lists frames of clips"
    if file.clips is False and found:
        return "it has rows of clips, and release.json lists no frames of clips"
    measured = set(IDENTITY_NAMES) & set(table.column_names)
    if file.identity and whole and len(measured) < len(IDENTITY_NAMES):
        return f"it lacks {', '.join(IDENTITY_NAMES)}, and release.json names an embedder"
    if file.identity is False and measured:
        return f"it has {', '.join(sorted(measured))}, and release.json names no embedder"
    return ""


def broken_manifest_rows(table: pa.Table, file: ManifestFile) -> Iterator[Broken]:
    """Yield what breaks the rules in some columns of a manifest file.

    Args:
        table: The columns, from ``open_table``, or as they are about to be written.
        file: The file, for what depends on the shard.
    """
    broken = broken_columns(table, ANY_MANIFEST, ANY_RULES)
    yield from broken
    wrong = {one.column for one in broken}
    own = {
        "release_id": OneOf((file.release,)),
        "split": OneOf((file.split,)),
        "media_path": OneOf(tuple(file.tars)),
        "mask_path": OneOf((file.media,)),
    }
    for name, rule in own.items():
        if name in table.column_names and name not in wrong:
            found = broken_rows(name, table.column(name), rule, ANY_MANIFEST.field(name).nullable)
            yield from (replace(one, allowed=f"{one.allowed}, that of its shard") for one in found)
    if "purposes" not in wrong:
        yield from _uncovered(table, file.purposes)
    if not wrong & {"kind", "media_path"}:
        yield from _misplaced(table, file)
    for what in ("media", "mask"):
        if not wrong & {f"{what}_offset", f"{what}_size", f"{what}_path"}:
            yield from _beyond(table, what, file)


def _uncovered(table: pa.Table, purposes: Sequence[str]) -> Iterator[Broken]:
    """Yield the rows whose own terms do not allow what the release says it is for."""
    if "purposes" not in table.column_names:
        return
    column = table.column("purposes")
    for purpose in purposes:
        parents, items = pc.list_parent_indices(column), pc.list_flatten(column)
        named = parents.filter(pc.equal(items, purpose))
        rows = np.ones(table.num_rows, np.bool_)
        rows[np.asarray(named.to_numpy(), np.int64)] = False
        if rows.any():
            allowed = f"a list with {purpose!r}, which the purpose in release.json needs"
            yield Broken("purposes", rows, first(column, rows), allowed)


def _misplaced(table: pa.Table, file: ManifestFile) -> Iterator[Broken]:
    """Yield the rows of controls in the tar of the pairs, and the other way round."""
    if not {"kind", "media_path"} <= set(table.column_names):
        return
    control, inside = (
        np.asarray(pc.equal(table.column(name), value).to_numpy(), np.bool_)
        for name, value in (("kind", "control"), ("media_path", file.controls))
    )
    if (rows := control != inside).any():
        allowed = f"{file.controls} for a control, {file.media} for the others"
        yield Broken("media_path", rows, first(table.column("media_path"), rows), allowed)


def _beyond(table: pa.Table, what: str, file: ManifestFile) -> Iterator[Broken]:
    """Yield the rows whose bytes don't lie within their tar."""
    offset, size = f"{what}_offset", f"{what}_size"
    names = [name for name in (offset, size) if name in table.column_names]
    if not names:
        return
    ends = table.column(names[0])
    if len(names) > 1:
        ends = pc.add(ends, table.column(size))  # no overflow: both have passed their limits
    known = np.asarray(pc.fill_null(ends, 0).to_numpy(), np.int64)
    limits = _limits(table, f"{what}_path", file)
    if (rows := known > limits).any():
        row = int(np.argmax(rows))
        allowed = f"bytes within the {int(limits[row]):,} of its tar"
        yield Broken(names[0], rows, f"{what} bytes up to {int(known[row]):,}", allowed)


def _limits(table: pa.Table, path: str, file: ManifestFile) -> npt.NDArray[np.int64]:
    """Return for each row the size of the tar that it names; of the larger one if unknown."""
    limits = np.full(table.num_rows, max(file.tars.values()), np.int64)
    if path in table.column_names:
        for name, size in file.tars.items():
            named = pc.fill_null(pc.equal(table.column(path), name), False)
            limits[np.asarray(named.to_numpy(), np.bool_)] = size
    return limits
