"""Releases that a test changes or writes by hand, with records that agree."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from datagen.core.digests import sha256_file
from datagen.release.names import FILE_OF_A_SHARD, ShardName, release_id
from datagen.release.record_model import signed
from datagen.release.schema import MANIFEST, SCHEMA_VERSION

__all__ = [
    "GOOD",
    "MADE",
    "change_record",
    "change_rows",
    "good_row",
    "own_up",
    "record_of",
]

SHARD = "train-000000"
GOOD = ShardName("small-v1-222222222222", SHARD)
"""The shard of ``good_row``."""

MADE = "made-v2-ffffffffffff"
"""Id of the release of ``record_of``."""


def good_row(pair_id: str = "small-train-00000000", kind: str = "real") -> dict[str, Any]:
    """Return a row of ``train-000000`` with an allowed value in each column."""
    return {
        **dict.fromkeys(MANIFEST.names),
        "release_id": GOOD.release,
        "sample_id": f"{pair_id}-{kind}",
        "pair_id": pair_id,
        "kind": kind,
        "label": int(kind == "fake"),
        "split": "train",
        "media_path": GOOD.controls if kind == "control" else GOOD.media,
        "media_offset": 512,
        "media_size": 1,
        "media_type": "image/jpeg",
        "width": 96,
        "height": 96,
        "sha256": "0" * 64,
        "phash": "0" * 16,
        "source": "nobody",
        "image_id": "p00_0",
        "identity_id": "nobody/p00",
        "source_sha256": "1" * 64,
        "crop": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
        "method": "self_blend",
        "method_version": 1,
        "family": "pseudo_fake",
        "method_params": "{}",
        "weights": [],
        "encoder": "{}",
        "recipe_digest": "2" * 64,
        "item": 0,
        "base_id": pair_id,
        "attempt": 0,
        "licenses": ["CC0-1.0"],
        "purposes": ["research"],
        "attribution": [],
    }


def record_of(files: Mapping[str, Mapping[str, Any]], **changes: Any) -> dict[str, Any]:
    """Return a ``release.json`` that names some files, and the others of their shards."""
    name, version, digest = (
        changes.get(key, known)
        for key, known in (("name", "made"), ("version", 2), ("recipe_digest", "f" * 64))
    )
    release = release_id(name, version, digest)
    found = (FILE_OF_A_SHARD.fullmatch(file) for file in files)
    shards = {
        match["table"] or match["commit"] or f"{match['split']}-{match['number']}"
        for match in found
        if match
    }
    whole = {
        file: {"sha256": "0" * 64, "size": 1}
        for shard in sorted(shards)
        for names in [ShardName(release, shard)]
        for file in (names.media, names.manifest, names.rejects, names.commit)
    }
    counts = dict.fromkeys(
        ("pairs", "controls", "images", "index_rejects", "shards", "media_bytes"), 0
    )
    record = {
        "schema": SCHEMA_VERSION,
        "release_id": release,
        "name": "made",
        "version": 2,
        "recipe_digest": "f" * 64,
        "index_digest": "e" * 64,
        "purpose": {"use": "research", "redistribute": False},
        "counts": {"planned": {}, "rejects": {}, **counts},
        "files": whole | {name: dict(entry) for name, entry in files.items()},
        "made": {"when": "2026-01-01T00:00:00+00:00", "with": {}},
        "signature": None,
    }
    return signed(record | changes)


def change_record(out: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change ``release.json`` and its digest with it, as someone who lies would."""
    path = out / "release.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    change(record)
    path.write_text(json.dumps(signed(record)), encoding="utf-8")


def own_up(out: Path, *names: str, shard: str = SHARD) -> None:
    """Make the records agree with changed files, so that only the content can tell."""
    entries = {
        name: {"sha256": sha256_file(out / name), "size": (out / name).stat().st_size}
        for name in names
    }
    commit = out / "commits" / f"{shard}.json"
    body = json.loads(commit.read_text(encoding="utf-8"))
    body["files"] |= {name: entry for name, entry in entries.items() if name in body["files"]}
    commit.write_text(json.dumps(body), encoding="utf-8")
    entries[f"commits/{shard}.json"] = {
        "sha256": sha256_file(commit),
        "size": commit.stat().st_size,
    }
    change_record(out, lambda record: record["files"].update(entries))


def change_rows(
    out: Path, change: Callable[[list[dict[str, Any]]], object], shard: str = SHARD
) -> None:
    """Change the rows of a shard, and its records with it."""
    name = f"manifest/{shard}.parquet"
    rows = pq.read_table(out / name).to_pylist()
    change(rows)
    pq.write_table(pa.Table.from_pylist(rows, MANIFEST), out / name)
    own_up(out, name, shard=shard)
