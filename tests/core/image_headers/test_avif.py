from __future__ import annotations

import struct

import pytest

from datagen.core.image_headers import read_header
from datagen.core.image_headers.av1 import frame_sizes
from datagen.core.reading import probe
from datagen.errors import ImageError
from tests.core.image_headers.made import box, grid_avif, saved, slopes, with_stated_size


def stream_of(data: bytes) -> bytes:
    return data[data.index(b"mdat") + 4 :]


@pytest.mark.parametrize(
    "options", [{}, {"subsampling": "4:4:4"}, {"speed": 0, "range": "limited"}]
)
def test_the_stream_states_the_size_too(options: dict[str, object]) -> None:
    stream = stream_of(saved("AVIF", slopes(300, 41), **options))
    assert frame_sizes(stream) == ([(300, 41)], 1)


def test_a_stream_larger_than_the_boxes_say_is_refused() -> None:
    """The decoder would unpack all of it and scale it down."""
    data = with_stated_size(saved("AVIF", slopes(300, 400)), 16, 16)
    header = read_header(data)
    assert (header.width, header.height) == (300, 400)
    with pytest.raises(ImageError, match="too large: 300x400"):
        read_header(data, 100_000)


def test_a_size_larger_than_the_stream_is_refused() -> None:
    with pytest.raises(ImageError, match="too large: 16384x16384"):
        probe(with_stated_size(saved("AVIF"), 16_384, 16_384))


def test_a_grid_counts_by_its_output_and_by_its_tiles() -> None:
    with pytest.raises(ImageError, match="too large: 25600x16384"):
        probe(grid_avif(100, 64, side=256))
    with pytest.raises(ImageError, match="too large: 20000x20000"):
        probe(grid_avif(2, 2, output=(20_000, 20_000)))
    crowd = grid_avif(100, 64, side=256, output=(256, 256))
    assert len(crowd) < 300_000
    with pytest.raises(ImageError, match=r"too large: 256x256 pixels; the limit .* in all"):
        probe(crowd)


def test_an_animation_is_refused_whatever_its_brand() -> None:
    data = saved("AVIF", save_all=True, append_images=[slopes()])
    assert not read_header(data).still
    assert not read_header(data.replace(b"avis", b"avif", 1)).still
    with pytest.raises(ImageError, match="animated or multi-page"):
        probe(data.replace(b"avis", b"mif1", 1))


def test_heif_of_another_codec_is_not_read() -> None:
    data = saved("AVIF")
    brands = box(b"ftyp", b"mif1", bytes(4), b"heicmif1")
    with pytest.raises(ImageError, match="not a readable image"):
        probe(brands + data[data.index(b"meta") - 4 :])


def test_many_frames_in_one_stream_are_refused() -> None:
    data = saved("AVIF", slopes(64, 64))
    with pytest.raises(ImageError, match="frames, more than 4"):
        frame_sizes(stream_of(data) * 5)
    assert frame_sizes(stream_of(data) * 2) == ([(64, 64)] * 2, 2)


def test_a_sequence_with_all_its_options_is_read() -> None:
    """Timing, a decoder model and two operating points, before sides of 16 bits."""
    bits = "000001"  # profile, not still, not reduced, timing
    bits += f"{1:032b}{2:032b}100101"  # ticks, equal intervals of a variable length
    bits += f"1{9:05b}{1:032b}{4:05b}{4:05b}1"  # model, with an initial delay
    bits += f"{1:05b}"  # one more operating point than this
    for level in (5, 9):
        bits += f"{0:012b}{level:05b}" + ("1" if level > 7 else "")
        bits += f"1{1:010b}{2:010b}01{3:04b}"
    bits += f"{15:04b}{15:04b}{47_999:016b}{31_999:016b}"
    bits += "0" * (-len(bits) % 8)
    content = int(bits, 2).to_bytes(len(bits) // 8)
    assert frame_sizes(bytes((0x0A, len(content))) + content) == ([(48_000, 32_000)], 0)


@pytest.mark.parametrize(
    ("stream", "words"),
    [
        (b"\x0a\x02\x00", "cut short"),
        (b"\x0a\x01\x00", "header is cut short"),
        (b"\x0a" + b"\xff" * 9, "an endless number"),
        (b"\x7a\x00" * 10_001, "more than 10,000 units"),
    ],
)
def test_a_damaged_stream_is_refused(stream: bytes, words: str) -> None:
    with pytest.raises(ImageError, match=words):
        frame_sizes(stream)


START = box(b"ftyp", b"avif", bytes(4), b"avifmif1")
ISPE = box(b"iprp", box(b"ipco", box(b"ispe", bytes(4), struct.pack(">II", 8, 8))))


def item(kind: bytes, *spans: tuple[int, int]) -> bytes:
    """Return a file with one item that lies at some spans."""
    infe = box(b"infe", b"\x02\0\0\0", struct.pack(">HH", 1, 0), kind, b"\0")
    where = struct.pack(">HHH", 1, 0, len(spans)) + b"".join(struct.pack(">II", *s) for s in spans)
    iloc = box(b"iloc", bytes(4), b"\x44\x00", struct.pack(">H", 1), where)
    iinf = box(b"iinf", bytes(4), struct.pack(">H", 1), infe)
    return START + box(b"meta", bytes(4), iloc, iinf, ISPE)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (START, "an AVIF without a size"),
        (START + box(b"meta"), "without a size"),
        (START + box(b"free") * 10_001, "more than 10,000 boxes"),
        (START + b"\x00\x00\x00\x07free", "cut short"),
        (START + b"\x00\x00\x00\x01free" + b"\xff" * 8, "cut short"),
        (START + b"\x00\x00", "cut short"),
        (item(b"av01", *[(0, 200)] * 5), "parts are larger than the file"),
        (item(b"av01", *[(0, 0)] * 10_001), "more than 10,000 parts"),
        (item(b"grid", (0, 3)), "a grid that is cut short"),
    ],
)
def test_damaged_boxes_are_refused(data: bytes, words: str) -> None:
    with pytest.raises(ImageError, match=words):
        probe(data)
