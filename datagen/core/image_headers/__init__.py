"""What an image file is, and how large, by its first bytes: before any decoder sees it."""

from datagen.core.image_headers.base import Header
from datagen.core.image_headers.formats import (
    FORMATS,
    MAX_IMAGE_FILE,
    MAX_PIXELS,
    check_metadata,
    orientation_in,
    orientation_of,
    read_header,
)

__all__ = [
    "FORMATS",
    "MAX_IMAGE_FILE",
    "MAX_PIXELS",
    "Header",
    "check_metadata",
    "orientation_in",
    "orientation_of",
    "read_header",
]
