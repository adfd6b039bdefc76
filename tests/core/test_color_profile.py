from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageCms

from datagen.core.arrays import Image
from datagen.core.color_profile import to_srgb
from datagen.core.reading import probe, read_again
from datagen.errors import ImageError
from tests.core.image_headers.made import saved
from tests.core.profiles_made import (
    ADOBE_RGB,
    DISPLAY_P3,
    SRGB,
    gray_profile,
    rgb_profile,
    to_d50,
)

WITH_PROFILES = ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"]  # a BMP with one is refused

OTHERS = {
    "adobe": (ADOBE_RGB, 563 / 256),
    "p3": (DISPLAY_P3, None),
    "old_mac": (SRGB, 1.8),
    "linear": (SRGB, 1.0),
}


def patches() -> Image:
    """Return soft colors of skin, lips and eyes, which every gamut holds, in large squares."""
    colors = [(200, 150, 130), (150, 80, 80), (90, 120, 150), (128, 128, 128), (60, 50, 45)]
    return np.repeat(np.repeat(np.array([colors], np.uint8), 32, axis=0), 32, axis=1)


def encoded(image: Image, format_: str, profile: bytes | None) -> bytes:
    options: dict[str, dict[str, Any]] = {
        "JPEG": {"quality": 98, "subsampling": 0},
        "WEBP": {"lossless": True},
        "AVIF": {"quality": 100, "subsampling": "4:4:4"},
    }
    own = options.get(format_, {})
    return saved(format_, Pillow.fromarray(image), icc_profile=profile, **own)


def by_definition(image: Image, name: str) -> NDArray[np.float64]:
    """Return sRGB by the published formulas."""
    primaries, gamma = OTHERS[name]
    x = image / 255
    linear = x**gamma if gamma else np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ (np.linalg.inv(to_d50(SRGB)) @ to_d50(primaries)).T, 0, 1)
    curved = np.where(seen <= 0.0031308, seen * 12.92, 1.055 * seen ** (1 / 2.4) - 0.055)
    found: NDArray[np.float64] = curved * 255
    return found


@pytest.mark.parametrize("format_", WITH_PROFILES)
@pytest.mark.parametrize("name", OTHERS)
def test_colors_are_converted_by_the_embedded_profile(format_: str, name: str) -> None:
    image = patches()
    data = encoded(image, format_, rgb_profile(*OTHERS[name]))
    want = by_definition(image, name)
    assert np.abs(want - image).max() > 8
    found = probe(data).image
    np.testing.assert_allclose(found[8::32, 8::32], want[8::32, 8::32], atol=4)
    np.testing.assert_array_equal(read_again(data, 1), found)
    small = read_again(data, 1, 8)
    np.testing.assert_allclose(small[2, 2::4], want[8, 16::32], atol=5)


@pytest.mark.parametrize("format_", WITH_PROFILES)
def test_a_profile_that_equals_srgb_leaves_every_bit(format_: str) -> None:
    image = np.random.default_rng(5).integers(0, 256, (40, 56, 3)).astype(np.uint8)
    plain = probe(encoded(image, format_, None)).image
    own = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile in (own, rgb_profile(SRGB, None)):
        found = probe(encoded(image, format_, profile)).image
        np.testing.assert_array_equal(found, plain)
    assert to_srgb(image, own, gray=False) is image


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "TIFF"])
@pytest.mark.parametrize("profile", [gray_profile(1.8), rgb_profile(SRGB, 1.8)])
def test_a_gray_image_is_converted_and_stays_gray(format_: str, profile: bytes) -> None:
    gray = np.repeat(np.arange(0, 256, 5, dtype=np.uint8)[None], 52, axis=0)
    data = saved(format_, Pillow.fromarray(gray), icc_profile=profile)
    found = probe(data).image
    assert (found == found[..., :1]).all()
    linear = (gray / 255) ** 1.8
    want = 255 * np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    np.testing.assert_allclose(found[..., 0], want, atol=5)
    np.testing.assert_array_equal(read_again(data, 1), found)


def test_a_gray_image_with_a_profile_like_srgb_is_left() -> None:
    gray = np.arange(256, dtype=np.uint8).reshape(16, 16)
    data = saved("PNG", Pillow.fromarray(gray), icc_profile=rgb_profile(SRGB, None))
    np.testing.assert_array_equal(probe(data).image[..., 0], gray)


@pytest.mark.parametrize("format_", WITH_PROFILES)
def test_a_profile_that_does_not_fit_is_refused_by_name(format_: str) -> None:
    image = patches()
    with pytest.raises(ImageError, match="its color profile is for GRAY, but it is RGB"):
        probe(encoded(image, format_, gray_profile(2.2)))
    cmyk = rgb_profile(SRGB, None).replace(b"RGB XYZ ", b"CMYKXYZ ")
    with pytest.raises(ImageError, match="its color profile"):
        probe(encoded(image, format_, cmyk))
    with pytest.raises(ImageError, match="its color profile cannot be used"):
        probe(encoded(image, format_, b"no profile at all" * 20))


def test_a_part_of_a_profile_is_refused() -> None:
    data = encoded(patches(), "JPEG", rgb_profile(ADOBE_RGB, 2.2))
    at = data.index(b"ICC_PROFILE\0") + 12
    assert data[at : at + 2] == b"\1\1"
    with pytest.raises(ImageError, match="a profile of which a part is missing"):
        probe(data[: at + 1] + b"\2" + data[at + 2 :])


