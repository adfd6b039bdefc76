"""The bytes of a table or listing as text, and what they are where they are none."""

from __future__ import annotations

from datagen.errors import SourceError

__all__ = ["decoded"]

_WIDE = (b"\xff\xfe", b"\xfe\xff")
_PACKED = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # .xlsx, .ods and .zip; .xls


def decoded(data: bytes, shown: str, path: str = "") -> str:
    """Return the text of a file in UTF-8, without its byte order mark.

    Args:
        data: The bytes of the file.
        shown: The file, for the message.
        path: Where it lies.

    Raises:
        SourceError: It is in another encoding, or no text.
    """
    if data.startswith(_PACKED):
        problem = "is a workbook or archive, no text: save it as CSV"
    elif data.startswith(_WIDE):
        problem = "is UTF-16: save it as UTF-8"
    else:
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            problem = f"is not UTF-8 (byte {error.start}): save it as UTF-8"
    raise SourceError(f"{shown} {problem}", path=path or None)
