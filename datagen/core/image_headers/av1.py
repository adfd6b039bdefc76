"""AV1: the frame size that a stream of an AVIF states, whatever the boxes around it say."""

from __future__ import annotations

from collections.abc import Iterator

from datagen.core.image_headers.base import damaged

__all__ = ["frame_sizes"]

_SEQUENCE, _FRAME_HEADER, _FRAME = 1, 3, 6
_MAX_UNITS = 10_000
_MAX_FRAMES = 4  # layers of a progressive image; the decoder keeps each


class _Bits:
    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data), 8 * len(data)

    def __call__(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise damaged("an AV1 stream whose header is cut short")
        return self._value >> self._left & ((1 << count) - 1)


def frame_sizes(stream: bytes) -> tuple[list[tuple[int, int]], int]:
    """Return width and height of every sequence in a stream, and its number of frames.

    No frame is larger than its sequence states.

    Raises:
        ImageError: The stream is damaged, or holds more frames than an image has layers.
    """
    sizes, frames = [], 0
    for kind, content in _units(stream):
        if kind == _SEQUENCE:
            sizes.append(_sequence(content[:256]))
        frames += kind in (_FRAME_HEADER, _FRAME)
    if frames > _MAX_FRAMES:
        raise damaged(f"an AVIF whose image has {frames} frames, more than {_MAX_FRAMES}")
    return sizes, frames


def _units(stream: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield kind and content of the open bitstream units."""
    at = 0
    for _ in range(_MAX_UNITS):
        if at >= len(stream):
            return
        head = stream[at]
        at += 2 if head & 4 else 1  # with an extension
        size = len(stream) - at
        if head & 2:
            size, at = _leb128(stream, at)
        if size < 0 or at + size > len(stream):
            raise damaged("an AV1 stream that is cut short")
        yield head >> 3 & 15, stream[at : at + size]
        at += size
    raise damaged(f"an AV1 stream of more than {_MAX_UNITS:,} units")


def _leb128(stream: bytes, at: int) -> tuple[int, int]:
    value = 0
    for number in range(8):
        if at >= len(stream):
            break
        byte = stream[at]
        at += 1
        value |= (byte & 0x7F) << 7 * number
        if not byte & 0x80:
            return value, at
    raise damaged("an AV1 stream with an endless number")


def _sequence(header: bytes) -> tuple[int, int]:
    """Read a sequence header, section 5.5 of the AV1 specification, up to the frame size."""
    bits = _Bits(header)
    bits(4)  # profile, still
    if bits(1):  # reduced header of a still image
        bits(5)
    else:
        _timing(bits)
    width_bits, height_bits = bits(4) + 1, bits(4) + 1
    return bits(width_bits) + 1, bits(height_bits) + 1


def _timing(bits: _Bits) -> None:
    delay_bits = 0
    decoder_model = 0
    if bits(1):  # timing info
        bits(64)
        if bits(1):  # equal intervals
            _skip_uvlc(bits)
        decoder_model = bits(1)
        if decoder_model:
            delay_bits = bits(5) + 1
            bits(42)
    initial_delay = bits(1)
    for _ in range(bits(5) + 1):  # operating points
        bits(12)
        if bits(5) > 7:
            bits(1)
        if decoder_model and bits(1):
            bits(2 * delay_bits + 1)
        if initial_delay and bits(1):
            bits(4)


def _skip_uvlc(bits: _Bits) -> None:
    zeros = 0
    while not bits(1):
        zeros += 1
    if zeros < 32:
        bits(zeros)
