from __future__ import annotations

import random
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from datagen.core.image_headers import (
    MAX_PIXELS,
    check_metadata,
    check_whole,
    exif_of,
    formats,
    read_header,
)
from datagen.core.images import read_gray, read_rgb, size_of
from datagen.core.reading import probe, read_again
from datagen.errors import ImageError
from tests.core.image_headers.made import grid_avif, saved, slopes


def gray() -> Pillow.Image:
    return slopes().convert("L")


def upside_down_bmp() -> bytes:
    data = bytearray(saved("BMP"))
    data[22:26] = struct.pack("<i", -40)
    return bytes(data)


def padded_jpeg() -> bytes:
    """Return a JPEG with what a decoder skips: fill bytes, and bytes between the segments."""
    data = saved("JPEG")
    return data[:2] + b"\xff" * 9 + data[2:20] + b"\x07\x00\xff\x00" + data[20:]


GOOD: dict[str, tuple[str, Callable[[], bytes]]] = {
    "jpeg": ("JPEG", lambda: saved("JPEG")),
    "progressive": ("JPEG", lambda: saved("JPEG", progressive=True)),
    "gray_jpeg": ("JPEG", lambda: saved("JPEG", gray())),
    "png": ("PNG", lambda: saved("PNG")),
    "gray_png": ("PNG", lambda: saved("PNG", gray())),
    "webp": ("WEBP", lambda: saved("WEBP")),
    "lossless_webp": ("WEBP", lambda: saved("WEBP", lossless=True)),
    "extended_webp": ("WEBP", lambda: saved("WEBP", exif=Pillow.Exif().tobytes())),
    "avif": ("AVIF", lambda: saved("AVIF")),
    "gray_avif": ("AVIF", lambda: saved("AVIF", gray())),
    "avif_444": ("AVIF", lambda: saved("AVIF", subsampling="4:4:4", quality=100)),
    "tiff": ("TIFF", lambda: saved("TIFF")),
    "lzw_tiff": ("TIFF", lambda: saved("TIFF", compression="tiff_lzw")),
    "big_tiff": ("TIFF", lambda: saved("TIFF", big_tiff=True)),
    "bmp": ("BMP", lambda: saved("BMP")),
    "gray_bmp": ("BMP", lambda: saved("BMP", gray())),
    "upside_down_bmp": ("BMP", upside_down_bmp),
}


@pytest.mark.parametrize("name", GOOD)
def test_format_and_size_are_those_of_the_file(name: str) -> None:
    format_, make = GOOD[name]
    data = make()
    header = read_header(data)
    assert (header.format, header.width, header.height, header.still) == (format_, 57, 40, True)
    check_metadata(data, header)
    check_whole(data, header)
    assert probe(data).image.shape == read_again(data, 1).shape == (40, 57, 3)


def test_fill_bytes_are_no_damage_but_junk_between_the_segments_is() -> None:
    data = saved("JPEG")
    assert probe(data[:2] + b"\xff" * 9 + data[2:]).image.shape == (40, 57, 3)
    header = read_header(padded_jpeg())
    assert (header.width, header.height) == (57, 40)
    with pytest.raises(ImageError, match="damaged: "):
        probe(padded_jpeg())


def test_a_grid_of_tiles_is_read() -> None:
    data = grid_avif(3, 2)
    assert (read_header(data).width, read_header(data).height) == (192, 128)
    tile = probe(saved("AVIF", slopes(64, 64), quality=60)).image.astype(int)
    found = probe(data).image
    inner = found[68:, 132:]  # colors of the neighbors reach over the edges
    np.testing.assert_allclose(inner, tile[4:, 4:], atol=3)
    np.testing.assert_array_equal(read_again(data, 1), found)


