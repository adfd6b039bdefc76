"""The pages of a Parquet file as they describe themselves.

The end of a file says how large its columns are, and may lie: a reader takes memory for what each
page says. The headers are structs of Thrift's compact protocol, read here without the pages.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

__all__ = ["Page", "pages_of", "unpacked_size"]

_PREFIXED = 7  # the encoding DELTA_BYTE_ARRAY: each text is what it adds to the one before
_WINDOWS = (1 << 10, 1 << 16, 1 << 20)  # bytes to look at for one header
_MAX_PAGES = 200_000
_MAX_DEPTH = 8
_DICTIONARY, _INDEX = 2, 1
_DETAILS = {0: 5, 2: 7, 3: 8}  # field of the details, by type of page
_ENCODING = {0: 2, 2: 2, 3: 4}  # field of the encoding in them


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


def unpacked_size(
    file: BinaryIO, about: Any, limit: int, columns: Collection[str] | None = None
) -> int:
    """Return the bytes of a file's columns when their pages are unpacked, not yet decoded.

    Args:
        file: The file.
        about: Its ``FileMetaData`` of pyarrow.
        limit: No page is looked at beyond this size.
        columns: Names of columns; by default all.

    Raises:
        ValueError: The pages are not as the description says, or have an encoding in which a few
            bytes are a text of any length.
    """
    size = 0
    for number in range(about.num_row_groups):
        group = about.row_group(number)
        for chunk in map(group.column, range(group.num_columns)):
            name = chunk.path_in_schema.partition(".")[0]
            if size <= limit and (columns is None or name in columns):
                size += _chunk_size(file, chunk, limit - size)
    return size


def _chunk_size(file: BinaryIO, chunk: Any, limit: int) -> int:
    starts = [chunk.data_page_offset]
    if chunk.has_dictionary_page and chunk.dictionary_page_offset:
        starts.append(chunk.dictionary_page_offset)
    size = values = 0
    for page in pages_of(file, min(starts), chunk.total_compressed_size):
        size += page.size
        if size > limit:
            return size
        if page.encoding == _PREFIXED:
            raise ValueError(
                f"column {chunk.path_in_schema[:80]!r} has the encoding DELTA_BYTE_ARRAY, whose "
                "size in memory is not known before it is read: write the file with another one"
            )
        if page.dictionary and page.values > page.size:
            raise ValueError(f"a dictionary says that it has {page.values:,} values")
        values += 0 if page.dictionary else page.values
    if values > chunk.num_values:
        raise ValueError(f"column {chunk.path_in_schema[:80]!r} has more values than it says")
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
        raise ValueError("the header of a page is damaged")
    return value


def _header(file: BinaryIO, place: int, end: int) -> tuple[dict[int, Any], int]:
    for window in _WINDOWS:
        file.seek(place)
        content = file.read(min(window, end - place))
        try:
            return _struct(content, 0, 0)
        except IndexError:  # it may go on behind the window
            continue
    raise ValueError("the header of a page is cut off or too long")


def _struct(content: bytes, place: int, depth: int) -> tuple[dict[int, Any], int]:
    if depth > _MAX_DEPTH:
        raise ValueError("the header of a page is nested too deeply")
    found: dict[int, Any] = {}
    number = 0
    while head := content[place]:
        place += 1
        if head >> 4:
            number += head >> 4
        else:
            number, place = _zigzag(content, place)
        found[number], place = _value(content, place, head & 15, depth)
    return found, place + 1


def _value(content: bytes, place: int, kind: int, depth: int) -> tuple[Any, int]:
    if kind in (1, 2):  # true, false
        return kind == 1, place
    if kind == 3:
        return content[place], place + 1
    if kind in (4, 5, 6):
        return _zigzag(content, place)
    if kind == 7:
        return None, place + 8
    if kind == 8:
        length, place = _varint(content, place)
        return None, place + length
    if kind in (9, 10):
        return None, _skip_list(content, place, depth)
    if kind == 12:
        return _struct(content, place, depth + 1)
    raise ValueError("the header of a page is damaged")


def _skip_list(content: bytes, place: int, depth: int) -> int:
    head, place = content[place], place + 1
    count = head >> 4
    if count == 15:
        count, place = _varint(content, place)
    kind = head & 15
    for _ in range(count):
        if kind in (1, 2):
            place += 1
        else:
            _, place = _value(content, place, kind, depth + 1)
        if place > len(content):
            raise IndexError
    return place


def _varint(content: bytes, place: int) -> tuple[int, int]:
    value = 0
    for number in range(10):
        byte = content[place + number]
        value |= (byte & 0x7F) << (7 * number)
        if byte < 0x80:
            return value, place + number + 1
    raise ValueError("the header of a page is damaged")


def _zigzag(content: bytes, place: int) -> tuple[int, int]:
    value, place = _varint(content, place)
    return (value >> 1) ^ -(value & 1), place
