"""Whether Ray fits below the limit that a shell or a scheduler has set on the memory of processes.

Ray ends a process without an exception where it cannot map its store, so this is asked before.
"""

from __future__ import annotations

import os
import sys

from datagen.errors import RunError

__all__ = ["check_room"]

_SHARE = 0.3  # of the memory, for Ray's store; every process maps all of it
_LARGEST_STORE = 200e9
_OTHERS = 6 << 30  # code, stacks of threads, and the node's own processes


def check_room() -> None:
    """Check the limit on addresses of this process, which those of Ray inherit.

    Raises:
        RunError: It is too low for Ray.
    """
    if sys.platform != "linux":
        return
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    needed = min(_SHARE * memory, _LARGEST_STORE) + _OTHERS
    if limit < needed:
        raise RunError(
            f"processes are limited to {limit / 2**30:.1f} GiB of addresses (ulimit -v), and Ray "
            f"needs some {needed / 2**30:.1f} GiB on this machine: raise the limit, or run with "
            "--inline"
        )
