"""The engine contract: the same task and keys give the same outcomes on every engine."""

from __future__ import annotations

import logging
import pickle
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeAlias, TypeVar

from datagen.errors import DatagenError, RunError

__all__ = ["Engine", "Outcome", "Task", "attempt", "label_of", "run_all"]

K = TypeVar("K")
R = TypeVar("R")

Task: TypeAlias = Callable[[K], R]
"""Picklable, and safe to run twice on one key. Its attribute ``resources`` states what a worker
must reserve for it, see ``Resources``; without the attribute that is one core. Its method ``label``
names a key for the reader, see ``label_of``."""

ATTEMPTS = 2

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome(Generic[K, R]):
    """The outcome of one key; every engine yields exactly one per key.

    Attributes:
        key: The key, unchanged.
        result: Return value of the task; ``None`` if it failed.
        error: Why the task failed, an error of this package; ``None`` if it succeeded.
        attempts: Number of times the task was started.
    """

    key: K
    result: R | None
    error: DatagenError | None = None
    attempts: int = 1


class Engine(Protocol):
    """Runs a task over keys."""

    @property
    def workers(self) -> int:
        """Number of keys processed at once."""
        ...

    def run(self, task: Task[K, R], keys: Iterable[K]) -> Iterator[Outcome[K, R]]:
        """Yield an outcome per key, in any order; the failure of a key is never raised."""
        ...


def attempt(task: Task[K, R], key: K) -> Outcome[K, R]:
    """Run a task on one key: the one retry rule of all engines.

    Errors of this package are deterministic (a recipe, a plug-in, a file that changed) and are not
    retried. Any other error may come from the machine and is reported after ``ATTEMPTS`` attempts.
    """
    failure: DatagenError = RunError("not started")
    for number in range(1, ATTEMPTS + 1):
        try:
            return Outcome(key, task(key), attempts=number)
        except DatagenError as error:
            return Outcome(key, None, _portable(error), number)
        except (Exception, SystemExit) as error:  # noqa: BLE001  # every error of a key ends here
            failure = RunError(_description(error))
            _LOG.warning("%s: attempt %d of %d: %s", label_of(task, key), number, ATTEMPTS, failure)
    return Outcome(key, None, failure, ATTEMPTS)


def _description(error: BaseException) -> str:
    """Return what failed, on which pair, and where in the code."""
    last = traceback.extract_tb(error.__traceback__)[-1:]
    where = "".join(f" ({Path(frame.filename).name}:{frame.lineno})" for frame in last)
    notes = "".join(f"{note}: " for note in getattr(error, "__notes__", ()))
    return f"{notes}{type(error).__name__}: {error}{where}"


def _portable(error: DatagenError) -> DatagenError:
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301  # made in this process
    except Exception:  # noqa: BLE001  # a plug-in's error class that does not pickle
        return RunError(f"{type(error).__name__}: {error}")
    return error


def label_of(task: Task[K, R], key: K) -> str:
    """Return the name of a key in messages: by the task's ``label``, or the key's own name."""
    label = getattr(task, "label", None)
    return str(getattr(key, "name", key) if label is None else label(key))


def run_all(engine: Engine, task: Task[K, R], keys: Iterable[K]) -> Iterator[R]:
    """Yield every result, in any order.

    Raises:
        DatagenError: The first failure, raised after all keys have been processed.
    """
    failure: DatagenError | None = None
    for outcome in engine.run(task, keys):
        error = outcome.error
        if type(error) is RunError:  # a fault of the machine does not say what it struck
            error = RunError(f"{label_of(task, outcome.key)}: {error}")
        if error is not None:
            failure = failure or error
        elif outcome.result is not None:
            yield outcome.result
    if failure is not None:
        raise failure
