"""Files that are not whole: what a decoder fills up with gray or zeros is no photograph."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from datagen.core.arrays import Image
from datagen.core.reading import probe, read_again
from datagen.errors import ImageError
from tests.core.image_headers.made import saved


def scene(side: int = 160) -> Image:
    """Return an image with detail everywhere, so that every part of the file is needed."""
    rng = np.random.default_rng(2)
    rough = rng.integers(60, 200, (side // 8, side // 8, 3), np.uint8)
    image = Pillow.fromarray(rough).resize((side, side), Pillow.Resampling.BICUBIC)
    return np.asarray(np.asarray(image) + rng.integers(0, 30, (side, side, 3)), np.uint8)


def made(format_: str, **options: Any) -> Callable[[], bytes]:
    return lambda: saved(format_, Pillow.fromarray(scene()), **options)


WHOLE: dict[str, Callable[[], bytes]] = {
    "jpeg": made("JPEG", quality=90),
    "jpeg_444": made("JPEG", quality=90, subsampling=0),
    "jpeg_progressive": made("JPEG", quality=90, progressive=True),
    "jpeg_restarts": made("JPEG", quality=90, restart_marker_rows=1),
    "jpeg_gray": lambda: saved("JPEG", Pillow.fromarray(scene()).convert("L"), quality=90),
    "jpeg_rgb": made("JPEG", quality=90, keep_rgb=True),
    "png": made("PNG"),
    "webp": made("WEBP", quality=90),
    "webp_lossless": made("WEBP", lossless=True),
    "avif": made("AVIF", quality=90),
    "bmp": made("BMP"),
    "tiff": made("TIFF"),
    **{
        f"tiff_{name}": made("TIFF", compression=name)
        for name in ("tiff_lzw", "tiff_deflate", "packbits", "jpeg", "zstd", "lzma")
    },
}
JPEGS = [name for name in WHOLE if name.startswith("jpeg")]
SHARES = (0.3, 0.5, 0.9, 0.99)


@pytest.mark.parametrize("name", WHOLE)
def test_what_is_whole_passes_and_is_read_again(name: str) -> None:
    data = WHOLE[name]()
    seen = probe(data)
    np.testing.assert_array_equal(read_again(data, seen.orientation), seen.image)
    for shrink in (2, 4, 8):
        assert read_again(data, seen.orientation, shrink).shape[:2] == (
            160 // shrink,
            160 // shrink,
        )


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("share", SHARES)
def test_a_file_that_is_cut_is_refused(name: str, share: float) -> None:
    data = WHOLE[name]()
    with pytest.raises(ImageError, match=r"^(damaged|too large)"):
        probe(data[: int(len(data) * share)])


@pytest.mark.parametrize("name", JPEGS)
@pytest.mark.parametrize("share", SHARES)
def test_a_jpeg_that_is_cut_and_closed_is_refused(name: str, share: float) -> None:
    """Pillow and OpenCV make the rest gray, and say nothing."""
    data = WHOLE[name]()
    cut = data[: int(len(data) * share)] + b"\xff\xd9"
    assert Pillow.open(io.BytesIO(cut)).convert("RGB").size == (160, 160)
    with pytest.raises(ImageError, match=r"^damaged: "):
        probe(cut)


@pytest.mark.parametrize("name", JPEGS)
def test_a_jpeg_with_lost_bytes_is_refused(name: str) -> None:
    data = bytearray(WHOLE[name]())
    middle = len(data) // 2
    data[middle : middle + 400] = bytes(400)
    with pytest.raises(ImageError, match=r"^damaged: "):
        probe(bytes(data))


def scan_starts(data: bytes) -> list[int]:
    return [at for at in range(len(data)) if data.startswith(b"\xff\xda", at)]


def test_a_progressive_jpeg_without_its_last_scans_is_refused() -> None:
    """All decoders show it, a little blurred, and none says a word."""
    data = WHOLE["jpeg_progressive"]()
    starts = scan_starts(data)
    assert len(starts) > 5
    for at in starts[1:]:
        with pytest.raises(ImageError, match="a JPEG without its last scans"):
            probe(data[:at] + b"\xff\xd9")


def test_a_second_image_and_padding_behind_the_end_are_no_damage() -> None:
    data = WHOLE["jpeg"]()
    for behind in (bytes(4096), b"junk", data):
        np.testing.assert_array_equal(probe(data + behind).image, probe(data).image)


def chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 8
    while at < len(data):
        size = int.from_bytes(data[at : at + 4])
        found.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + size]))
        at += 12 + size
    return found


def joined(parts: list[tuple[bytes, bytes]]) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(name + content))
        for name, content in parts
    )


@pytest.mark.parametrize("share", SHARES)
def test_a_png_that_is_cut_and_closed_is_refused(share: float) -> None:
    parts = chunks(WHOLE["png"]())
    pixels = b"".join(content for name, content in parts if name == b"IDAT")
    cut = pixels[: int(len(pixels) * share)]
    with pytest.raises(ImageError, match=r"^damaged: "):
        probe(joined([parts[0], (b"IDAT", cut), (b"IEND", b"")]))
    assert probe(joined([parts[0], (b"IDAT", pixels), (b"IEND", b"")])).orientation == 1


def test_a_png_with_a_wrong_checksum_is_refused() -> None:
    data = bytearray(WHOLE["png"]())
    at = data.rindex(b"IEND") - 8
    data[at] ^= 1
    with pytest.raises(ImageError, match="do not fit their checksum"):
        probe(bytes(data))


@pytest.mark.parametrize("name", ["webp", "webp_lossless"])
@pytest.mark.parametrize("share", SHARES)
def test_a_webp_that_is_cut_and_closed_is_refused(name: str, share: float) -> None:
    data = WHOLE[name]()
    size = int(len(data) * share) // 2 * 2
    cut = bytearray(data[:size])
    cut[4:8] = struct.pack("<I", size - 8)
    cut[16:20] = struct.pack("<I", size - 20)
    with pytest.raises(ImageError, match=r"^damaged: "):
        probe(bytes(cut))


@pytest.mark.parametrize("name", [*JPEGS, "png", "webp", "webp_lossless", "avif"])
@pytest.mark.parametrize("share", SHARES[:3])
def test_a_download_whose_end_was_never_written_is_refused(name: str, share: float) -> None:
    data = WHOLE[name]()
    size = int(len(data) * share)
    with pytest.raises(ImageError, match=r"^damaged: "):
        probe(data[:size] + bytes(len(data) - size))


def test_a_tiff_that_cannot_be_unpacked_names_its_compression() -> None:
    data = WHOLE["tiff_tiff_lzw"]()
    spoiled = bytearray(data)
    spoiled[8 : len(data) // 2] = bytes(len(data) // 2 - 8)
    with pytest.raises(ImageError, match=r"compressed in a way that cannot be read \(tiff_lzw\)"):
        probe(bytes(spoiled))


CHECKED = ("tiff_tiff_lzw", "tiff_tiff_deflate", "tiff_jpeg", "tiff_lzma")


@pytest.mark.parametrize("name", CHECKED)  # packbits and zstd have no checksums
@pytest.mark.parametrize("kind", ["zeros", "noise"])
def test_a_compressed_tiff_with_spoiled_pixels_is_refused(name: str, kind: str) -> None:
    """Pillow and OpenCV pass over what libtiff only warns of."""
    data = bytearray(WHOLE[name]())
    middle = len(data) // 2
    for at in range(0, 400, 1 if kind == "zeros" else 20):
        data[middle + at] = 0 if kind == "zeros" else data[middle + at] ^ 0x55
    with pytest.raises(ImageError, match=r"^damaged"):
        probe(bytes(data))


@pytest.mark.parametrize("compression", ["jpeg", "tiff_deflate"])
def test_strips_and_tiles_of_a_tiff_are_whole(compression: str) -> None:
    wide = Pillow.fromarray(np.tile(scene(), (4, 3, 1)))
    for options in ({}, {"tiffinfo": {278: 16}}):
        data = saved("TIFF", wide, compression=compression, **options)
        assert probe(data).image.shape == (640, 480, 3)
    assert probe(saved("TIFF", wide.convert("L"), compression=compression)).orientation == 1
