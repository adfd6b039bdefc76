"""Comparing a release with its own record: every digest, every count, every row."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from datagen.core.arrays import Image
from datagen.core.digests import sha256_bytes
from datagen.core.images import read_gray, read_rgb, size_of
from datagen.errors import ReleaseError
from datagen.release.commit import COMMITS, Commit, read_commit, shard_of_commit
from datagen.release.folder import Folder
from datagen.release.reader import Release
from datagen.release.record import RELEASE_NAME
from datagen.release.schema import MANIFEST, REJECTS

__all__ = ["verify"]

_IGNORED = ("report/", ".staging/", ".lock", RELEASE_NAME)
_KINDS = {"real": 0, "control": 0, "fake": 1}
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

Row = Mapping[Any, Any]


def verify(folder: Folder, pixels: bool = False) -> Iterator[str]:
    """Yield the problems of a release, one line each; none if it is whole.

    Args:
        folder: Folder of the release.
        pixels: Also compare fake and real where the mask is 0; only pairs of lossless releases
            that are not degraded can be compared.
    """
    try:
        release = Release(folder)
    except ReleaseError as error:
        yield str(error)
        return
    listed: Mapping[str, Mapping[str, Any]] = release.record["files"]
    present = {name for name in folder.names() if not name.startswith(_IGNORED)}
    yield from (f"{name}: not listed in {RELEASE_NAME}" for name in present - set(listed))
    tables: list[pd.DataFrame] = []
    totals = _Totals()
    for name in sorted(listed):
        if name not in present:
            yield f"{name}: missing"
            continue
        data = folder.read(name)
        if len(data) != listed[name]["size"]:
            yield f"{name}: {len(data)} bytes, expected {listed[name]['size']}"
        elif sha256_bytes(data) != listed[name]["sha256"]:
            yield f"{name}: its sha256 differs from the recorded one"
        elif name.startswith(COMMITS):
            yield from _shard(folder, shard_of_commit(name), pixels, tables, totals)
    yield from _whole(tables, release.record["counts"], totals)


class _Totals:
    """Sums over the commits of all shards."""

    def __init__(self) -> None:
        self.items: dict[str, int] = {}
        self.pairs = self.controls = self.rejects = 0


def _shard(
    folder: Folder, shard: str, pixels: bool, tables: list[pd.DataFrame], totals: _Totals
) -> Iterator[str]:
    commit = read_commit(folder, shard)
    if commit is None or commit.shard != shard:
        yield f"commits/{shard}.json: not a valid commit of this shard"
        return
    try:
        manifest = pq.read_table(io.BytesIO(folder.read(f"manifest/{shard}.parquet")))
        rejects = pq.read_table(io.BytesIO(folder.read(f"rejects/{shard}.parquet")))
        media = folder.read(f"media/{shard}.tar")
    except (OSError, pa.ArrowInvalid) as error:
        yield f"shard {shard}: cannot be read: {error}"
        return
    for table, schema, room in ((manifest, MANIFEST, "manifest"), (rejects, REJECTS, "rejects")):
        if not table.schema.equals(schema):
            yield f"{room}/{shard}.parquet: the columns differ from the schema"
            return
    rows = manifest.to_pandas()
    tables.append(rows)
    yield from _counted(shard, commit, rows, rejects.num_rows)
    split = shard.rpartition("-")[0]
    totals.items[split] = totals.items.get(split, 0) + commit.items
    totals.pairs += commit.pairs
    totals.controls += commit.controls
    totals.rejects += rejects.num_rows
    records: list[Row] = list(rows.to_dict("records"))
    yield from _media(shard, records, media)
    yield from _pairs(shard, records, media, pixels)


def _counted(shard: str, commit: Commit, rows: pd.DataFrame, rejects: int) -> Iterator[str]:
    kinds = rows["kind"].value_counts()
    pairs, controls = int(kinds.get("fake", 0)), int(kinds.get("control", 0))
    if (pairs, controls) != (commit.pairs, commit.controls):
        yield f"shard {shard}: rows of {pairs} pairs and {controls} controls, the commit has " + (
            f"{commit.pairs} and {commit.controls}"
        )
    if rejects != sum(commit.rejects.values()) or commit.items != commit.pairs + rejects:
        yield f"shard {shard}: {commit.items} items, but {pairs} pairs and {rejects} rejects"


def _media(shard: str, rows: list[Row], media: bytes) -> Iterator[str]:
    expected: dict[str, tuple[int, int]] = {}
    for row in rows:
        suffix = str(row["media_type"]).rpartition("/")[2].replace("jpeg", "jpg")
        name = f"{row['pair_id']}.{row['kind']}.{suffix}"
        offset, size = int(row["media_offset"]), int(row["media_size"])
        expected[name] = offset, size
        data = media[offset : offset + size]
        if row["media_path"] != f"media/{shard}.tar" or sha256_bytes(data) != row["sha256"]:
            where = f"{row['media_path']}:{offset}"
            yield f"{row['sample_id']}: the sha256 of the bytes at {where} differs from the row's"
        elif size_of(data) != (row["width"], row["height"]):
            yield f"{row['sample_id']}: the image is not {row['width']}x{row['height']} pixels"
        if row["kind"] == "fake" and _absent(row["mask_offset"]):
            yield f"{row['sample_id']}: a fake without a mask"
        elif row["kind"] == "fake":
            expected[f"{row['pair_id']}.mask.png"] = int(row["mask_offset"]), int(row["mask_size"])
    with tarfile.open(fileobj=io.BytesIO(media)) as tar:
        found = {member.name: (member.offset_data, member.size) for member in tar}
    for name in sorted(set(expected) | set(found)):
        if expected.get(name) != found.get(name):
            yield f"media/{shard}.tar: {name}: (offset, size) is {found.get(name)} in the tar, " + (
                f"{expected.get(name)} in the rows"
            )


def _absent(value: object) -> bool:
    return value is None or value != value  # NaN, which pandas puts for a missing number


def _pairs(shard: str, rows: list[Row], media: bytes, pixels: bool) -> Iterator[str]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(str(row["pair_id"]), []).append(row)
    for pair_id, group in groups.items():
        members = {str(row["kind"]): row for row in group}
        if not {"real", "fake"} <= set(members) <= set(_KINDS) or len(members) != len(group):
            kinds = ", ".join(sorted(str(row["kind"]) for row in group))
            yield f"{pair_id}: has {kinds}; expected one real, one fake and at most one control"
            continue
        for kind, row in members.items():
            if row["label"] != _KINDS[kind] or row["split"] != shard.rpartition("-")[0]:
                yield f"{row['sample_id']}: label {row['label']} or split {row['split']} is wrong"
        for column in _SHARED:
            if len({None if _absent(row[column]) else row[column] for row in group}) != 1:
                yield f"{pair_id}: {column} differs within the pair"
        yield from _mask(members["real"], members["fake"], media, pixels)


def _mask(real: Row, fake: Row, media: bytes, pixels: bool) -> Iterator[str]:
    if _absent(fake["mask_offset"]):
        return  # reported with the tar
    start, size = int(fake["mask_offset"]), int(fake["mask_size"])
    try:
        mask = read_gray(media[start : start + size])
    except (OSError, ValueError, SyntaxError) as error:
        yield f"{fake['sample_id']}: the mask cannot be read: {error}"
        return
    if mask.shape != (fake["height"], fake["width"]) or not mask.any():
        yield f"{fake['sample_id']}: the mask is empty or not {fake['width']}x{fake['height']} gray"
    if pixels and fake["media_type"] == "image/png" and _undegraded(fake):
        images = [_pixels(media, row) for row in (real, fake)]
        if np.any((images[0] != images[1]).any(axis=2)[mask == 0]):
            yield f"{fake['sample_id']}: differs from its real outside the mask"


def _undegraded(row: Row) -> bool:
    if _absent(row["degradation_params"]):
        return True
    operations = json.loads(row["degradation_params"])["operations"]
    return not any(operation["changed"] for operation in operations)


def _pixels(media: bytes, row: Row) -> Image:
    start, size = int(row["media_offset"]), int(row["media_size"])
    return read_rgb(media[start : start + size])


def _whole(tables: list[pd.DataFrame], counts: Mapping[str, Any], totals: _Totals) -> Iterator[str]:
    recorded = (counts["pairs"], counts["controls"], sum(counts["rejects"].values()))
    if recorded != (totals.pairs, totals.controls, totals.rejects):
        yield f"{RELEASE_NAME}: counts {recorded} (pairs, controls, rejects), the shards have " + (
            f"{(totals.pairs, totals.controls, totals.rejects)}"
        )
    if {split: count for split, count in counts["planned"].items() if count} != totals.items:
        yield f"{RELEASE_NAME}: planned {counts['planned']}, the shards have {totals.items}"
    if not tables:
        return
    rows = pd.concat(tables, ignore_index=True)
    double = rows.loc[rows["sample_id"].duplicated(), "sample_id"]
    yield from (f"{sample}: occurs more than once" for sample in double)
    identities = pd.concat(
        [
            rows[["identity_id", "split"]],
            rows[["donor_identity_id", "split"]]
            .dropna()
            .rename(columns={"donor_identity_id": "identity_id"}),
        ]
    ).drop_duplicates()
    crossing = identities.loc[identities["identity_id"].duplicated(), "identity_id"].unique()
    yield from (f"identity {name}: is in more than one split" for name in crossing)
