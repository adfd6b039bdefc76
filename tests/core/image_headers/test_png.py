from __future__ import annotations

import zlib

import pytest
from PIL import Image as Pillow

from datagen.core.image_headers import check_metadata, check_whole, read_header
from datagen.core.image_headers.png import exif
from datagen.core.reading import probe
from datagen.errors import ImageError
from tests.core.image_headers.made import saved
from tests.support.ends import ends_soon


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
    with ends_soon(), pytest.raises(ImageError, match="a chunk that is cut short"):
        probe(data)


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


def test_pixels_without_end_are_refused_before_they_are_unpacked() -> None:
    """OpenCV unpacks what lies behind the last pixel, for minutes."""
    data, stream = saved("PNG"), zlib.compressobj(9)
    more = b"".join(stream.compress(bytes(2**24)) for _ in range(160)) + stream.flush()
    start = data.index(b"IDAT") - 4
    pixels = len(more).to_bytes(4) + b"IDAT" + more + zlib.crc32(b"IDAT" + more).to_bytes(4)
    with ends_soon(), pytest.raises(ImageError, match="unpacks to more than its 57x40 pixels"):
        probe(data[:start] + pixels + data[-12:])


@pytest.mark.parametrize("mode", ["1", "L", "RGB"])
def test_no_large_image_has_more_than_its_pixels(mode: str) -> None:
    noise = Pillow.effect_noise((1_500, 1_500), 99).convert(mode)
    for side in (1_500, 4_200):
        data = saved("PNG", noise.resize((side, side), Pillow.Resampling.NEAREST), compress_level=0)
        check_whole(data, read_header(data))


def test_a_name_of_a_profile_that_is_not_printable_is_refused() -> None:
    """The library of OpenCV writes it to the terminal if it does not like the profile."""
    data = saved("PNG")
    for name in (b"\x1b]0;owned\x07", b"\x9b31m", b"a\nb"):
        content = name + b"\0\0" + zlib.compress(b"no profile")
        with pytest.raises(ImageError, match="whose name is not printable"):
            probe(data[:33] + chunk(b"iCCP", content) + data[33:])
