"""Digests of things and generators made from names: the roots of "same recipe, same bytes"."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["canonical_json", "digest_of", "rng", "sha256_bytes", "sha256_file"]


def canonical_json(value: Any) -> str:
    """Return JSON with sorted keys and no spaces; NaN and unknown types are refused."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def digest_of(value: Any) -> str:
    """Return the sha256 (64 hex digits) of a JSON-like value in canonical form."""
    return sha256_bytes(canonical_json(value).encode())


def sha256_bytes(data: bytes | memoryview) -> str:
    """Return 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """Return 64 hex digits of a local file, read in pieces."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def rng(*parts: str | int) -> np.random.Generator:
    """Return a fresh counter-based generator named by ``parts``.

    Philox4x64 (Salmon et al., SC 2011) keyed by a 128-bit BLAKE2b of the parts: streams of
    different names are independent, so that a new draw in one of them moves no other.
    """
    name = "\x1f".join(map(str, parts)).encode()
    key = int.from_bytes(hashlib.blake2b(name, digest_size=16).digest(), "little")
    return np.random.Generator(np.random.Philox(key=key))
