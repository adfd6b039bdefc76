"""Addresses that data from outside may name: storage, and nothing that interprets what it reads.

``fsspec`` chains filesystems with ``::``, and some of them follow instructions in the files that
they read: ``reference::`` renders templates of a stranger's JSON, which is code.
"""

from __future__ import annotations

__all__ = ["problem_of_address"]

_STORAGE = (
    *("abfs", "abfss", "adl", "az", "file", "ftp", "gcs", "gs", "hdfs", "hf", "http", "https"),
    *("local", "memory", "obs", "oci", "oss", "s3", "s3a", "sftp", "smb", "ssh", "webdav"),
    "webhdfs",
)


def problem_of_address(address: str) -> str:
    """Return why an address, or a path, may not be opened; empty if it may."""
    if "::" in address:
        return "'::' chains filesystems, which is not done for an address from a file"
    scheme, separator, _ = address.partition("://")
    if separator and scheme.lower() not in _STORAGE:
        return f"{scheme[:40]!r} is no storage. Known: {', '.join(_STORAGE)}"
    return ""
