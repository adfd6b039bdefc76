"""Cache files that carry the digest of their content: a damaged one is noticed, never believed."""

from __future__ import annotations

import logging
from pathlib import Path

from datagen.core.digests import sha256_bytes
from datagen.core.files import write_atomically

__all__ = ["read_sealed", "write_sealed"]

_MARK = b"datagen cache 1 sha256 "
_HEAD = len(_MARK) + 64 + 1

_log = logging.getLogger(__name__)


def write_sealed(path: Path, data: bytes) -> None:
    """Write ``data`` behind a line with its digest; a reader sees the old file or the new one.

    Raises:
        OSError: It cannot be written; the error names the file.
    """
    write_atomically(path, _MARK + sha256_bytes(data).encode() + b"\n" + data)


def read_sealed(path: Path) -> bytes | None:
    """Return what ``write_sealed`` wrote; ``None`` if there is no file or it is damaged.

    A damaged file is named in a warning of the log, which the command line shows: whoever reads
    a cache builds it anew.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        _log.warning("%s: cannot be read (%s): it is built anew", path, error.strerror)
        return None
    head, data = content[:_HEAD], content[_HEAD:]
    if head != _MARK + sha256_bytes(data).encode() + b"\n":
        _log.warning("%s: is damaged (its digest differs): it is built anew", path)
        return None
    return data
