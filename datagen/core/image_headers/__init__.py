"""What an image file is, and how large, by its first bytes: before any decoder sees it."""

from datagen.core.image_headers.base import Header, unpacked_size
from datagen.core.image_headers.formats import (
    FORMATS,
    MAX_IMAGE_FILE,
    MAX_PIXELS,
    check_metadata,
    check_whole,
    exif_of,
    other_color_space,
    read_header,
)
from datagen.core.image_headers.tiff import orientation, parts_of, tile_of

__all__ = [
    "FORMATS",
    "MAX_IMAGE_FILE",
    "MAX_PIXELS",
    "Header",
    "check_metadata",
    "check_whole",
    "exif_of",
    "orientation",
    "other_color_space",
    "parts_of",
    "read_header",
    "tile_of",
    "unpacked_size",
]
