"""The media types of released images and clips: a closed list, with the suffix of each."""

from __future__ import annotations

__all__ = ["SUFFIXES", "VIDEO_TYPES", "suffix_of"]

VIDEO_TYPES = ("video/mp4", "video/x-matroska")
"""The media types of clips that are one file."""

SUFFIXES = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "video/mp4": "mp4",
    "video/x-matroska": "mkv",
}
"""File suffix, without a dot, by media type. Nothing else is shown in a page or named a file."""


def suffix_of(media_type: str) -> str:
    """Return the file suffix of a media type.

    Raises:
        ValueError: It is not on the list.
    """
    try:
        return SUFFIXES[media_type]
    except KeyError:
        shown = repr(media_type if len(media_type) <= 80 else f"{media_type[:80]}...")
        raise ValueError(f"media type {shown}: allowed are {', '.join(SUFFIXES)}") from None
