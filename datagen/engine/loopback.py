"""A Ray cluster of this machine listens on the loopback interface: no other machine reaches it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["on_loopback"]

_LOOPBACK = "127.0.0.1"
_VARIABLE = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
_CONSTANT = "ENABLE_RAY_CLUSTER"


@contextmanager
def on_loopback() -> Iterator[dict[str, Any]]:
    """Yield the arguments of ``ray.init`` that start a cluster which only this machine can reach.

    Ray replaces a loopback address by that of the network, except where it takes for granted
    that there is one machine, which on Linux it does only when it is told so.
    """
    from ray._private import ray_constants

    constant, variable = getattr(ray_constants, _CONSTANT, None), os.environ.get(_VARIABLE)
    setattr(ray_constants, _CONSTANT, False)
    os.environ[_VARIABLE] = "0"  # for the processes of the cluster
    try:
        yield {"_node_ip_address": _LOOPBACK, "include_dashboard": False}
    finally:
        setattr(ray_constants, _CONSTANT, constant)
        if variable is None:
            del os.environ[_VARIABLE]
        else:
            os.environ[_VARIABLE] = variable
