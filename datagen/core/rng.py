"""Named random streams: what makes "same recipe, same bytes" hold."""

from __future__ import annotations

import hashlib

import numpy as np

__all__ = ["rng"]


def rng(*parts: str | int) -> np.random.Generator:
    """Return a fresh counter-based generator named by ``parts``.

    Philox4x64 (Salmon et al., SC 2011) keyed by a 128-bit BLAKE2b hash of the parts. Streams of
    different names are independent, so a new draw in one of them changes no other. The names are
    part of the format: ``tests/golden/streams.json`` lists them.
    """
    name = "\x1f".join(map(str, parts)).encode()
    key = int.from_bytes(hashlib.blake2b(name, digest_size=16).digest(), "little")
    return np.random.Generator(np.random.Philox(key=key))
