"""Mutations of a release, with its digests made to fit: a stranger would do the same."""

from __future__ import annotations

import hashlib
import io
import json
import random
import struct
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.support.fuzz.binary import mutated_bytes, mutated_parquet, parquet_bytes, png_chunk
from tests.support.fuzz.trees import json_bytes, mutated_json
from tests.support.fuzz.values import Still, text

__all__ = ["mutated_release"]

_RECORD = "release.json"
_FITS = 0.85


@cache
def _files(folder: Path) -> dict[str, bytes]:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def mutated_release(rng: random.Random, folder: Path) -> dict[str, Any]:
    """Return what differs from a release, by path below the folder of the input."""
    if isinstance(rng, Still):
        return {}
    files: dict[str, Any] = dict(_files(folder))
    for _ in range(rng.choice((1, 1, 1, 2))):
        _mutate(rng, files)
    if rng.random() < _FITS:
        _restamp(files)
    before = _files(folder)
    changed: dict[str, Any] = {
        f"release/{name}": data for name, data in files.items() if before.get(name) != data
    }
    return changed | {f"release/{name}": "gone" for name in before if name not in files}


def _mutate(rng: random.Random, files: dict[str, Any]) -> None:
    kind = rng.random()
    if kind < 0.18:
        files[_RECORD] = mutated_json(rng, json.loads(_files_record(files)))
    elif kind < 0.55:
        name = _pick(rng, files, "manifest/")
        files[name] = _mutated_manifest(rng, files[name])
    elif kind < 0.65:
        name = _pick(rng, files, "commits/")
        files[name] = mutated_json(rng, json.loads(files[name]))
    elif kind < 0.72:
        name = _pick(rng, files, "media/")
        files[name] = mutated_bytes(rng, files[name])
    elif kind < 0.84:
        _swap_image(rng, files)
    elif kind < 0.88:
        name = _pick(rng, files, "rejects/")
        files[name] = mutated_parquet(rng, files[name])
    elif kind < 0.95:
        name = _pick(rng, files, "")
        files[name] = rng.choice(
            (b"", files[name][: len(files[name]) // 2], "fifo", "folder", "gone")
        )
    else:
        name = rng.choice(
            ("report", "media/x.tar", "manifest/x-0.parquet", ".staging", "commits/a.json")
        )
        files[name] = rng.choice((b"", b"{}", "folder", "link outside"))
    for name in [name for name, data in files.items() if data == "gone"]:
        del files[name]


def _files_record(files: dict[str, Any]) -> bytes:
    data = files.get(_RECORD)
    return (
        data
        if isinstance(data, bytes) and data.startswith(b"{") and _is_json(data)
        else b'{"files": {}}'
    )


def _is_json(data: bytes) -> bool:
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True


def _pick(rng: random.Random, files: dict[str, Any], under: str) -> str:
    names = [n for n, data in files.items() if n.startswith(under) and _whole(n, data)]
    return rng.choice(names or [_RECORD])


def _whole(name: str, data: Any) -> bool:
    if not isinstance(data, bytes) or not data:
        return False
    return not name.endswith(".json") or _is_json(data)


def _mutated_manifest(rng: random.Random, data: bytes) -> bytes:
    if not data.startswith(b"PAR1") or rng.random() < 0.5:
        return (
            mutated_parquet(rng, data, 0.1) if data.endswith(b"PAR1") else mutated_bytes(rng, data)
        )
    try:
        table = pq.read_table(io.BytesIO(data))
    except (OSError, ValueError):
        return mutated_bytes(rng, data)
    rows = table.to_pylist()
    if not rows:
        return data
    row = rng.choice(rows)
    columns = (
        "sample_id",
        "pair_id",
        "media_type",
        "media_path",
        "mask_path",
        "method",
        "identity_id",
        "media_offset",
        "media_size",
        "mask_offset",
        "mask_size",
        "width",
        "height",
    )
    column = rng.choice([name for name in columns if name in row])
    values = (0, 1, -1, 2**31 - 1, 2**40, 10**9) if isinstance(row[column], int) else (text(rng),)
    same = row[column]
    for other in rows:
        if other is row or (rng.random() < 0.3 and other[column] == same):
            other[column] = rng.choice(values)
    try:
        return parquet_bytes(pa.Table.from_pylist(rows, schema=table.schema))
    except (ValueError, TypeError, OverflowError):  # a value that the column cannot hold
        return mutated_bytes(rng, data)


def _swap_image(rng: random.Random, files: dict[str, Any]) -> None:
    """Put other bytes at the end of a tar, with a row that fits them."""
    name = _pick(rng, files, "manifest/")
    if not files[name].endswith(b"PAR1"):
        return
    try:
        table = pq.read_table(io.BytesIO(files[name]))
        rows = table.to_pylist()
        row = rng.choice(rows)
        part = "mask" if row["mask_path"] and rng.random() < 0.5 else "media"
        media = row[f"{part}_path"]
        start, size = int(row[f"{part}_offset"]), int(row[f"{part}_size"])
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return
    if not isinstance(files.get(media), bytes):
        return
    old = files[media][start : start + size]
    new = _huge_png(rng) if rng.random() < 0.3 or not old else mutated_bytes(rng, old)
    row[f"{part}_offset"], row[f"{part}_size"] = len(files[media]), len(new)
    if part == "media":
        row["sha256"] = hashlib.sha256(new).hexdigest()
    files[media] += new
    files[name] = parquet_bytes(pa.Table.from_pylist(rows, schema=table.schema))


def _huge_png(rng: random.Random) -> bytes:
    side, color = rng.choice((2000, 12_000, 30_000)), rng.choice((0, 2))
    head = struct.pack(">IIBBBBB", side, side, 8, color, 0, 0, 0)
    rows = zlib.compress(bytes(side * (1 if color == 0 else 3) + 1) * 100, 1)
    chunks = ((b"IHDR", head), (b"IDAT", rows), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


def _restamp(files: dict[str, Any]) -> None:
    """Make the digests and sizes in commits and record those of the files."""

    def stamp(listed: Any) -> None:
        for name, record in listed.items() if isinstance(listed, dict) else ():
            data = files.get(name)
            if isinstance(data, bytes) and isinstance(record, dict):
                record["sha256"], record["size"] = hashlib.sha256(data).hexdigest(), len(data)

    for name in sorted(files, key=lambda name: name == _RECORD):  # the record lists the commits
        data = files[name]
        if not (name.startswith("commits/") or name == _RECORD) or not _whole(name, data):
            continue
        body = json.loads(data)
        if isinstance(body, dict):
            before = json.dumps(body)
            stamp(body.get("files"))
            if json.dumps(body) != before:
                files[name] = json_bytes(body)
