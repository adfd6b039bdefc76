from __future__ import annotations

import io
import struct
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow

from datagen.core.arrays import Image
from datagen.core.images import encode_jpeg
from datagen.core.reading import probe, read_again
from datagen.errors import ImageError

FORMATS = ["JPEG", "PNG", "WEBP", "AVIF", "TIFF", "BMP"]


def slopes(height: int = 40, width: int = 57) -> Image:
    """Return an image without symmetry."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = np.linspace(0, 255, width)[None]
    image[..., 1] = np.linspace(0, 255, height)[:, None]
    image[: height // 2, : width // 2, 2] = 200
    return image


def saved(image: Image | Pillow.Image, format_: str, **options: Any) -> bytes:
    picture = image if isinstance(image, Pillow.Image) else Pillow.fromarray(image)
    if format_ == "JPEG":
        options = {"quality": 95, "subsampling": 0, **options}
    elif format_ == "AVIF":
        options = {"quality": 100, "subsampling": "4:4:4", **options}
    elif format_ == "WEBP":
        options = {"lossless": True, **options}
    buffer = io.BytesIO()
    picture.save(buffer, format_, **options)
    return buffer.getvalue()


def turned(orientation: int, format_: str, image: Image) -> bytes:
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    return saved(image, format_, exif=exif)


@pytest.mark.parametrize("format_", FORMATS)
def test_both_readers_give_the_image(format_: str) -> None:
    image = slopes()
    data = saved(image, format_)
    found = probe(data).image
    assert found.dtype == np.uint8
    assert found.flags.c_contiguous
    np.testing.assert_allclose(
        found.astype(int), image, atol=12 if format_ in ("JPEG", "AVIF") else 0
    )
    np.testing.assert_array_equal(read_again(data, 1), found)


@pytest.mark.parametrize("format_", FORMATS)
def test_gray_becomes_rgb(format_: str) -> None:
    gray = Pillow.fromarray(slopes()).convert("L")
    data = saved(gray, format_)
    found = probe(data).image
    assert found.shape == (40, 57, 3)
    assert (found[..., 0] == found[..., 1]).all()
    assert (found[..., 0] == found[..., 2]).all()
    np.testing.assert_allclose(found[..., 0].astype(int), np.asarray(gray), atol=6)
    np.testing.assert_array_equal(read_again(data, 1), found)


def upright(image: Image, orientation: int) -> Image:
    """Return what EXIF says that the viewer should see, by its table of corners."""
    flipped = image[:, ::-1] if orientation in (2, 4, 5, 7) else image
    turns = {1: 0, 2: 0, 3: 2, 4: 2, 5: 1, 6: 3, 7: 3, 8: 1}[orientation]
    return np.ascontiguousarray(np.rot90(flipped, turns))


@pytest.mark.parametrize("format_", FORMATS[:-1])  # BMP has no EXIF
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_is_applied_by_both_readers(format_: str, orientation: int) -> None:
    image = slopes()
    data = turned(orientation, format_, image)
    seen = probe(data)
    assert seen.orientation == orientation
    want = upright(image, orientation)
    assert seen.image.shape == want.shape
    np.testing.assert_allclose(seen.image.astype(int), want, atol=12)
    np.testing.assert_array_equal(read_again(data, orientation), seen.image)
    for shrink in (2, 4, 8):
        small = read_again(data, orientation, shrink)
        assert small.shape[:2] == tuple(-(-side // shrink) for side in want.shape[:2])


def frames() -> list[Pillow.Image]:
    first = Pillow.fromarray(slopes())
    return [first, first.rotate(180)]


def moving(format_: str) -> bytes:
    first, second = frames()
    return saved(first, format_, save_all=True, append_images=[second])


def deep(*shape: int) -> bytes:
    values = np.linspace(0, 65535, int(np.prod(shape))).astype(np.uint16).reshape(shape)
    return bytes(cv2.imencode(".png", values)[1].tobytes())


def mode(name: str, format_: str = "PNG", **options: Any) -> bytes:
    return saved(Pillow.fromarray(slopes()).convert(name), format_, **options)


def high_color() -> bytes:
    """Return a BMP of 16 bits a pixel."""
    image = slopes(40, 56).astype(np.uint16)
    pixels = (image[..., 0] >> 3 << 11) | (image[..., 1] >> 2 << 5) | (image[..., 2] >> 3)
    rows = pixels[::-1].astype("<u2").tobytes()
    masks = struct.pack("<III", 0xF800, 0x07E0, 0x001F)
    info = struct.pack("<IiiHHIIiiII", 40, 56, 40, 1, 16, 3, len(rows), 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 66 + len(rows), 0, 0, 66) + info + masks + rows


BAD: dict[str, tuple[bytes, str]] = {
    "cmyk": (mode("CMYK", "JPEG"), "CMYK: convert it"),
    "deep_gray": (deep(20, 30), r"more than 8 bits a channel \(I;16\)"),
    "deep_rgb": (deep(20, 30, 3), r"more than 8 bits a channel \(RGB\)"),
    "float": (mode("F", "TIFF"), r"more than 8 bits a channel \(F\)"),
    "alpha": (mode("RGBA"), "alpha channel: flatten it"),
    "gray_alpha": (mode("LA"), "alpha channel: flatten it"),
    "one_color_clear": (mode("RGB", transparency=(0, 0, 0)), "alpha channel: flatten it"),
    "webp_alpha": (
        saved(np.dstack([slopes(), np.full((40, 57), 99, np.uint8)]), "WEBP"),
        "alpha channel: flatten it",
    ),
    "palette": (mode("P"), "color mode P: convert it to RGB"),
    "one_bit": (mode("1"), "color mode 1: convert it to RGB"),
    "lab": (mode("LAB", "TIFF"), "color mode LAB: convert it to RGB"),
    "still_gif": (mode("RGB", "GIF"), "it begins like GIF"),
    "avif_sequence": (moving("AVIF"), "animated or multi-page"),
    "avif_alpha": (
        saved(np.dstack([slopes(), np.full((40, 57), 99, np.uint8)]), "AVIF"),
        "alpha channel: flatten it",
    ),
    "webp": (moving("WEBP"), "animated or multi-page"),
    "apng": (moving("PNG"), "animated or multi-page"),
    "pages": (moving("TIFF"), "animated or multi-page"),
    "high_color_bmp": (high_color(), "fewer than 8 bits a channel"),
    "short_jpeg": (saved(slopes(), "JPEG")[:-200], "damaged: Premature end"),
    "short_png": (saved(slopes(), "PNG")[:-40], "damaged: .*truncated"),
    "short_webp": (saved(slopes(), "WEBP")[:-40], "damaged: "),
    "empty": (b"", "not a readable image"),
    "text": (b"Good day, I am a text.\n" * 9, "not a readable image"),
    "html": (b"<!doctype html><title>404</title>", "not a readable image"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_plain_still_image_is_refused_with_the_reason(name: str) -> None:
    data, words = BAD[name]
    with pytest.raises(ImageError, match=words):
        probe(data)


def test_an_image_too_large_is_refused_before_it_is_unpacked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Pillow, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(ImageError, match="too large"):
        probe(saved(slopes(), "PNG"))


def test_what_is_no_image_is_refused_again() -> None:
    header = encode_jpeg(slopes(), 90)
    for shrink in (1, 2):
        with pytest.raises(ImageError, match="damaged: "):
            read_again(header[: header.index(b"\xff\xda")], 1, shrink)
        with pytest.raises(ImageError, match="damaged: a JPEG without a size"):
            read_again(b"\xff\xd8\xff not a JPEG", 1, shrink)
        with pytest.raises(ImageError, match="not a readable image"):
            read_again(b"P6 2 2 255 " + bytes(12), 1, shrink)  # a format of OpenCV


def test_what_only_pillow_reads_is_decoded_as_it_was_probed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = turned(6, "PNG", slopes())
    want = read_again(data, 6), read_again(data, 6, 2)

    def fails(*arguments: object) -> None:
        raise cv2.error("no such codec")

    for broken in (lambda *_: None, fails):
        monkeypatch.setattr(cv2, "imdecode", broken)
        np.testing.assert_array_equal(probe(data).image, want[0])
        np.testing.assert_array_equal(read_again(data, 6), want[0])
        np.testing.assert_array_equal(read_again(data, 6, 2), want[1])


def blob(height: int, width: int, x: float, y: float) -> Image:
    """Return an image with a soft bright dot at ``x``, ``y``."""
    rows, columns = np.mgrid[:height, :width]
    bright = 240 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 12.0**2))
    return np.repeat(bright.astype(np.uint8)[..., None], 3, axis=2)


def center(image: Image) -> NDArray[np.float64]:
    weight = image[..., 1].astype(float)
    weight[weight < 20] = 0
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
    total = float(weight.sum())
    return np.array([float((columns * weight).sum()), float((rows * weight).sum())]) / total


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("shrink", [1, 2, 4, 8])
@pytest.mark.parametrize(("height", "width"), [(160, 240), (157, 243), (161, 239)])
def test_what_lies_at_a_pixel_lies_there_in_the_small_image(
    format_: str, shrink: int, height: int, width: int
) -> None:
    x, y = 141.0, 62.0
    small = read_again(saved(blob(height, width, x, y), format_), 1, shrink)
    assert small.shape == (-(-height // shrink), -(-width // shrink), 3)
    back = center(small) * shrink + (shrink - 1) / 2
    np.testing.assert_allclose(back, [x, y], atol=0.35)


@pytest.mark.parametrize("shrink", [2, 4, 8])
@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize(("height", "width"), [(160, 240), (157, 243)])
def test_a_turned_image_is_not_moved_by_its_cut_off_blocks(
    orientation: int, shrink: int, height: int, width: int
) -> None:
    image = blob(height, width, 141, 62)
    small = read_again(turned(orientation, "JPEG", image), orientation, shrink)
    back = center(small) * shrink + (shrink - 1) / 2
    np.testing.assert_allclose(back, center(upright(image, orientation)), atol=0.35)
