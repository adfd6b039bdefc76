"""Images with near perceptual hashes, looked up one by one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["NearHashes"]

# In bits of 64. With eight bands of eight bits, two hashes that differ in at most seven bits
# have one band in common (pigeonhole), so only images with an equal band are compared.
_LARGEST_DISTANCE = 7
_BANDS = 8


class NearHashes:
    """Perceptual hashes, to look up those that are near to another one.

    Args:
        hashes: Perceptual hashes, see ``phash``.
    """

    def __init__(self, hashes: Sequence[str]) -> None:
        self._hashes = _as_bytes(hashes)
        self._buckets: list[dict[int, list[int]]] = []
        for band in range(_BANDS):
            buckets: dict[int, list[int]] = defaultdict(list)
            for number, value in enumerate(self._hashes[:, band].tolist()):
                buckets[value].append(number)
            self._buckets.append(dict(buckets))

    def near(self, hash_: str) -> list[int]:
        """Return the positions of the hashes that are near to ``hash_``, in order."""
        asked = _as_bytes([hash_])[0]
        found: set[int] = set()
        for band, value in enumerate(asked.tolist()):
            found.update(self._buckets[band].get(value, ()))
        members = np.array(sorted(found), np.intp)
        different = np.bitwise_count(self._hashes[members] ^ asked).sum(axis=1)
        return [int(number) for number in members[different <= _LARGEST_DISTANCE]]


def _as_bytes(hashes: Sequence[str]) -> NDArray[np.uint8]:
    return np.array([list(bytes.fromhex(text)) for text in hashes], np.uint8).reshape(-1, _BANDS)
