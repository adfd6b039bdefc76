"""The members of a shard's tar, read without trust: its headers say what verify compares.

Shards are written in the plainest form of tar (USTAR, regular files only), so that everything else,
such as links, absolute names, sparse files and extended headers, is named instead of followed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

__all__ = ["Member", "members"]

_BLOCK = 512
_END = bytes(_BLOCK)
_OCTAL = re.compile(rb" *([0-7]+)[ \x00]*")  # as all programs read it
# Mode, owners and time: a program that cannot read one of them stops there.
_OTHER_NUMBERS = [(100, 108), (108, 116), (116, 124), (136, 148)]
_DEVICES = [(329, 337), (337, 345)]
_MOST_PADDING = 2 * 10_240  # bytes: tars are filled up to 10,240
_REGULAR = (b"0", b"\x00")
_KINDS = {
    b"1": "a hard link",
    b"2": "a symbolic link",
    b"3": "a device",
    b"4": "a device",
    b"5": "a folder",
    b"6": "a pipe",
    b"S": "a sparse file",
    b"L": "a long name",
    b"K": "a long link",
    b"x": "an extended header",
    b"g": "an extended header",
}


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a tar.

    Attributes:
        name: Its name; characters that are not UTF-8 are replaced.
        offset: Offset of its content in the tar, bytes.
        size: Size of its content, bytes.
        problem: What is wrong with it, as the end of a sentence; empty if nothing is.
    """

    name: str
    offset: int
    size: int
    problem: str = ""


def members(tar: BinaryIO, length: int) -> Iterator[Member]:
    """Yield the members of a tar.

    A damaged or cut tar ends with a member without a name that has a problem.

    Args:
        tar: The tar; only its headers are read.
        length: Size of the tar in bytes.
    """
    at = 0
    while at + _BLOCK <= length:
        tar.seek(at)
        header = tar.read(_BLOCK)
        if header == _END:
            if problem := _after_end(tar, at, length):
                yield Member("", at, 0, problem)
            return
        size = _number(header[124:136])
        if size is None or _number(header[148:156]) != _checksum(header):
            yield Member("", at, 0, f"is damaged at byte {at:,}: no header of a member")
            return
        member = _member(header, at + _BLOCK, size)
        if member.offset + size > length:
            yield Member(
                member.name, member.offset, size, f"has {size:,} bytes, beyond the end of the tar"
            )
            return
        yield member
        at = member.offset + -(-size // _BLOCK) * _BLOCK
    yield Member("", at, 0, f"is cut short: it ends at byte {length:,} without its end mark")


def _after_end(tar: BinaryIO, at: int, length: int) -> str:
    """Return what is wrong behind the end mark, where other programs may find further members."""
    if length - at > _MOST_PADDING:
        return f"goes on for {length - at:,} bytes behind its end mark"
    tar.seek(at)
    return "has more than zeros behind its end mark" if any(tar.read(length - at)) else ""


def _member(header: bytes, offset: int, size: int) -> Member:
    name, prefix = _text(header[:100]), _text(header[345:500])
    name = f"{prefix}/{name}" if prefix and header[257:262] == b"ustar" else name
    kind, problem = header[156:157], ""
    if kind not in _REGULAR:
        problem = f"is {_KINDS.get(kind, 'of an unknown kind')}, expected a regular file"
    elif not _all_numbers(header):
        problem = "has a header that programs read differently"
    elif header[257:262] != b"ustar":  # other programs would take another name
        problem = "is not in the format USTAR"
    elif not name or "/" in name or "\\" in name or _text(header[157:257]):
        problem = "is not named <pair_id>.<role>.<suffix>"
    return Member(name, offset, size, problem)


def _all_numbers(header: bytes) -> bool:
    devices = [header[start:end] for start, end in _DEVICES]
    fields = [header[start:end] for start, end in _OTHER_NUMBERS] + [
        field for field in devices if field.strip(b"\x00")
    ]
    return all(_number(field) is not None for field in fields)


def _text(field: bytes) -> str:
    return field.partition(b"\x00")[0].decode("utf-8", "replace")


def _number(field: bytes) -> int | None:
    """Return an octal number; ``None`` for anything else, such as sizes of more than 8 GiB."""
    found = _OCTAL.fullmatch(field)
    return None if found is None else int(found[1], 8)


def _checksum(header: bytes) -> int:
    return sum(header[:148]) + 8 * ord(" ") + sum(header[156:])
