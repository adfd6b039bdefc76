from __future__ import annotations

import io
from collections.abc import Sequence

import pytest
from PIL import Image as Pillow

from datagen.core.image_headers import check_metadata, orientation, read_header
from datagen.core.image_headers.tiff import is_adobe_rgb
from datagen.core.reading import probe, read_again
from datagen.errors import ImageError
from tests.core.image_headers.made import saved, slopes, tiff

SIDES = [(256, 4, 1, 8), (257, 4, 1, 9)]


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", [3, 4])
def test_the_size_is_that_of_the_first_directory(order: str, kind: int) -> None:
    data = tiff([(256, kind, 1, 700), (257, kind, 1, 500)], order=order)
    header = read_header(data)
    assert (header.width, header.height, header.still) == (700, 500, True)


def test_of_two_sizes_the_larger_one_counts() -> None:
    with pytest.raises(ImageError, match="too large: 60000x9 pixels"):
        read_header(tiff([*SIDES, (256, 4, 1, 60_000)]), 1000)


def test_a_second_directory_is_a_second_page() -> None:
    assert not read_header(tiff(SIDES, following=8)).still
    pages = io.BytesIO()
    slopes().save(pages, "TIFF", save_all=True, append_images=[slopes()])
    assert not read_header(pages.getvalue()).still


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (tiff([]), "a TIFF without a size"),
        (tiff(SIDES)[:20], "a directory that ends outside"),
        (b"II*\0\xff\xff\xff\x7f", "a directory outside of the file"),
        (b"MM\0+\0\x08\0\0" + b"\0" * 7 + b"\x10" + b"\xff" * 8, "ends outside of the file"),
        (b"MM\0+\0\x08\0\0" + b"\xff" * 8, "a directory outside of the file"),
        (tiff([(256, 3, 7, 9), (257, 12, 1, 9)]), "a TIFF without a size"),
    ],
)
def test_a_directory_that_is_none_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(ImageError, match=words):
        probe(data)


def test_tiles_larger_than_any_image_are_refused() -> None:
    data = tiff([*SIDES, (322, 4, 1, 32_000), (323, 4, 1, 32_000)])
    with pytest.raises(ImageError, match="tiles of 32000x32000 pixels"):
        probe(data)


def overlapping(kind: int = 7, more: Sequence[tuple[int, int, int, int]] = ()) -> bytes:
    """Return a block of 64 KiB whose values are the same bytes again and again."""
    room = 2**15
    entries = [(40_000 + n, kind, room - 100, 40_000) for n in range(2_600)]
    return tiff([*more, *entries], room=2 * room)


def below(pointer: int) -> bytes:
    """Return a block whose values overlap in a directory below the first one."""
    inner = tiff([(40_000 + n, 7, 2**15, 40_000) for n in range(2_600)], room=2**16)
    entries = [(pointer, 4, 1, 26)]
    return tiff(entries, room=0)[:26] + inner[8:]


@pytest.mark.parametrize("block", [overlapping(), overlapping(1), below(0x8769), below(0x8825)])
@pytest.mark.parametrize("format_", ["PNG", "WEBP"])
def test_values_that_overlap_are_refused_before_they_are_unpacked(
    block: bytes, format_: str
) -> None:
    data = saved(format_, exif=b"Exif\0\0" + block)
    with pytest.raises(ImageError, match=r"values of its EXIF unpack to \d\d,\d\d\d,\d\d\d bytes"):
        probe(data)


def test_a_jpeg_can_spread_them_over_segments() -> None:
    block = overlapping()
    parts = [block[at : at + 60_000] for at in range(0, len(block), 60_000)]
    segments = [b"Exif\0\0" + part for part in parts]
    stored = b"".join(b"\xff\xe1" + (len(one) + 2).to_bytes(2) + one for one in segments)
    data = saved("JPEG")
    with pytest.raises(ImageError, match="values of its EXIF unpack"):
        probe(data[:2] + stored + data[2:])


def test_a_tiff_of_overlapping_values_is_refused() -> None:
    with pytest.raises(ImageError, match="values of its TIFF unpack"):
        probe(overlapping(more=SIDES))


def test_numbers_without_end_are_refused() -> None:
    """Pillow makes an object of each, and of each strip a tuple."""
    with pytest.raises(ImageError, match="its TIFF holds 1,100,000 numbers, more than 1,000,000"):
        probe(tiff([*SIDES, (273, 3, 1_100_000, 60)], room=2_200_100))
    probe(saved("TIFF", slopes(8, 4_000), tiffinfo={278: 1}))  # a strip for each row


def test_values_outside_of_the_file_cost_nothing_and_are_passed_over() -> None:
    entries = [*SIDES, *((40_000 + n, 7, 2**31, 50) for n in range(9))]
    data = tiff(entries)
    check_metadata(data, read_header(data))


def test_an_ordinary_block_is_accepted() -> None:
    block = Pillow.Exif()
    block[0x0112] = 6
    block[0x010F] = "A camera" * 50
    block.get_ifd(0x8769)[0x927C] = bytes(70_000)  # notes of the maker
    data = saved("PNG", exif=block)
    assert probe(data).image.shape == read_again(data, 6).shape == (57, 40, 3)


@pytest.mark.parametrize("number", range(12))
def test_the_orientation_of_a_block(number: int) -> None:
    """One that EXIF does not know counts as none."""
    stated = number if number in range(1, 9) else 0
    assert orientation(tiff([(0x0112, 3, 1, number)])) == stated
    assert orientation(tiff([])) == orientation(b"") == orientation(b"junk") == 0


def adobe(text: bytes, order: str) -> bytes:
    """Return EXIF with an interoperability directory, as a camera writes it."""
    inner = tiff(
        [(1, 2, 4, int.from_bytes(text, "little" if order == "<" else "big"))], order=order
    )
    directory = inner[8:]
    first = tiff([(0x8769, 4, 1, 26)], order=order)
    second = tiff([(0xA005, 4, 1, 44)], order=order)[8:]
    return first + second + directory


@pytest.mark.parametrize("order", "<>")
def test_adobe_rgb_stands_two_directories_down(order: str) -> None:
    assert is_adobe_rgb(adobe(b"R03\0", order))
    assert not is_adobe_rgb(adobe(b"R98\0", order))
    assert not is_adobe_rgb(tiff([(1, 2, 4, 0x333052)]))
    assert not is_adobe_rgb(tiff([(0x8769, 4, 1, 2**31)]))
    assert not is_adobe_rgb(b"junk")
