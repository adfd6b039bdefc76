"""Where Ray can place a task: which resources to request, and how many tasks fit at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from datagen.engine.resources import Resources
from datagen.errors import DeviceError, RunError

__all__ = ["max_concurrent", "ray_options"]

_GIB = 1 << 30


def ray_options(needs: Resources) -> dict[str, Any]:
    """Return the arguments of ``ray.remote`` for a task."""
    options: dict[str, Any] = {"num_cpus": needs.cpus}
    if needs.memory:
        options["memory"] = needs.memory
    if needs.gpus:
        # By default Ray ends a worker after each GPU task, and its loaded weights are lost.
        options |= {"num_gpus": needs.gpus, "max_calls": 0}
    return options


def max_concurrent(needs: Resources, nodes: Iterable[Mapping[str, Any]]) -> int:
    """Return how many tasks fit on the nodes of a cluster at once.

    Args:
        needs: Resources of one task.
        nodes: Return value of ``ray.nodes()``.

    Raises:
        DeviceError: The task fits on no node; Ray would wait forever.
        RunError: No node is left.
    """
    alive = [node.get("Resources", {}) for node in nodes if node.get("Alive")]
    if not alive:
        raise RunError(
            "the Ray cluster has no node any more: its processes were ended, as happens where "
            "memory is short or limited. Rerun to go on, with fewer --workers or with --inline"
        )
    total = sum(_fits(needs, node) for node in alive)
    if total:
        return total
    gpus = max((node.get("GPU", 0.0) for node in alive), default=0.0)
    if needs.gpus and not gpus:
        raise DeviceError(
            "a method requires device: cuda, but no node of the Ray cluster has a GPU. Start nodes "
            "with GPUs, or set device: cpu"
        )
    largest = max((node.get("CPU", 0.0), node.get("memory", 0.0) / _GIB) for node in alive)
    raise DeviceError(
        f"one worker needs {_in_words(needs)}, but the largest node of the Ray cluster has "
        f"{largest[0]:g} CPUs, {gpus:g} GPUs and {largest[1]:.1f} GiB for tasks. Lower 'threads', "
        "'memory' or 'gpu_share' of the recipe's methods, raise --workers, or start larger nodes"
    )


def _fits(needs: Resources, node: Mapping[str, float]) -> int:
    shares = [node.get("CPU", 0.0) / needs.cpus]
    if needs.gpus:
        shares.append(node.get("GPU", 0.0) / needs.gpus)
    if needs.memory:
        shares.append(node.get("memory", 0.0) / needs.memory)
    return int(min(shares) + 1e-9)


def _in_words(needs: Resources) -> str:
    parts = [f"{needs.cpus:g} CPUs"]
    if needs.gpus:
        parts.append(f"{needs.gpus:g} GPUs")
    if needs.memory:
        parts.append(f"{needs.memory / _GIB:.1f} GiB")
    return ", ".join(parts)
