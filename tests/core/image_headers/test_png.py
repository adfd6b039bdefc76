from __future__ import annotations

import time
import zlib

import pytest
from PIL import Image as Pillow

from datagen.core.image_headers import check_metadata, read_header
from datagen.core.image_headers.png import exif
from datagen.core.reading import probe
from datagen.errors import ImageError
from tests.core.image_headers.made import saved


def chunk(name: bytes, content: bytes = b"") -> bytes:
    return len(content).to_bytes(4) + name + content + bytes(4)


def test_exif_may_lie_before_and_behind_the_pixels() -> None:
    data = saved("PNG")
    assert exif(data) == b""
    assert exif(data[:33] + chunk(b"eXIf", b"MM\0*") + data[33:]) == b"MM\0*"
    assert exif(data[:-12] + chunk(b"eXIf", b"MM\0*") + data[-12:]) == b"MM\0*"
    assert exif(data + chunk(b"eXIf", b"behind the end")) == b""


@pytest.mark.parametrize("name", [b"IEND", b"teXt", b"IDAT"])
def test_a_chunk_that_leads_outside_is_refused(name: bytes) -> None:
    """Pillow is done before it; OpenCV reserves what it states: 2 GB and ten seconds."""
    data = saved("PNG")[:-12] + b"\x7f\xff\xff\xff" + name + bytes(8)
    begin = time.perf_counter()
    with pytest.raises(ImageError, match="a chunk that is cut short"):
        probe(data)
    assert time.perf_counter() - begin < 1


def test_a_size_that_the_bytes_cannot_hold_is_refused() -> None:
    """Pillow and OpenCV take seconds to fill it with black."""
    data = bytearray(saved("PNG"))
    data[16:24] = (9_000).to_bytes(4) + (9_000).to_bytes(4)
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4)
    with pytest.raises(ImageError, match="bytes cannot hold 9000x9000 pixels"):
        probe(bytes(data))
    for mode in ("1", "L", "RGB"):
        flat = saved("PNG", Pillow.new(mode, (5_000, 5_000)), compress_level=9)
        check_metadata(flat, read_header(flat))


def test_chunks_without_end_are_refused() -> None:
    with pytest.raises(ImageError, match="more than 200,000 chunks"):
        exif(saved("PNG")[:33] + chunk(b"teXt") * 200_001)
