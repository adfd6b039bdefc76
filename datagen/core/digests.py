"""Digests: canonical JSON and sha256."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

__all__ = ["canonical_json", "digest_of", "sha256_bytes", "sha256_file"]


def canonical_json(value: Any) -> str:
    """Return JSON with sorted keys and no spaces; NaN and unknown types are refused."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def digest_of(value: Any) -> str:
    """Return the sha256 (64 hex digits) of a JSON-like value in canonical form."""
    return sha256_bytes(canonical_json(value).encode())


def sha256_bytes(data: bytes | memoryview) -> str:
    """Return the sha256 of bytes as 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """Return the sha256 of a local file as 64 hex digits; the file is read in pieces."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
