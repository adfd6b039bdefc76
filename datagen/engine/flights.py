"""The tasks that a Ray cluster works on now: a word about slow ones, an end for those that hang."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from datagen.core.text import counted
from datagen.engine.base import Outcome, Task, label_of
from datagen.engine.board import Board, Place
from datagen.engine.steps import tell_steps
from datagen.errors import RunError

__all__ = ["Flights", "Patience"]

K = TypeVar("K")
R = TypeVar("R")

_LOOK_SECONDS = 5.0
_QUIET_SECONDS = 60.0
_START_SECONDS = 60.0  # for a worker process to start and to load the task
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a driver waits for its workers.

    Attributes:
        timeout: Seconds after which a task that was begun is given up; ``None`` waits for ever.
        tell: Called with a line for the user when nothing was finished for a while.
        quiet: Seconds without a result until the first line; each next one takes twice as long.
    """

    timeout: float | None = None
    tell: Callable[[str], None] = lambda text: None
    quiet: float = _QUIET_SECONDS


@dataclass(slots=True)
class _Flight(Generic[K]):
    key: K
    number: int
    place: Place | None = None
    since: float | None = None


class Flights(Generic[K, R]):
    """Tasks in flight on a Ray cluster.

    Args:
        ray: The module.
        begin: Starts the task of a number and key; returns Ray's reference.
        task: The task, which names its keys.
        board: Where workers note what they have begun.
        patience: How long to wait.
        own: Number of tasks that begin at once because no other run uses the cluster; 0
            if one may.
    """

    def __init__(
        self,
        ray: Any,
        begin: Callable[[int, K], Any],
        task: Task[K, R],
        board: Board,
        patience: Patience,
        own: int = 0,
    ) -> None:
        self._ray, self._begin, self._task = ray, begin, task
        self._board, self._patience, self._own = board, patience, own
        self._open: dict[Any, _Flight[K]] = {}
        self._lost: dict[Any, _Flight[K]] = {}  # given up, but still in the way of others
        self._begun = 0
        self._heard = self._looked = time.monotonic()
        self._next_word = patience.quiet
        timeout = _LOOK_SECONDS if patience.timeout is None else patience.timeout / 4
        self._pace = min(_LOOK_SECONDS, timeout, patience.quiet)

    def __len__(self) -> int:
        """Count the tasks that are waited for, and those that were given up and still run."""
        return len(self._open) + len(self._lost)

    @property
    def waiting(self) -> bool:
        """Whether a task is waited for."""
        return bool(self._open)

    def begin(self, key: K) -> None:
        """Start the task on a key."""
        self._open[self._begin(self._begun, key)] = _Flight(key, self._begun)
        self._begun += 1

    def landed(self, collect: Callable[[Any, K], Outcome[K, R]]) -> Iterator[Outcome[K, R]]:
        """Wait a moment and yield the outcomes that came in, and those of tasks given up.

        Args:
            collect: Returns the outcome of a finished reference.
        """
        done, _ = self._ray.wait([*self._open, *self._lost], num_returns=1, timeout=self._pace)
        for reference in done:
            if self._lost.pop(reference, None) is None:
                flight = self._open.pop(reference)
                self._heard, self._next_word = time.monotonic(), self._patience.quiet
                yield collect(reference, flight.key)
        if time.monotonic() - self._looked >= self._pace:
            self._look()
            yield from self._overdue()
            self._speak()
            self._looked = time.monotonic()

    def unable(self, workers: int, rest: Iterable[K]) -> Iterator[Outcome[K, R]]:
        """Yield a failure for every key that is left, if every worker hangs for good.

        Args:
            workers: Number of tasks that can run at once.
            rest: The keys that were not yet begun.
        """
        timeout = self._patience.timeout
        if timeout is None or len(self._lost) < workers:
            return
        if time.monotonic() - self._heard < timeout or any(f.place for f in self._open.values()):
            return
        text = f"was not begun: all {counted(workers, 'worker')} hang"
        keys = [flight.key for flight in self._open.values()]
        self._open.clear()
        for key in [*keys, *rest]:
            yield Outcome(key, None, RunError(text), 0)

    def forget(self) -> None:
        """Remove the notes, unless they keep Ray from running again what was given up."""
        if not self._lost:
            self._board.clear()

    def _look(self) -> None:
        now = time.monotonic()
        due = max(self._own - len(self._lost), 0)
        for order, flight in enumerate(self._open.values()):
            place = self._board.place(flight.number)
            if place is not None and place != flight.place:  # begun, or begun again after a crash
                flight.place, flight.since = place, now
            elif place is None and flight.since is None and order < due:
                flight.since = now  # a worker is free for it
        begun = (flight.number for flight in self._open.values() if flight.place is not None)
        tell_steps(sum(map(self._board.steps, begun)))

    def _overdue(self) -> Iterator[Outcome[K, R]]:
        timeout, now = self._patience.timeout, time.monotonic()
        if timeout is None:
            return
        for reference, flight in list(self._open.items()):
            allowed = timeout if flight.place is not None else timeout + _START_SECONDS
            if flight.since is None or now - flight.since < allowed:
                continue
            self._lost[reference] = self._open.pop(reference)
            self._heard = now
            self._board.give_up(flight.number)
            yield Outcome(flight.key, None, RunError(_why(flight.place, allowed)))

    def _speak(self) -> None:
        now = time.monotonic()
        if now - self._heard < self._next_word or not self._open:
            return
        self._next_word *= 2
        running = [flight for flight in self._open.values() if flight.place is not None]
        shown = [self._described(flight, now) for flight in running[:_SHOWN]]
        if len(running) > _SHOWN:
            shown.append(f"{len(running) - _SHOWN} more")
        words = f"nothing was finished for {now - self._heard:.0f} s. "
        if shown:
            words += f"Waiting for {', '.join(shown)}. "
        else:
            words += f"No worker has begun one of {counted(len(self._open), 'task')}. "
        if self._patience.timeout is None:
            words += "--shard-timeout SECONDS gives up what takes longer"
        self._patience.tell(words.strip())

    def _described(self, flight: _Flight[K], now: float) -> str:
        place = flight.place
        stopped = ", stopped by a signal" if place is not None and place.is_stopped else ""
        label = label_of(self._task, flight.key)
        return f"{label} ({place}, {now - (flight.since or now):.0f} s{stopped})"


def _why(place: Place | None, seconds: float) -> str:
    """Say why a task was given up; its process is ended where that is possible."""
    if place is None:
        return f"was not begun within {seconds:g} s (--shard-timeout): its worker hangs"
    stopped = ", which a signal had stopped," if place.is_stopped else ""
    ended = "was ended" if place.kill() else "could not be ended from here"
    return f"took longer than {seconds:g} s (--shard-timeout): {place}{stopped} {ended}"
