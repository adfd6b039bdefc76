"""Comparing one shard with itself: its commit, its rows, its tar and its pairs."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Generator, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from datagen.core.digests import sha256_bytes
from datagen.core.images import read_gray, read_rgb
from datagen.errors import ImageError, ReleaseError
from datagen.release.agreement import broken_segments
from datagen.release.bounded_parquet import broken_columns, open_table, plain_table
from datagen.release.clip_schema import ANY_MANIFEST, ANY_RULES, OPTIONAL_NAMES
from datagen.release.clips import is_clip
from datagen.release.commit import Commit, commit_name, read_commit
from datagen.release.folder import Folder
from datagen.release.grammar import Broken
from datagen.release.json_columns import json_object, operations_of
from datagen.release.manifest import (
    MANIFEST_FOLDER,
    broken_manifest_rows,
    manifest_file,
    other_media,
)
from datagen.release.pixels import header_problem
from datagen.release.rows import is_absent
from datagen.release.rules import KINDS, REJECT_RULES
from datagen.release.sample import sample_json
from datagen.release.schema import REJECTS
from datagen.release.tar_members import members
from datagen.release.verify_clips import (
    CLIP_SHARED,
    ClipPairCheck,
    broken_frames,
    clip_problem,
    places_of,
)

__all__ = ["ShardCheck"]

_SHARED = (
    "media_type",
    "encoder",
    "width",
    "height",
    "method",
    "identity_id",
    "item",
    "base_id",
    "degradation",
    "severity",
)
_ACROSS = ["sample_id", "identity_id", "donor_identity_id", "split"]
_JSON = ("method_params", "encoder", "degradation_params")

Row = Mapping[Any, Any]


class ShardCheck:
    """One shard of a release and what is wrong with it.

    Args:
        folder: The release.
        shard: Name of the shard.
        record: The content of ``release.json``.
        pixels: See ``verify``.

    Attributes:
        commit: Its commit; ``None`` if it is not valid.
        rows: Columns of its rows that are compared across shards; ``None`` if there are none.
        compared: Number of pairs whose pixels were compared.
    """

    def __init__(self, folder: Folder, shard: str, record: Mapping[str, Any], pixels: bool) -> None:
        self._folder = folder
        self._file = manifest_file(record, f"{MANIFEST_FOLDER}{shard}.parquet")
        self._listed: Mapping[str, Mapping[str, Any]] = record["files"]
        self._pixels = pixels
        self.compared = 0
        self.commit: Commit | None = None
        self.rows: pd.DataFrame | None = None

    def problems(self) -> Iterator[str]:
        """Yield what is wrong, one line each; fills the attributes."""
        shard = self._file.shard
        self.commit = read_commit(self._folder, shard)
        if self.commit is None:
            yield f"{commit_name(shard)}: not a valid commit of this shard"
            return
        for name, record in self.commit.files.items():
            stated = self._listed.get(name)
            if stated is None:
                yield f"{commit_name(shard)}: states {name}, which release.json does not list"
            elif (record.sha256, record.size) != (stated["sha256"], stated["size"]):
                yield f"{commit_name(shard)}: states another {name} than release.json"
        rejects = yield from self._rejects()
        rows = yield from self._manifest()
        if rows is None:
            return
        self.rows = rows[_ACROSS]
        yield from self._counted(self.commit, rows, rejects)
        records: list[Row] = list(rows.to_dict("records"))
        try:
            with contextlib.ExitStack() as stack:
                tars = {
                    name: stack.enter_context(_opened(self._folder, name))
                    for name in self._file.tars
                }
                yield from self._media(records, tars)
                yield from self._pairs(records, tars)
            yield from broken_frames(self._folder, self._file, records)
        except FileNotFoundError:
            yield f"shard {shard}: its {len(records)} images cannot be compared without their tars"
        except (ReleaseError, OSError) as error:
            yield f"shard {shard}: its images cannot be compared: {error}"

    def _rejects(self) -> Generator[str, None, int | None]:
        """Return the number of rejects, ``None`` if they cannot be read."""
        name = self._file.rejects
        try:
            table = open_table(self._folder, name, REJECTS, REJECT_RULES)
            yield from _not_the_schema(table, REJECTS, name)
            for broken in broken_columns(table, REJECTS, REJECT_RULES):
                yield f"{name}: {broken}"
        except ReleaseError as error:
            yield str(error)
            return None
        return int(table.num_rows)

    def _manifest(self) -> Generator[str, None, pd.DataFrame | None]:
        """Return the rows that keep the rules, ``None`` if the file cannot be read."""
        name = self._file.manifest
        try:
            table = open_table(self._folder, name, ANY_MANIFEST, ANY_RULES, optional=OPTIONAL_NAMES)
            yield from _not_the_schema(table, ANY_MANIFEST, name)
            if problem := other_media(table, self._file):
                yield f"{name}: {problem}"
                return None
            broken = list(broken_manifest_rows(table, self._file))
            if not broken:
                broken = list(broken_segments(table))
            yield from (f"{name}: {one}" for one in broken)
            table = plain_table(self._folder, name, _without(table, broken), ANY_MANIFEST)
        except ReleaseError as error:
            yield str(error)
            return None
        found: pd.DataFrame = table.to_pandas()
        return found

    def _counted(self, commit: Commit, rows: pd.DataFrame, rejects: int | None) -> Iterator[str]:
        shard, kinds = self._file.shard, rows["kind"].value_counts()
        pairs, controls = int(kinds.get("fake", 0)), int(kinds.get("control", 0))
        if (pairs, controls) != (commit.pairs, commit.controls):
            yield f"shard {shard}: rows of {pairs} pairs and {controls} controls, the commit " + (
                f"has {commit.pairs} and {commit.controls}"
            )
        stated = sum(commit.rejects.values())
        rejected = stated if rejects is None else rejects  # unreadable: said already
        if rejected != stated or commit.items != commit.pairs + rejected:
            yield f"shard {shard}: {commit.items} items, but {pairs} pairs and {rejected} rejects"

    def _media(self, rows: Sequence[Row], tars: Mapping[str, _Opened]) -> Iterator[str]:
        expected: dict[str, dict[str, tuple[int, int] | None]] = {name: {} for name in tars}
        for row in rows:
            offset, size = int(row["media_offset"]), int(row["media_size"])
            own, pair_id = expected[row["media_path"]], row["pair_id"]
            data = _read(tars[row["media_path"]].handle, offset, size)
            own.update(places_of(row, str(row["kind"]), data, offset))
            own[f"{pair_id}.json"] = None
            yield from self._image(row, data)
            for column in _JSON:
                yield from _bad_json(row, column)
            if row["kind"] == "fake" and _without_mask(row):
                yield f"{row['sample_id']}: a fake without a mask"
            elif row["kind"] == "fake":
                offset, size = int(row["mask_offset"]), int(row["mask_size"])
                data = _read(tars[row["mask_path"]].handle, offset, size)
                expected[row["mask_path"]].update(places_of(row, "mask", data, offset))
        facts = _facts(rows)
        for name, tar in tars.items():
            yield from self._members(name, expected[name], facts, tar)

    def _image(self, row: Row, data: bytes) -> Iterator[str]:
        if sha256_bytes(data) != row["sha256"]:
            where = f"{row['media_path']}:{int(row['media_offset'])}"
            yield f"{row['sample_id']}: the sha256 of the bytes at {where} differs from the row's"
        elif is_clip(row):
            if problem := clip_problem(data, row, "clip"):
                yield f"{row['sample_id']}: {problem}"
        elif problem := header_problem(data, row, str(row["media_type"]), "image"):
            yield f"{row['sample_id']}: {problem}"

    def _members(
        self,
        tar: str,
        expected: Mapping[str, tuple[int, int] | None],
        facts: Mapping[str, bytes],
        opened: _Opened,
    ) -> Iterator[str]:
        found: dict[str, tuple[int, int]] = {}
        told = set()  # of these neither size nor content means anything
        most = 2 * len(expected) + 16
        for member in islice(members(opened.handle, opened.length), most):
            if member.problem:
                name = f"{member.name!r} " if member.name else ""
                yield f"{tar}: {name}{member.problem}"
                told.add(member.name)
                continue
            if member.name in found:
                yield f"{tar}: {member.name}: is in the tar twice"
            found[member.name] = member.offset, member.size
        for name in sorted((set(expected) | set(found)) - told):
            place = expected.get(name)
            if name in expected and place is None and name in found:  # its JSON, in no row
                if _read(opened.handle, *found[name]) != facts.get(name):
                    yield f"{tar}: {name}: its content differs from the rows"
            elif place != found.get(name) or name not in found:
                yield f"{tar}: {name}: (offset, size) is {found.get(name)} in the tar, {place} " + (
                    "in the rows"
                )

    def _pairs(self, rows: Sequence[Row], tars: Mapping[str, _Opened]) -> Iterator[str]:
        decoded = False
        for pair_id, group in _by_pair(rows).items():
            kinds = {str(row["kind"]): row for row in group}
            if not {"real", "fake"} <= set(kinds) or len(kinds) != len(group):
                found = ", ".join(sorted(str(row["kind"]) for row in group))
                yield f"{pair_id}: has {found}; expected one real, one fake and at most one control"
                continue
            for kind, row in kinds.items():
                if row["label"] != KINDS[kind]:
                    yield f"{row['sample_id']}: label {row['label']} is wrong for a {kind}"
                if row["sample_id"] != f"{pair_id}-{kind}":
                    yield f"{row['sample_id']}: expected {pair_id}-{kind}"
            for column in (*_SHARED, *(CLIP_SHARED if is_clip(group[0]) else ())):
                if len({None if is_absent(row[column]) else row[column] for row in group}) != 1:
                    yield f"{pair_id}: {column} differs within the pair"
            if is_clip(kinds["fake"]):
                read = {kind: _bytes_of(row, "media", tars) for kind, row in kinds.items()}
                mask = _bytes_of(kinds["fake"], "mask", tars)
                clips = ClipPairCheck(kinds, read, mask)
                yield from clips.problems(whole=self._pixels or not decoded, pixels=self._pixels)
                decoded = True
                self.compared += clips.compared
            else:
                yield from self._mask(kinds["real"], kinds["fake"], tars[self._file.media].handle)

    def _mask(self, real: Row, fake: Row, tar: BinaryIO) -> Iterator[str]:
        if _without_mask(fake):
            return  # reported with the tar
        data = _read(tar, int(fake["mask_offset"]), int(fake["mask_size"]))
        if problem := header_problem(data, fake, "image/png", "mask"):
            yield f"{fake['sample_id']}: {problem}"
            return
        try:
            mask = read_gray(data)
        except ImageError as error:
            yield f"{fake['sample_id']}: the mask cannot be read: {error}"
            return
        if not mask.any():
            yield f"{fake['sample_id']}: the mask is empty"
        if self._pixels and fake["media_type"] == "image/png" and _undegraded(fake):
            self.compared += 1
            try:
                images = [
                    read_rgb(_read(tar, int(row["media_offset"]), int(row["media_size"])))
                    for row in (real, fake)
                ]
            except ImageError as error:
                yield f"{fake['sample_id']}: cannot be compared with its real: {error}"
                return
            same = images[0].shape == images[1].shape == (*mask.shape, 3)
            if not same or np.any((images[0] != images[1]).any(axis=2)[mask == 0]):
                yield f"{fake['sample_id']}: differs from its real outside the mask"


class _Opened(NamedTuple):
    handle: BinaryIO
    length: int


def _facts(rows: Sequence[Row]) -> dict[str, bytes]:
    """Return the JSON members that belong to the rows, by name; none for pairs that lack a row."""
    found = {}
    for pair_id, group in _by_pair(rows).items():
        if {"real", "fake"} <= {str(row["kind"]) for row in group}:
            found[f"{pair_id}.json"] = sample_json(group)
    return found


def _by_pair(rows: Sequence[Row]) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(str(row["pair_id"]), []).append(row)
    return groups


@contextlib.contextmanager
def _opened(folder: Folder, name: str) -> Iterator[_Opened]:
    """Open a file of the release on the local disk; give its size too."""
    with contextlib.ExitStack() as stack:
        if folder.local is not None:
            path = folder.path(name)
        else:
            copy = stack.enter_context(tempfile.TemporaryDirectory(prefix="datagen-"))
            path = folder.fetch(name, Path(copy) / "file")
        handle = stack.enter_context(path.open("rb"))
        yield _Opened(handle, path.stat().st_size)


def _read(tar: BinaryIO, offset: int, size: int) -> bytes:
    tar.seek(offset)
    return tar.read(size)


def _bytes_of(row: Row, what: str, tars: Mapping[str, _Opened]) -> bytes:
    """Return the bytes that a row refers to; none if it refers to none."""
    if any(is_absent(row[f"{what}_{part}"]) for part in ("path", "offset", "size")):
        return b""
    offset, size = int(row[f"{what}_offset"]), int(row[f"{what}_size"])
    return _read(tars[row[f"{what}_path"]].handle, offset, size)


def _not_the_schema(table: pa.Table, schema: pa.Schema, name: str) -> Iterator[str]:
    metadata = table.schema.metadata or {}
    if metadata.get(b"datagen.schema") != (schema.metadata or {}).get(b"datagen.schema"):
        yield f"{name}: does not name its schema version"


def _without(table: pa.Table, broken: Sequence[Broken]) -> pa.Table:
    if not broken:
        return table
    return table.filter(pa.array(~np.logical_or.reduce([one.rows for one in broken])))


def _bad_json(row: Row, column: str) -> Iterator[str]:
    if is_absent(row[column]):
        return
    try:
        if column == "degradation_params":
            operations_of(row)
        else:
            json_object(row, column)
    except ReleaseError as error:
        yield str(error)


def _without_mask(row: Row) -> bool:
    return any(is_absent(row[name]) for name in ("mask_path", "mask_offset", "mask_size"))


def _undegraded(row: Row) -> bool:
    if is_absent(row["degradation_params"]):
        return True
    try:
        return not any(operation.get("changed") for operation in operations_of(row))
    except ReleaseError:  # reported with the image
        return False
