"""Structs in Thrift's compact protocol, in which Parquet files describe themselves."""

from __future__ import annotations

from typing import Any

__all__ = ["Thrift"]

_MAX_DEPTH = 16
_MAX_NODES = 2_000_000


class Thrift:
    """A reader of structs; what it gives is of plain types, and bounded by what it is given.

    Args:
        content: The bytes, from the first struct on.
    """

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._place = 0
        self._nodes = 0

    def struct(self, depth: int) -> tuple[dict[int, Any], int]:
        """Return the next struct, as values by number of the field, and where it ends.

        Args:
            depth: Number of structs and lists around it.

        Raises:
            IndexError: It goes on behind the bytes.
            ValueError: It is damaged, nested too deeply or too large.
        """
        self._count(depth)
        found: dict[int, Any] = {}
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._zigzag()
            kind = head & 15
            found[number] = kind == 1 if kind in (1, 2) else self._value(kind, depth)
        return found, self._place

    def _value(self, kind: int, depth: int) -> Any:
        self._count(depth)
        if kind in (1, 2, 3):  # in a list, a truth value is a byte
            return self._byte()
        if kind in (4, 5, 6):
            return self._zigzag()
        if kind == 7:
            return self._bytes(8)
        if kind == 8:
            return self._bytes(self._varint())
        if kind in (9, 10):
            return self._list(depth + 1)
        if kind == 12:
            return self.struct(depth + 1)[0]
        raise ValueError("its description is damaged")  # maps are nowhere in Parquet

    def _list(self, depth: int) -> list[Any]:
        head = self._byte()
        count = head >> 4
        if count == 15:
            count = self._varint()
        return [self._value(head & 15, depth) for _ in range(count)]

    def _count(self, depth: int) -> None:
        self._nodes += 1
        if depth > _MAX_DEPTH or self._nodes > _MAX_NODES:
            raise ValueError("its description is nested too deeply or too large")

    def _byte(self) -> int:
        found = self._content[self._place]
        self._place += 1
        return found

    def _bytes(self, length: int) -> bytes:
        end = self._place + length
        if end > len(self._content):
            raise IndexError
        found = self._content[self._place : end]
        self._place = end
        return found

    def _varint(self) -> int:
        value = 0
        for number in range(10):
            byte = self._byte()
            value |= (byte & 0x7F) << (7 * number)
            if byte < 0x80:
                return value
        raise ValueError("its description is damaged")

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)
