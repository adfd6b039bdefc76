"""What an engine is: the same task over the same keys gives the same outcomes on every engine."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeAlias, TypeVar

from datagen.errors import DatagenError, RunError

__all__ = ["Engine", "Outcome", "Task", "attempt", "run_all"]

K = TypeVar("K")
R = TypeVar("R")

Task: TypeAlias = Callable[[K], R]
"""Picklable, and safe to run twice on one key. An attribute ``resources`` says what a worker must
keep free for it, see ``Resources``; without one it is a core."""

ATTEMPTS = 2


@dataclass(frozen=True, slots=True)
class Outcome(Generic[K, R]):
    """What became of one key; exactly one a key, on every engine.

    Attributes:
        key: As it was given.
        result: What the task returned; ``None`` when it failed.
        error: Why it failed, of our own tree; ``None`` when it did not.
        attempts: How often it was tried.
    """

    key: K
    result: R | None
    error: DatagenError | None = None
    attempts: int = 1


class Engine(Protocol):
    """Runs a task over keys."""

    @property
    def workers(self) -> int:
        """How many keys are worked on at once."""
        ...

    def run(self, task: Task[K, R], keys: Iterable[K]) -> Iterator[Outcome[K, R]]:
        """Yield an outcome for each key, in any order; never raise for a key's failure."""
        ...


def attempt(task: Task[K, R], key: K) -> Outcome[K, R]:
    """Try one key: the one retry rule, of all engines.

    Our own errors are facts and are not tried again; anything else may be the machine, so it is
    tried ``ATTEMPTS`` times before it is reported.
    """
    failure: DatagenError = RunError("never tried")
    for number in range(1, ATTEMPTS + 1):
        try:
            return Outcome(key, task(key), attempts=number)
        except DatagenError as error:
            return Outcome(key, None, _portable(error), number)
        except (Exception, SystemExit) as error:  # noqa: BLE001  # every error of a key ends here
            failure = RunError(_told(error))
    return Outcome(key, None, failure, ATTEMPTS)


def _told(error: BaseException) -> str:
    """Return what happened, to what, and where in the code."""
    last = traceback.extract_tb(error.__traceback__)[-1:]
    where = "".join(f" ({Path(frame.filename).name}:{frame.lineno})" for frame in last)
    notes = "".join(f"{note}: " for note in getattr(error, "__notes__", ()))
    return f"{notes}{type(error).__name__}: {error}{where}"


def _portable(error: DatagenError) -> DatagenError:
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301  # our own error, on its way to the driver
    except Exception:  # noqa: BLE001  # a plug-in's error class that does not pickle
        return RunError(f"{type(error).__name__}: {error}")
    return error


def run_all(engine: Engine, task: Task[K, R], keys: Iterable[K]) -> Iterator[R]:
    """Yield every result, in any order.

    Raises:
        DatagenError: The first failure, after all keys have been tried.
    """
    failure: DatagenError | None = None
    for outcome in engine.run(task, keys):
        if outcome.error is not None:
            failure = failure or outcome.error
        elif outcome.result is not None:
            yield outcome.result
    if failure is not None:
        raise failure
