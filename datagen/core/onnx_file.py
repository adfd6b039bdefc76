"""What an ONNX file refers to and asks for, read from its bytes before a runtime opens it.

An ONNX file holds no code. It may keep tensors in other files, though, whose names it chooses, and
say that a tensor has more values than memory. The format is that of ``onnx.proto``: messages of
numbered fields, of which only those that lead to a tensor are entered.
"""

from __future__ import annotations

import contextlib
import math
import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from datagen.core.files import below

__all__ = ["check_onnx"]

# Fields that hold further messages, by kind of message: onnx.proto, version 1.20.
_INSIDE: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {
        5: "tensor",
        6: "graph",
        10: "tensor",
        11: "graph",
        22: "sparse",
        23: "sparse",
    },
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "entry"},
}
_DIMS = {"tensor": 1, "sparse": 3}
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MAX_FIELDS = 5_000_000
_MAX_DEPTH = 100
_MAX_RANK = 64
_SMALL = 256 << 20
_RATIO = 16
_MEMORY = "*"  # in the place of a file name, onnxruntime takes it for an address in memory
_LOCATION = b"location"

_Field: TypeAlias = "tuple[int, int, int | memoryview]"


def check_onnx(path: Path) -> list[Path]:
    """Check an ONNX file; return the other files that it keeps tensors in, all below its folder.

    Raises:
        ValueError: It is not an ONNX file, names a file outside of its folder or one that is
            missing, or has a tensor of more values than are stored.
        OSError: It cannot be read.
    """
    size = path.stat().st_size
    if not size:
        raise ValueError("it is empty")
    with path.open("rb") as handle:
        mapped = mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ)  # parts of it may live on
    return [_beside(path, name) for name in sorted(_Walk(memoryview(mapped)).names())]


class _Walk:
    """One pass over the messages of a file."""

    def __init__(self, content: memoryview) -> None:
        self._content = content
        self._fields = 0
        self._limit = max(_SMALL, _RATIO * len(content))
        self._unpacked = 0

    def names(self) -> set[str]:
        """Return the names of other files."""
        names: set[str] = set()
        graphs = 0
        todo: list[tuple[str, memoryview, int]] = [("model", self._content, 0)]
        while todo:
            kind, message, depth = todo.pop()
            if depth > _MAX_DEPTH:
                raise ValueError(f"its graphs are nested more than {_MAX_DEPTH} messages deep")
            graphs += kind == "graph"
            dims: list[int] = []
            entries: set[str] = set()
            for number, wire, value in self._read(message):
                inner = _INSIDE[kind].get(number)
                if number == _DIMS.get(kind):
                    dims += _numbers(value)
                elif inner == "entry" and isinstance(value, memoryview):
                    entries |= self._location(value)
                elif inner is not None and isinstance(value, memoryview):
                    todo.append((inner, value, depth + 1))
                elif inner is not None:
                    raise ValueError(f"field {number} of a {kind} has the type {wire}")
            self._check_dims(kind, dims, len(message), bool(entries))
            names |= entries
        if not graphs:
            raise ValueError("it holds no graph")
        return names

    def _read(self, message: memoryview) -> Iterator[_Field]:
        place, end = 0, len(message)
        while place < end:
            self._fields += 1
            if self._fields > _MAX_FIELDS:
                raise ValueError(f"it has more than {_MAX_FIELDS:,} fields")
            tag, place = _varint(message, place)
            number, wire = tag >> 3, tag & 7
            if wire == _VARINT:
                value, place = _varint(message, place)
                yield number, wire, value
                continue
            if wire == _BYTES:
                length, place = _varint(message, place)
            else:
                length = {_FIXED64: 8, _FIXED32: 4}.get(wire, -1)
            if not number or not 0 <= length <= end - place:
                raise ValueError("it is damaged, or another kind of file")
            yield number, wire, message[place : place + length]
            place += length

    def _location(self, entry: memoryview) -> set[str]:
        fields = {number: value for number, _, value in self._read(entry)}
        key, value = fields.get(1, b""), fields.get(2, b"")
        if isinstance(key, int) or isinstance(value, int) or bytes(key) != _LOCATION:
            return set()
        return {bytes(value[:5000]).decode("utf-8")}

    def _check_dims(self, kind: str, dims: list[int], stored: int, elsewhere: bool) -> None:
        if len(dims) > _MAX_RANK or any(side < 0 for side in dims):
            raise ValueError(f"a tensor has the shape {str(dims[:8])[:100]}")
        count = math.prod(dims)
        if kind == "tensor" and not elsewhere and count > max(2 * stored, 1):
            raise ValueError(f"a tensor says that it has {count:.3g} values, in {stored:,} bytes")
        if kind == "sparse":
            self._unpacked += 8 * count
        elif elsewhere:
            self._unpacked += 0 if count < 1 << 40 else self._limit + 1
        if self._unpacked > self._limit:
            raise ValueError(f"a tensor of {count:.3g} values needs more memory than is allowed")


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    value = 0
    for number, byte in enumerate(message[place : place + 10]):
        value |= (byte & 0x7F) << (7 * number)
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, place + number + 1
    raise ValueError("it is damaged, or another kind of file")


def _numbers(value: int | memoryview) -> list[int]:
    """Return the signed numbers of a field that holds one or, packed, several."""
    if isinstance(value, int):
        return [_signed(value)]
    found: list[int] = []
    place = 0
    while place < len(value) and len(found) <= _MAX_RANK:
        number, place = _varint(value, place)
        found.append(_signed(number))
    return found


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _beside(path: Path, name: str) -> Path:
    if _MEMORY in name:
        raise ValueError(f"it keeps tensors in {name[:80]!r}, which is no name of a file")
    try:
        found = below(path.parent, name)
    except ValueError as error:
        raise ValueError(f"it keeps tensors in another file: {error}") from None
    with contextlib.suppress(OSError):  # a name that is too long
        if found.is_file():
            return found
    raise ValueError(f"it keeps tensors in {name[:80]!r}, which is missing beside it")
