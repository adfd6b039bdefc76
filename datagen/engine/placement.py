"""Where Ray can put a task: what to ask for, and how many fit at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from datagen.engine.resources import Resources
from datagen.errors import DeviceError

__all__ = ["asked_of_ray", "room_for"]

_GIB = 1 << 30


def asked_of_ray(needs: Resources) -> dict[str, Any]:
    """Return the options of ``ray.remote`` for a task."""
    options: dict[str, Any] = {"num_cpus": needs.cpus}
    if needs.memory:
        options["memory"] = needs.memory
    if needs.gpus:
        # By default Ray ends a worker after each GPU task, and the weights with it.
        options |= {"num_gpus": needs.gpus, "max_calls": 0}
    return options


def room_for(needs: Resources, nodes: Iterable[Mapping[str, Any]]) -> int:
    """Return how many tasks fit on the nodes of a cluster at once.

    Args:
        needs: Of one task.
        nodes: As ``ray.nodes()`` gives them.

    Raises:
        DeviceError: None fits on any node: Ray would wait for ever.
    """
    alive = [node.get("Resources", {}) for node in nodes if node.get("Alive")]
    total = sum(_fits(needs, node) for node in alive)
    if total:
        return total
    gpus = max((node.get("GPU", 0.0) for node in alive), default=0.0)
    if needs.gpus and not gpus:
        raise DeviceError(
            "a method asks for device: cuda and no node of the Ray cluster has a GPU. Start nodes "
            "with GPUs, or set device: cpu"
        )
    largest = max((node.get("CPU", 0.0), node.get("memory", 0.0) / _GIB) for node in alive)
    raise DeviceError(
        f"one worker needs {_told(needs)} and the largest node of the Ray cluster has "
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


def _told(needs: Resources) -> str:
    parts = [f"{needs.cpus:g} CPUs"]
    if needs.gpus:
        parts.append(f"{needs.gpus:g} GPUs")
    if needs.memory:
        parts.append(f"{needs.memory / _GIB:.1f} GiB")
    return ", ".join(parts)
