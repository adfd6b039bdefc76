"""The pages of a Parquet file as they describe themselves.

The end of a file says how large its columns are, and may lie: a reader takes memory for what each
page says. Both are read here, without the pages themselves. ``pyarrow``'s own view of the chunks is
not used: a damaged one ends the process (``terminate called``) where no exception can be caught.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from datagen.core.thrift import Thrift

__all__ = ["TEXT", "Chunk", "Page", "chunks_of", "pages_of", "unpacked_size"]

_PREFIXED = 7  # the encoding DELTA_BYTE_ARRAY: each text is what it adds to the one before
TEXT = 6
"""Number of the physical type BYTE_ARRAY."""

_MAX_FOOTER = 32 << 20
_MAX_PATHS = 16 << 20  # letters of all paths, of which each leaf repeats those of its parents
_WINDOWS = (1 << 10, 1 << 16, 1 << 20)  # bytes to look at for one header
_MAX_PAGES = 200_000
_DICTIONARY, _INDEX = 2, 1
_DETAILS = {0: 5, 2: 7, 3: 8}  # field of the details, by type of page
_ENCODING = {0: 2, 2: 2, 3: 4}  # field of the encoding in them


@dataclass(frozen=True, slots=True)
class Chunk:
    """The values of a column in one group of rows.

    Attributes:
        path: Name of the column; of a nested one with those of its parts, after dots.
        physical: Number of the type of its values; ``TEXT`` is one of any length.
        values: Number of its values.
        start: Where its first page begins.
        length: Bytes of its pages.
    """

    path: str
    physical: int
    values: int
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Page:
    """What a page says of itself.

    Attributes:
        size: Bytes when it is unpacked.
        values: Number of its values.
        encoding: Number of its encoding; -1 for a page without values.
        dictionary: Whether it holds a dictionary.
    """

    size: int
    values: int
    encoding: int
    dictionary: bool


def chunks_of(file: BinaryIO) -> list[Chunk]:
    """Return the column chunks of a file, in its order.

    Raises:
        ValueError: The file is no Parquet file, or its description is damaged or contradicts
            itself: a reader would take one column for another.
    """
    size = file.seek(0, 2)
    file.seek(max(size - 8, 0))
    tail = file.read(8)
    length = int.from_bytes(tail[:4], "little")
    if size < 12 or tail[4:] != b"PAR1" or length > min(size - 12, _MAX_FOOTER):
        raise ValueError("it is no Parquet file, or is cut off")
    file.seek(size - 8 - length)
    try:
        about, _ = Thrift(file.read(length)).struct(0)
        groups = [_fields(group) for group in _list(about.get(4))]
        if sum(_whole(group.get(3)) for group in groups) != _whole(about.get(3)):
            raise ValueError("its groups have another number of rows than it says")
        leaves = _leaves(_list(about.get(2)))
        return [chunk for group in groups for chunk in _chunks(_list(group.get(1)), leaves)]
    except (IndexError, UnicodeDecodeError):
        raise ValueError("its description is damaged") from None


def _chunks(group: list[Any], leaves: list[tuple[str, int]]) -> list[Chunk]:
    chunks = [_chunk(_fields(_fields(chunk).get(3))) for chunk in group]
    if [(chunk.path, chunk.physical) for chunk in chunks] != leaves:
        raise ValueError("the columns of a group are not those of its schema")
    return chunks


def _leaves(elements: list[Any]) -> list[tuple[str, int]]:
    """Return path and physical type of each column of a schema: a tree, parents first."""
    leaves: list[tuple[str, int]] = []
    parents: list[str] = []
    missing: list[int] = []  # children of each parent that are still to come
    length = above = 0
    for element in map(_fields, elements):
        name, children = element.get(4), _whole(element.get(5, 0))
        if not isinstance(name, bytes):
            raise ValueError("its description is damaged")
        if missing:
            missing[-1] -= 1
        length += len(name) + above
        if length > _MAX_PATHS:
            raise ValueError("the names of its columns are too long")
        if children or not parents:
            parents.append(name.decode())
            missing.append(children)
            above += len(name) + 1
        else:
            leaves.append((".".join([*parents[1:], name.decode()]), _whole(element.get(1))))
        while len(missing) > 1 and not missing[-1]:
            above -= len(parents.pop().encode()) + 1
            missing.pop()
    return leaves


def _chunk(about: dict[int, Any]) -> Chunk:
    path = [part.decode() for part in _list(about.get(3)) if isinstance(part, bytes)]
    starts = [_whole(about.get(9)), *filter(None, [_whole(about.get(11, 0))])]
    return Chunk(
        path=".".join(path),
        physical=_whole(about.get(1)),
        values=_whole(about.get(5)),
        start=min(starts),
        length=_whole(about.get(7)),
    )


def unpacked_size(file: BinaryIO, limit: int, columns: Collection[str] | None = None) -> int:
    """Return the bytes of a file's columns when their pages are unpacked, not yet decoded.

    Args:
        file: The file.
        limit: No page is looked at beyond this size.
        columns: Names of columns, or paths of their parts; by default all.

    Raises:
        ValueError: The pages are not as the description says, or have an encoding in which a few
            bytes are a text of any length.
    """
    size = 0
    for chunk in chunks_of(file):
        names = {chunk.path, chunk.path.partition(".")[0]}
        if size <= limit and (columns is None or not names.isdisjoint(columns)):
            size += _chunk_size(file, chunk, limit - size)
    return size


def _chunk_size(file: BinaryIO, chunk: Chunk, limit: int) -> int:
    if not chunk.values:  # without rows no page is read, and the place may be wrong
        return 0
    size = values = 0
    for page in pages_of(file, chunk.start, chunk.length):
        size += page.size
        if size > limit:
            return size
        if page.encoding == _PREFIXED:
            raise ValueError(
                f"column {chunk.path[:80]!r} has the encoding DELTA_BYTE_ARRAY, whose size in "
                "memory is not known before it is read: write the file with another one"
            )
        if page.dictionary and page.values > page.size:
            raise ValueError(f"a dictionary says that it has {page.values:,} values")
        values += 0 if page.dictionary else page.values
    if values > chunk.values:
        raise ValueError(f"column {chunk.path[:80]!r} has more values than it says")
    return size


def pages_of(file: BinaryIO, start: int, length: int) -> Iterator[Page]:
    """Yield the pages of a column chunk.

    Args:
        file: The file.
        start: Where the first page begins.
        length: Bytes of all its pages.

    Raises:
        ValueError: A header is damaged, or there are too many.
    """
    place, end = start, start + length
    file.seek(0, 2)
    if not 0 <= start <= end <= file.tell():
        raise ValueError("its pages lie outside of the file")
    for _ in range(_MAX_PAGES):
        if place >= end:
            return
        header, used = _header(file, place, end)
        kind, size, packed = (_whole(header.get(number)) for number in (1, 2, 3))
        place += used + packed
        if place > end:
            raise ValueError("a page is longer than its column")
        details = header.get(_DETAILS.get(kind, -1), {})
        if kind == _INDEX or not isinstance(details, dict):
            yield Page(size, 0, -1, False)
            continue
        values, encoding = _whole(details.get(1)), _whole(details.get(_ENCODING.get(kind, -1)))
        yield Page(size, values, encoding, kind == _DICTIONARY)
    raise ValueError(f"a column has more than {_MAX_PAGES} pages")


def _whole(value: object) -> int:
    if not isinstance(value, int) or value < 0:
        raise ValueError("its description is damaged")
    return value


def _fields(value: object) -> dict[int, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _header(file: BinaryIO, place: int, end: int) -> tuple[dict[int, Any], int]:
    for window in _WINDOWS:
        file.seek(place)
        try:
            return Thrift(file.read(min(window, end - place))).struct(0)
        except IndexError:  # it may go on behind the window
            continue
    raise ValueError("the header of a page is cut off or too long")