def chunk(name: bytes, content: bytes) -> bytes:
    sum_ = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", sum_)


def png_with(*chunks: bytes) -> bytes:
    data = encoded(patches(), "PNG", None)
    return data[:33] + b"".join(chunks) + data[33:]


def gamma(value: int) -> bytes:
    return chunk(b"gAMA", struct.pack(">I", value))


SRGB_POINTS = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
P3_POINTS = (31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)


@pytest.mark.parametrize(
    ("chunks", "words"),
    [
        ([gamma(100_000)], r"not sRGB \(gAMA 1\)"),
        ([gamma(55_556)], r"gAMA 0\.55556"),
        ([gamma(45_455), chunk(b"cHRM", struct.pack(">8I", *P3_POINTS))], "cHRM with other"),
        ([chunk(b"cICP", bytes((12, 13, 0, 1)))], r"cICP \(12, 13, 0\)"),
        ([chunk(b"cICP", bytes((9, 16, 0, 1))), chunk(b"sRGB", b"\0")], r"cICP \(9, 16, 0\)"),
    ],
)
def test_what_a_png_states_without_a_profile_is_refused(chunks: list[bytes], words: str) -> None:
    with pytest.raises(ImageError, match=words):
        probe(png_with(*chunks))


@pytest.mark.parametrize(
    "chunks",
    [
        [gamma(45_455), chunk(b"cHRM", struct.pack(">8I", *SRGB_POINTS))],
        [chunk(b"sRGB", b"\0"), gamma(100_000)],
        [chunk(b"cICP", bytes((1, 13, 0, 1))), gamma(100_000)],
    ],
)
def test_a_png_that_states_srgb_is_left(chunks: list[bytes]) -> None:
    np.testing.assert_array_equal(probe(png_with(*chunks)).image, patches())


def test_a_profile_in_a_text_chunk_is_refused() -> None:
    hexed = rgb_profile(ADOBE_RGB, 2.2).hex()
    text = b"Raw profile type icc\0\0" + zlib.compress(b"\nicc\n  9\n" + hexed.encode())
    with pytest.raises(ImageError, match="color profile in a text chunk"):
        probe(png_with(chunk(b"zTXt", text)))


def avif_with(primaries: int, transfer: int) -> bytes:
    data = saved("AVIF", Pillow.fromarray(patches()))
    at = data.index(b"nclx") + 4
    return data[:at] + struct.pack(">HH", primaries, transfer) + data[at + 4 :]


def test_an_avif_of_another_color_space_is_refused() -> None:
    for stated in ((12, 13), (9, 16), (9, 18), (1, 8)):
        with pytest.raises(ImageError, match=f"nclx primaries {stated[0]}, transfer {stated[1]}"):
            probe(avif_with(*stated))
    for stated in ((1, 13), (2, 2), (1, 1)):
        assert probe(avif_with(*stated)).image.shape == (32, 160, 3)


def test_a_bmp_with_a_profile_is_refused() -> None:
    plain = saved("BMP", Pillow.fromarray(patches()))
    for kind, words in ((b"DEBM", "embedded"), (b"KNIL", "linked"), (b"BGRs", "")):
        fields = (
            struct.pack("<I", 124) + plain[18:54] + struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0)
        )
        head = (fields + kind).ljust(124, b"\0")
        data = plain[:10] + struct.pack("<I", 14 + 124) + head + plain[54:]
        if words:
            with pytest.raises(ImageError, match=words):
                probe(data)
        else:
            np.testing.assert_array_equal(probe(data).image, patches())


def adobe_exif() -> bytes:
    exif = Pillow.Exif()
    exif.get_ifd(0x8769)[0xA001] = 65535
    exif.get_ifd(0x8769)[0xA005] = {1: "R03"}
    return exif.tobytes()


@pytest.mark.parametrize("format_", ["JPEG", "WEBP"])
def test_a_camera_in_adobe_rgb_that_embeds_no_profile_is_refused(format_: str) -> None:
    data = saved(format_, Pillow.fromarray(patches()), exif=adobe_exif())
    with pytest.raises(ImageError, match=r"not sRGB \(Adobe RGB in EXIF\)"):
        probe(data)
    profile = rgb_profile(*OTHERS["adobe"])
    data = saved(format_, Pillow.fromarray(patches()), exif=adobe_exif(), icc_profile=profile)
    assert probe(data).image.shape == (32, 160, 3)


def multi_picture(make: Callable[[Pillow.Image], Pillow.Image]) -> bytes:
    """Return a JPEG with a second image behind it, as cameras store a gain map."""
    first = Pillow.fromarray(patches())
    buffer = io.BytesIO()
    first.save(buffer, "MPO", save_all=True, append_images=[make(first)], quality=95)
    return buffer.getvalue()


def test_of_a_gain_map_jpeg_the_base_image_is_read() -> None:
    data = multi_picture(lambda image: image.convert("L").resize((40, 8)))
    assert Pillow.open(io.BytesIO(data)).format == "MPO"
    found = probe(data).image
    np.testing.assert_allclose(found[8::32, 8::32].astype(int), patches()[8::32, 8::32], atol=6)
    np.testing.assert_array_equal(read_again(data, 1), found)
