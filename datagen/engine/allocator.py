"""Memory allocator settings for processes that work on large arrays."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Mapping

__all__ = ["ALLOCATOR_ENV", "keep_freed_memory"]

_MIB = 2**20
_MMAP_THRESHOLD = 256 * _MIB
_TRIM_THRESHOLD = 256 * _MIB
_TOP_PAD = 16 * _MIB

# Older versions of glibc accept no larger threshold for mmap.
_MAX_OLD_MMAP_THRESHOLD = 32 * _MIB

# Numbers of the parameters in <malloc.h>.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3

ALLOCATOR_ENV: Mapping[str, str] = {
    "MALLOC_MMAP_THRESHOLD_": str(_MMAP_THRESHOLD),
    "MALLOC_TRIM_THRESHOLD_": str(_TRIM_THRESHOLD),
    "MALLOC_TOP_PAD_": str(_TOP_PAD),
    "MALLOC_ARENA_MAX": "1",
}
"""The same settings for a process that is about to start."""


@functools.cache
def keep_freed_memory() -> bool:
    """Let this process reuse freed memory instead of returning it to the kernel; once per process.

    With glibc's defaults every array above 128 KiB is mapped and faulted in anew, which costs as
    much as the arithmetic on it.

    Returns:
        Whether the settings were applied; ``False`` where the C library is not glibc.
    """
    try:
        library = ctypes.CDLL(None)
        mallopt = library.mallopt
        _ = library.gnu_get_libc_version
    except (OSError, AttributeError, TypeError):  # musl, macOS, Windows
        return False
    mapped = mallopt(_M_MMAP_THRESHOLD, _MMAP_THRESHOLD) or mallopt(
        _M_MMAP_THRESHOLD, _MAX_OLD_MMAP_THRESHOLD
    )
    trimmed = mallopt(_M_TRIM_THRESHOLD, _TRIM_THRESHOLD)
    padded = mallopt(_M_TOP_PAD, _TOP_PAD)
    return bool(mapped and trimmed and padded)
