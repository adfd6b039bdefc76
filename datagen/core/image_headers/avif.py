"""AVIF: the size of everything that the decoder unpacks, its EXIF block and its color space."""

from __future__ import annotations

from datagen.core.image_headers.av1 import frame_sizes
from datagen.core.image_headers.base import Header, damaged
from datagen.core.image_headers.boxes import Items, read_items

__all__ = ["color_space", "exif", "header", "starts"]

_BRAND = b"avif"
_CONTAINERS = (b"mif1", b"msf1")
_SEQUENCE = b"avis"
_UNSTATED = 2
_SRGB_PRIMARIES = (1, _UNSTATED)
_SRGB_TRANSFERS = (1, _UNSTATED, 6, 13)  # viewers show the curves of BT.709 and BT.601 as sRGB


def starts(data: bytes) -> bool:
    """Say whether a file calls itself an AVIF."""
    major = data[8:12]
    if data[4:8] != b"ftyp":
        return False
    stated = data[16 : min(int.from_bytes(data[:4]), 256)]
    brands = {stated[at : at + 4] for at in range(0, len(stated), 4)}
    return major in (_BRAND, _SEQUENCE) or (major in _CONTAINERS and _BRAND in brands)


def header(data: bytes) -> Header:
    """Return the largest size that a box, a grid or a stream in the file states.

    Half of the pixels of all frames are its ``hidden`` ones: an image and its alpha channel, or
    two layers of a progressive image, are no more than it shows.
    """
    items = read_items(data)
    if not items.sizes:
        raise damaged("an AVIF without a size (truncated?)")
    sizes = items.sizes + _grids(items, data)
    unpacked = 0
    for stream in items.of_kind(b"av01", data):
        found, frames = frame_sizes(stream)
        sizes += found
        unpacked += frames * max((width * height for width, height in found), default=0)
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    still = not items.moving and data[8:12] != _SEQUENCE
    return Header("AVIF", width, height, still, unpacked // 2)


def _grids(items: Items, data: bytes) -> list[tuple[int, int]]:
    """Return the sizes of images that are put together from tiles."""
    sizes = []
    for grid in items.of_kind(b"grid", data):
        width = 4 if grid[1:2] and grid[1] & 1 else 2
        if len(grid) < 4 + 2 * width:
            raise damaged("an AVIF with a grid that is cut short")
        ends = (4, 4 + width), (4 + width, 4 + 2 * width)
        sizes.append((int.from_bytes(grid[slice(*ends[0])]), int.from_bytes(grid[slice(*ends[1])])))
    return sizes


def exif(data: bytes) -> bytes:
    """Return the largest EXIF block; empty without one."""
    blocks = []
    for item in read_items(data).of_kind(b"Exif", data):
        starts_at = [at for at in (item.find(b"II*\x00"), item.find(b"MM\x00*")) if at >= 0]
        blocks.append(item[min(starts_at) :] if starts_at else b"")
    return max(blocks, key=len, default=b"")


def color_space(data: bytes) -> str:
    """Return the color space that an AVIF states without a profile, in words; empty for sRGB."""
    for primaries, transfer in read_items(data).colors:
        if primaries not in _SRGB_PRIMARIES or transfer not in _SRGB_TRANSFERS:
            return f"nclx primaries {primaries}, transfer {transfer}"
    return ""