NAMES: dict[str, Callable[[], bytes]] = {
    "PostScript": lambda: saved("EPS"),
    "PDF": lambda: saved("PDF"),
    "GIF": lambda: saved("GIF"),
    "JPEG 2000": lambda: saved("JPEG2000"),
    "SVG": lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "HTML": lambda: b"\n <!DOCTYPE html><title>404</title>",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_known_format_that_is_not_read_is_named(name: str) -> None:
    words = rf"not a readable image \(it begins like {name}; read are JPEG, PNG, .* BMP\)"
    with pytest.raises(ImageError, match=words):
        read_header(NAMES[name]())


@pytest.mark.parametrize(
    "format_", ["ICO", "PPM", "TGA", "DDS", "PCX", "SGI", "SPIDER", "MSP", "XBM", "ICNS"]
)
def test_no_other_format_of_the_libraries_is_read(format_: str) -> None:
    one_bit = format_ in ("MSP", "XBM")
    mode = "1" if one_bit else "F" if format_ == "SPIDER" else "RGB"
    data = saved(format_, slopes(64, 64).convert(mode))
    for read in (probe, lambda data: read_again(data, 1), read_rgb, read_gray):
        with pytest.raises(ImageError, match="not a readable image"):
            read(data)
    assert size_of(data) is None


def png_of(width: int, height: int) -> bytes:
    data = saved("PNG")
    return data[:16] + struct.pack(">II", width, height) + data[24:]


def test_the_limit_is_on_pixels() -> None:
    assert read_header(png_of(MAX_PIXELS // 10_000, 10_000)).width == 11_000
    with pytest.raises(ImageError, match=r"too large: 11001x10000 pixels; the limit for PNG is 11"):
        read_header(png_of(11_001, 10_000))
    with pytest.raises(ImageError, match="the limit for PNG is 1,000 pixels"):
        read_header(png_of(100, 11), 1000)
    with pytest.raises(ImageError, match=r"damaged: its size is 0x7 pixels"):
        read_header(png_of(0, 7))
    assert size_of(png_of(30_000, 30_000)) is None


def test_webp_and_avif_have_a_lower_limit() -> None:
    lossless = bytearray(saved("WEBP", lossless=True))
    lossless[21:25] = struct.pack("<I", (9_000 - 1) | (9_000 - 1) << 14)
    with pytest.raises(ImageError, match="9000x9000 pixels; the limit for WEBP is 80,000,000"):
        read_header(bytes(lossless))


def test_a_file_may_be_too_large_for_its_format(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = "datagen.core.image_headers.formats"
    monkeypatch.setitem(vars(formats)["_MAX_BYTES"], "WEBP", 500)
    monkeypatch.setattr(f"{limits}.MAX_IMAGE_FILE", 800)
    for format_, limit in (("WEBP", 500), ("PNG", 800)):
        data = saved(format_).ljust(limit + 1, b"\0")
        with pytest.raises(ImageError, match=f"bytes; the limit for {format_} is {limit}"):
            read_header(data)


def test_every_way_to_state_the_size_of_a_webp_is_limited() -> None:
    lossy = bytearray(saved("WEBP"))
    lossy[26:30] = struct.pack("<HH", 16_383, 16_383)
    extended = bytearray(saved("WEBP", exif=Pillow.Exif().tobytes()))
    extended[24:30] = b"\xfe\x3f\x00" * 2
    for data in (lossy, extended):
        with pytest.raises(ImageError, match="too large: 16383x16383 pixels"):
            read_header(bytes(data))


@pytest.mark.parametrize("name", GOOD)
def test_a_file_cut_anywhere_is_refused_and_nothing_else(name: str) -> None:
    data = GOOD[name][1]()
    for size in (*range(70), *range(70, len(data), max(len(data) // 40, 1))):
        for read in (probe, read_rgb, read_header, exif_of):
            accepted(read, data[:size])


def accepted(read: Callable[[bytes], Any], data: bytes) -> bool:
    """Say whether an image is read; any error but an ``ImageError`` fails the test."""
    try:
        read(data)
    except ImageError as error:
        return check_message(str(error))
    return True


def check_message(message: str) -> bool:
    assert "\n" not in message
    assert len(message) < 400
    return False


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", GOOD)
def test_whatever_is_changed_in_a_file_it_is_an_image_error(name: str) -> None:
    data, rng = GOOD[name][1](), random.Random(name)
    for _ in range(150):
        spoiled = bytearray(data)
        for _ in range(rng.choice((1, 1, 2, 5))):
            at = rng.randrange(min(len(data), 200) if rng.random() < 0.7 else len(data))
            spoiled[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        for read in (probe, read_rgb, read_gray, size_of):
            accepted(read, bytes(spoiled))
        if accepted(probe, bytes(spoiled)):
            accepted(lambda one: read_again(one, 1, 2), bytes(spoiled))


@pytest.mark.parametrize("format_", ["PNG", "TIFF", "BMP"])
def test_a_side_without_end_is_refused(format_: str) -> None:
    """A hundred million rows of one pixel take gigabytes: decoders keep some bytes a row."""
    for size in ((1, 65_536), (65_536, 1)):
        with pytest.raises(ImageError, match="the limit for a side is 65,535 pixels"):
            read_header(saved(format_, Pillow.new("RGB", size)))
        read_header(saved(format_, Pillow.new("RGB", (min(size[0], 65_535), min(size[1], 65_535)))))
