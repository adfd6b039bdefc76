from __future__ import annotations

import pytest
from PIL import Image as Pillow

from datagen.core.image_headers import check_metadata, exif_of, orientation, read_header
from datagen.core.image_headers.jpeg import exif, scans
from datagen.core.reading import probe
from datagen.errors import ImageError
from tests.core.image_headers.made import saved


def segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(content) + 2).to_bytes(2) + content


def with_segments(*parts: bytes) -> bytes:
    data = saved("JPEG")
    return data[:2] + b"".join(parts) + data[2:]


def turned(number: int) -> bytes:
    block = Pillow.Exif()
    block[0x0112] = number
    return block.tobytes()


def test_exif_is_read_before_the_first_scan() -> None:
    assert exif_of(saved("JPEG")) == b""
    blocks = [exif_of(saved("JPEG", exif=turned(n))) for n in range(1, 9)]
    assert [orientation(block) for block in blocks] == [*range(1, 9)]
    assert exif_of(saved("JPEG") + segment(0xE1, turned(6))) == b""
    parts = segment(0xE1, b"Exif\0\0ab"), segment(0xE1, b"Exif\0\0c"), segment(0xE1, b"other")
    assert exif(with_segments(*parts)) == b"abc"


def test_the_second_frame_header_does_not_count() -> None:
    """The first one is what decoders use; they refuse a second one."""
    data = saved("JPEG")
    huge = bytes((8, 0xFF, 0xDC, 0xFF, 0xDC, 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0))
    with pytest.raises(ImageError, match="too large: 65500x65500"):
        read_header(data[:2] + segment(0xC0, huge) + data[2:])


@pytest.mark.parametrize("marker", [*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC)])
def test_every_kind_of_frame_header_states_the_size(marker: int) -> None:
    with pytest.raises(ImageError, match="too large: 65500x65500"):
        read_header(b"\xff\xd8" + segment(marker, bytes((8, 0xFF, 0xDC, 0xFF, 0xDC, 1))))


def test_tables_are_no_frame_headers() -> None:
    for marker in (0xC4, 0xC8, 0xCC):
        with pytest.raises(ImageError, match="a JPEG without a size"):
            read_header(b"\xff\xd8" + segment(marker, bytes((8, 0xFF, 0xDC, 0xFF, 0xDC, 1))))


def test_a_jpeg_of_too_many_scans_is_refused() -> None:
    data = saved("JPEG", progressive=True)
    few = scans(data)
    assert few > 3
    assert scans(saved("JPEG")) == 1
    start = data.rindex(b"\xff\xda")
    last = data[start:-2]
    frame = data.index(b"\xff\xc2") + 5
    large = data[:frame] + (10_000).to_bytes(2) + (10_000).to_bytes(2) + data[frame + 4 :]
    check_metadata(large, read_header(large))
    large += last * 20
    with pytest.raises(ImageError, match=rf"10000x10000 pixels in {few + 20} progressive scans"):
        probe(large)


def test_segments_without_end_are_refused() -> None:
    with pytest.raises(ImageError, match="more than 200,000 segments"):
        read_header(b"\xff\xd8" + segment(0xEE, b"") * 200_001)
