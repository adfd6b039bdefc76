from __future__ import annotations

import struct
import tracemalloc
import zlib
from collections.abc import Sequence

import pytest
from PIL import Image as Pillow

from datagen.core.image_headers import parts_of, read_header
from datagen.core.reading import probe
from datagen.core.whole import check_tiff
from datagen.errors import ImageError
from tests.core.image_headers.made import saved, tiff
from tests.support.ends import ends_soon

SIDE = 40


def parts_in_a_tiff(compression: int, parts: Sequence[bytes], shared: int = 1) -> bytes:
    """Return a TIFF of SIDE x SIDE pixels; the last part is listed ``shared`` times."""
    at, places = 8, []
    for part in parts:
        places.append((at, len(part)))
        at += len(part)
    places += places[-1:] * (shared - 1)
    count = len(places)
    bits = struct.pack("<3H", 8, 8, 8)
    lists = [struct.pack(f"<{count}I", *column) for column in zip(*places, strict=True)]
    single = count == 1
    entries = [
        (256, 4, 1, SIDE),
        (257, 4, 1, SIDE),
        (258, 3, 3, at),
        (259, 3, 1, compression),
        (262, 3, 1, 2),
        (273, 4, count, places[0][0] if single else at + len(bits)),
        (277, 3, 1, 3),
        (278, 4, 1, SIDE),
        (279, 4, count, places[0][1] if single else at + len(bits) + len(lists[0])),
    ]
    body = b"".join(parts) + bits + b"".join(lists)
    directory = tiff(entries)[8:]
    return b"II*\x00" + struct.pack("<I", 8 + len(body)) + body + directory


WHOLE = zlib.compress(bytes(3 * SIDE * SIDE))


def test_a_part_that_unpacks_to_the_pixels_is_whole() -> None:
    assert probe(parts_in_a_tiff(8, [WHOLE])).image.shape == (SIDE, SIDE, 3)


@pytest.mark.parametrize(("size", "shared"), [(4 * 2**30, 1), (2**27, 20_000)])
def test_parts_that_unpack_to_more_than_the_pixels_are_refused_at_once(
    size: int, shared: int
) -> None:
    """Whether the image needs them or not: a list may name the same bytes many times."""
    stream = zlib.compressobj(9)
    bomb = b"".join(stream.compress(bytes(2**24)) for _ in range(size >> 24)) + stream.flush()
    data = parts_in_a_tiff(8, [WHOLE, bomb], shared)
    with ends_soon(), pytest.raises(ImageError, match="unpack to more than its pixels"):
        probe(data)


def test_a_list_that_names_the_same_bytes_many_times_copies_none_of_them() -> None:
    data = parts_in_a_tiff(8, [bytes(2**20)], 20_000)
    tracemalloc.start()
    parts = parts_of(data)[2]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(parts) == 20_000
    assert peak < 2**24


def test_so_are_parts_of_jpeg() -> None:
    large = saved("JPEG", Pillow.new("RGB", (4_000, 4_000)))
    data = parts_in_a_tiff(7, [large], 1_000)
    with ends_soon(), pytest.raises(ImageError, match="unpack to more than its pixels"):
        check_tiff(data, read_header(data))
