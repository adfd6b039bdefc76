"""The encoded and decoded images of a release, found through rows that may be a stranger's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from datagen.core.arrays import Image, Mask
from datagen.core.digests import sha256_bytes
from datagen.core.image_headers import read_header
from datagen.core.images import MAX_RELEASED_PIXELS, read_gray, read_rgb
from datagen.errors import ImageError, ReleaseError
from datagen.release.folder import Folder
from datagen.release.rules import MAX_IMAGE_BYTES

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "bytes_of_row",
    "decoded",
    "decoded_mask",
    "header_problem",
    "original_bytes",
    "original_mask",
]

_FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}
_MASK_TYPE = "image/png"


def bytes_of_row(
    folder: Folder,
    files: Mapping[str, Mapping[str, Any]],
    row: Mapping[Any, Any] | pd.Series[Any],
    what: str = "media",
) -> bytes:
    """Return the bytes that a manifest row refers to.

    Args:
        folder: The release.
        files: The files that its ``release.json`` names.
        row: The row.
        what: ``media`` or ``mask``.

    Raises:
        ReleaseError: The row has no mask, or leads to something else than bytes of a tar that
            ``release.json`` names.
        FileNotFoundError: The tar is missing.
    """
    path = row[f"{what}_path"]
    try:
        offset, size = int(row[f"{what}_offset"]), int(row[f"{what}_size"])
    except (TypeError, ValueError):  # null, or NaN in a pandas table
        raise _refused(row, what, f"the row has no {what}") from None
    known = files.get(path) if isinstance(path, str) and path.startswith("media/") else None
    if known is None:
        shown = repr(path)[:80]
        raise _refused(row, what, f"{what}_path {shown} is no tar that release.json names")
    if offset < 0 or not 0 < size <= MAX_IMAGE_BYTES or offset + size > known["size"]:
        raise _refused(
            row, what, f"{size} bytes at {offset} don't lie within the {known['size']} of {path}"
        )
    return folder.read_range(path, offset, size)


def original_bytes(data: bytes, row: Mapping[Any, Any] | pd.Series[Any]) -> bytes:
    """Return the encoded image of a row, after it was compared with the row's digest.

    Raises:
        ReleaseError: They are other bytes than the release was made with.
    """
    if sha256_bytes(data) != row["sha256"]:
        raise ReleaseError(
            f"{row['sample_id']}: its bytes are not those that the release was made with. Get its "
            "tar again; 'datagen verify' lists what else differs",
            row=str(row["sample_id"]),
        )
    return data


def original_mask(data: bytes, row: Mapping[Any, Any] | pd.Series[Any]) -> bytes:
    """Return the encoded mask of a row, whose header is that of a PNG of the row's size.

    Raises:
        ReleaseError: It is not.
    """
    _check_header(data, row, _MASK_TYPE, "mask")
    return data


def decoded(data: bytes, row: Mapping[Any, Any] | pd.Series[Any]) -> Image:
    """Return the decoded image of a row; its header is checked before.

    Raises:
        ReleaseError: It is not an image of the row's type and size.
    """
    _check_header(data, row, str(row["media_type"]) if "media_type" in row else None, "image")
    try:
        return read_rgb(data)
    except ImageError as error:
        raise _refused(row, "media", f"the image is {error}") from None


def decoded_mask(data: bytes, row: Mapping[Any, Any] | pd.Series[Any]) -> Mask:
    """Return the decoded mask of a row; its header is checked before.

    Raises:
        ReleaseError: It is not an 8-bit gray PNG of the row's size.
    """
    _check_header(data, row, _MASK_TYPE, "mask")
    try:
        return read_gray(data)
    except ImageError as error:
        raise _refused(row, "mask", f"the mask is {error}") from None


def header_problem(
    data: bytes, row: Mapping[Any, Any] | pd.Series[Any], media_type: str | None, what: str
) -> str:
    """Return what is wrong with an image's header, or an empty text.

    Args:
        data: The encoded image.
        row: Its row; its ``width`` and ``height`` are compared where it has them.
        media_type: The type that it must have; ``None``: any of a release.
        what: ``image`` or ``mask``.
    """
    try:
        header = read_header(data, MAX_RELEASED_PIXELS)
    except ImageError as error:
        return f"the {what} is {error}"
    expected = [_FORMATS[media_type]] if media_type else list(_FORMATS.values())
    if header.format not in expected:
        return f"the {what} is a {header.format}, expected {' or '.join(expected)}"
    size = header.width, header.height
    if "width" in row and "height" in row:
        stated = int(row["width"]), int(row["height"])
        if size != stated:
            return f"the {what} is not {stated[0]}x{stated[1]} pixels, it has {size[0]}x{size[1]}"
    return ""


def _check_header(
    data: bytes, row: Mapping[Any, Any] | pd.Series[Any], media_type: str | None, what: str
) -> None:
    if problem := header_problem(data, row, media_type, what):
        raise _refused(row, what, problem)


def _refused(row: Mapping[Any, Any] | pd.Series[Any], what: str, problem: str) -> ReleaseError:
    sample = str(row["sample_id"]) if "sample_id" in row else "a row"
    return ReleaseError(f"{sample}: {problem}", key=what, row=sample)
