from __future__ import annotations

import io
import struct
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from datagen.core.arrays import Image
from datagen.core.images import decode, encode_png
from datagen.core.reading import probe
from datagen.core.rng import rng
from datagen.generation.encoding import Encoding, draw_encoding, encode
from tests.support.faces_made import made_face

SAMPLINGS = {"4:2:0": (2, 2), "4:2:2": (2, 1), "4:4:4": (1, 1)}
ALL = [
    *(Encoding("jpeg", quality, sampling) for quality in (60, 95) for sampling in SAMPLINGS),
    Encoding("png"),
    Encoding("webp"),
    Encoding("webp", 80),
]


@pytest.fixture(scope="module")
def image() -> Image:
    return made_face(1, 120).image[:, :117].copy()


def segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield marker and content of a JPEG's segments up to its first scan."""
    assert data[:2] == b"\xff\xd8"
    place = 2
    while data[place + 1] != 0xDA:
        assert data[place] == 0xFF
        (length,) = struct.unpack(">H", data[place + 2 : place + 4])
        yield data[place + 1], data[place + 4 : place + 2 + length]
        place += 2 + length


@pytest.mark.parametrize("encoding", ALL, ids=str)
def test_the_same_image_gives_the_same_bytes_and_is_left_alone(
    image: Image, encoding: Encoding
) -> None:
    before = image.copy()
    assert encode(image, encoding) == encode(image.copy(), encoding)
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("encoding", ALL, ids=str)
def test_the_bytes_are_the_image_in_its_format(image: Image, encoding: Encoding) -> None:
    data = encode(image, encoding)
    with Pillow.open(io.BytesIO(data)) as picture:
        assert picture.format == encoding.format.upper()
        assert picture.mode == "RGB"
        assert Pillow.MIME[picture.format] == encoding.media_type
        assert f".{encoding.suffix}" in Pillow.registered_extensions()
    found = probe(data).image
    np.testing.assert_array_equal(decode(data), found)
    error = np.abs(found.astype(int) - image).mean()
    assert error < (6 if encoding.quality else 1e-9)


@pytest.mark.parametrize("encoding", [Encoding("png"), Encoding("webp")], ids=str)
def test_lossless_is_exact_for_noise_too(encoding: Encoding) -> None:
    noise = np.random.default_rng(2).integers(0, 256, (33, 47, 3)).astype(np.uint8)
    np.testing.assert_array_equal(probe(encode(noise, encoding)).image, noise)


@pytest.mark.parametrize(("sampling", "factors"), SAMPLINGS.items())
def test_the_subsampling_is_real(image: Image, sampling: str, factors: tuple[int, int]) -> None:
    (frame,) = [
        content
        for marker, content in segments(encode(image, Encoding("jpeg", 90, sampling)))
        if marker in (0xC0, 0xC1, 0xC2)
    ]
    assert struct.unpack(">HH", frame[1:5]) == (120, 117)
    assert frame[5] == 3
    found = [(frame[7 + 3 * n] >> 4, frame[7 + 3 * n] & 15) for n in range(3)]
    assert found == [factors, (1, 1), (1, 1)]


def test_the_quality_is_real(image: Image) -> None:
    sizes = [len(encode(image, Encoding("jpeg", quality, "4:2:0"))) for quality in (30, 60, 90, 99)]
    assert sizes == sorted(set(sizes))
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    sampled = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420]
    want = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 77, *sampled])[1].tobytes()
    assert encode(image, Encoding("jpeg", 77, "4:2:0")) == want
    webp = [len(encode(image, Encoding("webp", quality))) for quality in (30, 60, 90)]
    assert webp == sorted(set(webp))


@pytest.mark.parametrize("encoding", ALL, ids=str)
def test_there_is_no_metadata(image: Image, encoding: Encoding) -> None:
    data = encode(image, encoding)
    for word in (b"Exif", b"EXIF", b"ICCP", b"iCCP", b"tEXt", b"tIME", b"XMP", b"http"):
        assert word not in data
    if encoding.format == "jpeg":
        markers = {marker for marker, _ in segments(data)}
        assert markers & {0xE0, *range(0xE1, 0xF0), 0xFE} == {0xE0}  # JFIF, no comment
    with Pillow.open(io.BytesIO(data)) as picture:
        assert dict(picture.getexif()) == {}


def test_a_mask_is_an_exact_gray_png() -> None:
    mask = np.random.default_rng(4).integers(0, 256, (31, 45)).astype(np.uint8)
    data = encode_png(mask)
    with Pillow.open(io.BytesIO(data)) as picture:
        assert (picture.format, picture.mode) == ("PNG", "L")
        np.testing.assert_array_equal(np.asarray(picture), mask)
    assert encode_png(mask) == data


def drawn(
    format_: str, quality: tuple[int, int] | None, sampling: list[str] | None
) -> set[Encoding]:
    return {draw_encoding(rng("encode", n), format_, quality, sampling) for n in range(400)}


def test_draws_reach_both_ends_and_every_choice() -> None:
    found = drawn("jpeg", (75, 79), ["4:2:0", "4:4:4"])
    assert found == {
        Encoding("jpeg", quality, sampling)
        for quality in range(75, 80)
        for sampling in ("4:2:0", "4:4:4")
    }
    assert drawn("webp", (60, 62), None) == {Encoding("webp", q) for q in (60, 61, 62)}


def test_what_is_left_out_has_its_default() -> None:
    assert drawn("jpeg", None, None) == {Encoding("jpeg", 95, "4:2:0")}
    assert drawn("png", None, None) == {Encoding("png")}
    assert drawn("webp", None, None) == {Encoding("webp")}
    assert drawn("jpeg", (90, 90), ["4:2:2"]) == {Encoding("jpeg", 90, "4:2:2")}


def test_the_record_names_everything() -> None:
    assert Encoding("jpeg", 90, "4:2:2").record() == {
        "format": "jpeg",
        "quality": 90,
        "subsampling": "4:2:2",
        "library": f"opencv {cv2.__version__}",
    }
    assert Encoding("webp").record()["quality"] is None
