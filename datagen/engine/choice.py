"""Which engine a call runs on, started only when there is something to run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from datagen.core.progress import Progress
from datagen.engine.base import Engine
from datagen.engine.inline import InlineEngine
from datagen.errors import EngineError

__all__ = ["engine_choice"]


@contextmanager
def engine_choice(
    inline: bool,
    workers: int | None,
    address: str | None,
    progress: Progress,
    shard_timeout: float | None = None,
) -> Iterator[Callable[[], Engine]]:
    """Give a function that returns the engine, started at its first call and stopped at the end.

    Args:
        inline: Whether to run in this process.
        workers: See ``RayEngine``.
        address: See ``RayEngine``.
        progress: Told when a cluster is being started, and when nothing is finished for a while.
        shard_timeout: Seconds after which a task is given up; ``None`` waits for ever.

    Raises:
        EngineError: The arguments contradict each other.
    """
    if inline and (address or (workers or 1) > 1):
        raise EngineError("inline runs in one process: remove workers and address")
    if inline and shard_timeout is not None:
        raise EngineError(
            "inline has no second process that could end a shard: remove inline or the shard "
            "timeout"
        )
    if shard_timeout is not None and not shard_timeout > 0:
        raise EngineError(f"shard timeout: expected more than 0 seconds, found {shard_timeout}")
    if workers is not None and workers < 1:
        raise EngineError(f"workers: expected at least 1, found {workers}")
    with ExitStack() as stack:
        started: list[Engine] = []

        def engine() -> Engine:
            if not started:
                started.append(
                    InlineEngine()
                    if inline
                    else _ray(stack, workers, address, progress, shard_timeout)
                )
            return started[0]

        yield engine


def _ray(
    stack: ExitStack,
    workers: int | None,
    address: str | None,
    progress: Progress,
    shard_timeout: float | None,
) -> Engine:
    from datagen.engine.flights import Patience
    from datagen.engine.ray import RayEngine

    with progress.status("starting Ray"):
        return stack.enter_context(
            RayEngine(workers, address, Patience(shard_timeout, progress.warn))
        )
