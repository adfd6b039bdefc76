"""Structs in Thrift's compact protocol, in which Parquet files describe themselves."""

from __future__ import annotations

from typing import Any

__all__ = ["Thrift"]

_MAX_DEPTH = 16
_MAX_NODES = 2_000_000
_MAX_FIELDS = 1000  # of one struct; Parquet's have at most some twenty
_NUMBERS = (4, 5, 6)


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
        self._count(1, depth)
        found: dict[int, Any] = {}
        content, number, fields = self._content, 0, 0
        # A file has thousands of fields, most of them numbers of one byte: these cost no call.
        while head := content[self._place]:
            self._place += 1
            fields += 1
            number = number + (head >> 4) if head >> 4 else self._zigzag()
            kind = head & 15
            if kind in _NUMBERS and (value := content[self._place]) < 0x80:
                self._place += 1
                found[number] = (value >> 1) ^ -(value & 1)
            elif kind in (1, 2):
                found[number] = kind == 1
            else:
                found[number] = self._value(kind, depth)
            if fields > _MAX_FIELDS:
                raise ValueError("its description is nested too deeply or too large")
        self._place += 1
        self._count(fields, depth)
        return found, self._place

    def _value(self, kind: int, depth: int) -> Any:
        if kind in _NUMBERS:
            return self._zigzag()
        if kind == 8:
            return self._bytes(self._varint())
        if kind == 12:
            return self.struct(depth + 1)[0]
        if kind in (9, 10):
            return self._list(depth + 1)
        if kind in (1, 2, 3):  # in a list, a truth value is a byte
            return self._byte()
        if kind == 7:
            return self._bytes(8)
        raise ValueError("its description is damaged")  # maps are nowhere in Parquet

    def _list(self, depth: int) -> list[Any]:
        head = self._byte()
        count = head >> 4
        if count == 15:
            count = self._varint()
        self._count(1 + count, depth)
        return [self._value(head & 15, depth) for _ in range(count)]

    def _count(self, more: int, depth: int) -> None:
        self._nodes += more
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
        value = self._content[self._place]
        self._place += 1
        if value < 0x80:  # most are
            return value
        value &= 0x7F
        for number in range(1, 10):
            byte = self._byte()
            value |= (byte & 0x7F) << (7 * number)
            if byte < 0x80:
                return value
        raise ValueError("its description is damaged")

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)
