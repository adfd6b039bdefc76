"""Batches of one size: the last one is padded, and a size that does not fit is halved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from datagen.errors import DeviceError

__all__ = ["BatchRunner", "OutOfMemoryError"]

P = TypeVar("P")
Q = TypeVar("Q")


class OutOfMemoryError(Exception):
    """A batch does not fit into memory; raised by a network, handled by ``BatchRunner``."""


class BatchRunner:
    """Runs a network on items in batches of one size.

    A network's output may differ in the last bits for another batch size. So every call has the
    same size, and a size that had to be halved stays halved and is recorded.

    Args:
        size: Number of items per call.
        what: Name of the network and its device, for messages.
    """

    def __init__(self, size: int, what: str) -> None:
        self.size = size
        self._what = what

    def __call__(self, network: Callable[[list[P]], Sequence[Q]], items: Sequence[P]) -> list[Q]:
        """Return one output per item.

        Args:
            network: Function of exactly ``size`` items; raises ``OutOfMemoryError`` when they do
                not fit.
            items: The items, at least one.

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
