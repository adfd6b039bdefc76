from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image as Pillow

from datagen.core.arrays import Image
from datagen.core.orientation import turned_upright
from datagen.core.reading import probe, read_again
from tests.core.image_headers.made import saved, slopes


def upright(image: Image, orientation: int) -> Image:
    """Return what EXIF says that the viewer should see, by its table of corners."""
    flipped = image[:, ::-1] if orientation in (2, 4, 5, 7) else image
    turns = {1: 0, 2: 0, 3: 2, 4: 2, 5: 1, 6: 3, 7: 3, 8: 1}[orientation]
    return np.ascontiguousarray(np.rot90(flipped, turns))


def xmp(orientation: int, form: str = '="{}"') -> bytes:
    stated = f"tiff:Orientation{form.format(orientation)}"
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
        f'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" {stated}/></rdf:RDF></x:xmpmeta>'
    ).encode()


def block(orientation: int) -> bytes:
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


def text_chunk(keyword: str, text: bytes, kind: bytes) -> bytes:
    word = keyword.encode("latin-1") + b"\0"
    content = {
        b"tEXt": word + text,
        b"zTXt": word + b"\0" + zlib.compress(text),
        b"iTXt": word + b"\0\0\0\0" + text,
    }[kind]
    return chunk(kind, content)


def exif_chunk(content: bytes) -> bytes:
    return chunk(b"eXIf", content)


def chunk(name: bytes, content: bytes) -> bytes:
    whole = name + content
    return struct.pack(">I", len(content)) + whole + struct.pack(">I", zlib.crc32(whole))


def png_with(chunk: bytes, behind: bool = False) -> bytes:
    data = saved("PNG")
    at = len(data) - 12 if behind else 33
    return data[:at] + chunk + data[at:]


def raw_profile(kind: str, content: bytes) -> bytes:
    """Return the text that ImageMagick writes."""
    digits = content.hex()
    lines = "\n".join(digits[at : at + 72] for at in range(0, len(digits), 72))
    return f"\n{kind}\n{len(content):8}\n{lines}\n".encode()


def places(orientation: int) -> dict[str, bytes]:
    """Return files of which each states the orientation in another place."""
    exif, packet = block(orientation), xmp(orientation)
    bare = exif.removeprefix(b"Exif\0\0")
    xmp_text = text_chunk("XML:com.adobe.xmp", packet, b"iTXt")
    return {
        "jpeg_exif": saved("JPEG", exif=exif, quality=98, subsampling=0),
        "jpeg_xmp": saved("JPEG", xmp=packet, quality=98, subsampling=0),
        "webp_exif": saved("WEBP", exif=exif, lossless=True),
        "webp_xmp": saved("WEBP", xmp=packet, lossless=True),
        "png_exif": saved("PNG", exif=exif),
        "png_exif_behind": png_with(exif_chunk(bare), behind=True),
        "png_exif_with_prefix": png_with(exif_chunk(b"Exif\0\0" + bare)),
        "png_exif_text": png_with(
            text_chunk("Raw profile type exif", raw_profile("exif", b"Exif\0\0" + bare), b"zTXt")
        ),
        "png_exif_text_behind": png_with(
            text_chunk("Raw profile type exif", raw_profile("exif", bare), b"tEXt"), behind=True
        ),
        "png_app1_text": png_with(
            text_chunk("Raw profile type APP1", raw_profile("APP1", b"Exif\0\0" + bare), b"zTXt")
        ),
        "png_xmp": png_with(xmp_text),
        "png_xmp_behind": png_with(xmp_text, behind=True),
        "png_xmp_text": png_with(
            text_chunk("Raw profile type xmp", raw_profile("xmp", packet), b"zTXt")
        ),
        "tiff_tag": saved("TIFF", exif=exif),
        "tiff_xmp": saved("TIFF", tiffinfo={700: packet}),
        "tiff_lzw": saved("TIFF", exif=exif, compression="tiff_lzw"),
        "avif_box": saved("AVIF", exif=exif, quality=100, subsampling="4:4:4"),
    }


@pytest.mark.parametrize("place", places(6))
@pytest.mark.parametrize("orientation", range(1, 9))
def test_wherever_it_stands_both_readers_turn_the_image_upright(
    place: str, orientation: int
) -> None:
    data = places(orientation)[place]
    seen = probe(data)
    assert seen.orientation == orientation
    want = upright(np.asarray(slopes()), orientation)
    assert seen.image.shape == want.shape
    np.testing.assert_allclose(seen.image.astype(int), want, atol=12)
    np.testing.assert_array_equal(read_again(data, seen.orientation), seen.image)
    for shrink in (2, 4, 8):
        small = read_again(data, seen.orientation, shrink)
        assert small.shape[:2] == tuple(-(-side // shrink) for side in want.shape[:2])


@pytest.mark.parametrize("form", ['="{}"', "='{}'", ' = "{}"', ">{}</tiff:Orientation"])
def test_xmp_is_written_in_several_forms(form: str) -> None:
    assert probe(saved("JPEG", xmp=xmp(8, form))).orientation == 8


@pytest.mark.parametrize("format_", ["JPEG", "WEBP", "PNG"])
def test_exif_counts_before_xmp(format_: str) -> None:
    for stated in (3, 1):
        if format_ == "PNG":
            packet = text_chunk("XML:com.adobe.xmp", xmp(6), b"iTXt")
            data = png_with(exif_chunk(block(stated)) + packet)
        else:
            data = saved(format_, exif=block(stated), xmp=xmp(6))
        assert probe(data).orientation == stated


def test_exif_without_an_orientation_leaves_it_to_xmp() -> None:
    exif = Pillow.Exif()
    exif[0x010F] = "A camera"
    assert probe(saved("JPEG", exif=exif, xmp=xmp(6))).orientation == 6
    assert probe(saved("JPEG", exif=block(9), xmp=xmp(6))).orientation == 6


def test_nonsense_states_nothing() -> None:
    for text in (b"", b"\nexif\n  3\nno hex", b"\nexif\n"):
        data = png_with(text_chunk("Raw profile type exif", text, b"tEXt"))
        assert probe(data).orientation == 1
    assert probe(saved("JPEG", xmp=b'tiff:Orientation="0"')).orientation == 1
    assert probe(saved("BMP")).orientation == 1


def test_of_an_avif_only_its_own_properties_count() -> None:
    data = saved("AVIF", exif=block(6), xmp=xmp(3))
    assert probe(data).orientation == 6
    assert probe(data).image.shape == (57, 40, 3)
    at = data.index(b"irot") + 4
    for angle, want in enumerate((1, 8, 3, 6)):
        turned = data[:at] + bytes([angle]) + data[at + 1 :]
        assert probe(turned).orientation == want


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turned_upright(orientation: int) -> None:
    image = np.asarray(slopes())
    np.testing.assert_array_equal(turned_upright(image, orientation), upright(image, orientation))
