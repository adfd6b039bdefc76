"""Addresses that data from outside may name: storage, and nothing that interprets what it reads.

``fsspec`` chains filesystems with ``::``, and some of them follow instructions in the files that
they read: ``reference::`` renders templates of a stranger's JSON, which is code.
"""

from __future__ import annotations

import fsspec

__all__ = ["is_address", "is_chain", "problem_of_address"]

_STORAGE = (
    *("abfs", "abfss", "adl", "az", "file", "ftp", "gcs", "gs", "hdfs", "hf", "http", "https"),
    *("local", "memory", "obs", "oci", "oss", "s3", "s3a", "sftp", "smb", "ssh", "webdav"),
    "webhdfs",
)


def is_chain(address: str) -> bool:
    """Return whether fsspec would read ``::`` as a chain of filesystems; a path may hold it too."""
    parts = address.split("::")
    if len(parts) == 1:
        return False
    return "://" in address or parts[0] in fsspec.available_protocols()


def is_address(name: str) -> bool:
    """Return whether a text is an address of storage, and no path of this machine."""
    return "://" in name or is_chain(name)


def problem_of_address(address: str) -> str:
    """Return why an address, or a path, may not be opened; empty if it may."""
    if is_chain(address):
        return "'::' chains filesystems, which is not done for an address from a file"
    scheme, separator, _ = address.partition("://")
    if separator and scheme.lower() not in _STORAGE:
        return f"{scheme[:40]!r} is no storage. Known: {', '.join(_STORAGE)}"
    return ""
