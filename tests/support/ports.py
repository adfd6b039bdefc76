"""The ports on which this process and its descendants listen, read from /proc."""

from __future__ import annotations

import contextlib
import ipaddress
import os
from collections.abc import Iterator
from pathlib import Path

__all__ = ["listening"]


def listening() -> set[tuple[str, int]]:
    """Return address and port of every TCP socket that the tree of this process listens on."""
    own = set(_sockets())
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            (
                _,
                local,
                _,
                state,
                *_,
            ) = (parts := line.split())
            if state == "0A" and parts[9] in own:
                address, _, port = local.partition(":")
                found.add((_readable(address), int(port, 16)))
    return found


def _sockets() -> Iterator[str]:
    for pid in _tree():
        with contextlib.suppress(OSError):
            for handle in Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(OSError):
                    target = os.readlink(handle)
                    if target.startswith("socket:["):
                        yield target[8:-1]


def _tree() -> set[int]:
    parents = {}
    for status in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError):
            parents[int(status.parent.name)] = int(status.read_text().split("PPid:")[1].split()[0])
    tree, before = {os.getpid()}, 0
    while len(tree) > before:
        before = len(tree)
        tree |= {pid for pid, parent in parents.items() if parent in tree}
    return tree


def _readable(address: str) -> str:
    words = [bytes.fromhex(address[start : start + 8])[::-1] for start in range(0, len(address), 8)]
    found = ipaddress.ip_address(b"".join(words))
    mapped = getattr(found, "ipv4_mapped", None)
    return str(mapped or found)
