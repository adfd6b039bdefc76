"""Streams of random numbers that depend on numbers and names only."""

from __future__ import annotations

import hashlib

import numpy as np


def generator(*parts: int | str) -> np.random.Generator:
    """A Philox generator keyed by BLAKE2b over the parts, so that any draw can be made alone.

    Identity streams use ``(seed, person, name)``, image streams
    ``(seed, person, image, name)``. Source of Philox: Salmon et al., SC 2011.
    """
    text = "\x1f".join(str(part) for part in parts)
    key = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), "little")
    return np.random.Generator(np.random.Philox(key=key))
