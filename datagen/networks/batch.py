"""Batches of one size: the last one is padded, and one that does not fit is halved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from datagen.errors import DeviceError

__all__ = ["BatchRunner", "OutOfMemoryError"]

P = TypeVar("P")
Q = TypeVar("Q")


class OutOfMemoryError(Exception):
    """The device has no room for a batch; raised by a network, handled by ``BatchRunner``."""


class BatchRunner:
    """Sends items through a network in batches of one size.

    A network may answer in other last bits for another size of batch. So every call has the same
    size, and a size that had to be halved stays halved and is told.

    Args:
        size: Items a call.
        what: Names the network and its device, for messages.
    """

    def __init__(self, size: int, what: str) -> None:
        self.size = size
        self._what = what

    def __call__(self, network: Callable[[list[P]], Sequence[Q]], items: Sequence[P]) -> list[Q]:
        """Return one output an item.

        Args:
            network: Takes exactly ``size`` items; raises ``OutOfMemoryError`` when they do not fit.
            items: At least one.

        Raises:
            DeviceError: Not even a single item fits.
        """
        while True:
            try:
                return self._all(network, items)
            except OutOfMemoryError as error:
                if self.size == 1:
                    raise DeviceError(
                        f"{self._what}: not even one face fits into memory ({error}). Use a larger "
                        "device, a smaller face.size, or precision: fp16"
                    ) from None
                self.size //= 2

    def _all(self, network: Callable[[list[P]], Sequence[Q]], items: Sequence[P]) -> list[Q]:
        outputs: list[Q] = []
        for start in range(0, len(items), self.size):
            part = list(items[start : start + self.size])
            padded = part + [part[-1]] * (self.size - len(part))
            outputs += list(network(padded))[: len(part)]
        return outputs
