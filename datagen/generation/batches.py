"""Fakes of batched methods, made a batch ahead of the items that they belong to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from datagen.core.arrays import Affine
from datagen.errors import ItemError
from datagen.faces.face import FaceCrop
from datagen.methods import Context, Result
from datagen.methods.batched import BatchedMethod
from datagen.planning import Item

__all__ = ["ATTEMPTS", "Ahead", "Begun", "Fake", "Steps"]

ATTEMPTS = 8
"""How often the params of a pair may be drawn before it is given up."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A base pair whose crops are taken.

    Attributes:
        crop: The target as it will be released.
        matrix: From source pixels to the crop.
        ctx: What the method sees.
    """

    item: Item
    crop: FaceCrop
    matrix: Affine
    ctx: Context


@dataclass(frozen=True, slots=True)
class Fake:
    """A fake that keeps the contract and changes enough.

    Attributes:
        attempt: Which draw of the params it is, from 0.
        change: In gray levels, see ``visible_change``.
    """

    attempt: int
    params: Any
    result: Result
    change: float


@dataclass(frozen=True, slots=True)
class Steps:
    """What the shard does for a batch.

    Attributes:
        begin: Take the crops of an item; may raise ``ItemError``.
        draw: Draw the params of an attempt.
        judge: Hold a result against the contract; ``None`` when it changes too little, an
            ``ItemError`` when that was the last attempt.
        repeat: Hold a second result of one batch against the first.
    """

    begin: Callable[[Item], Begun]
    draw: Callable[[Begun, int], Any]
    judge: Callable[[Begun, int, Any, Result], Fake | None]
    repeat: Callable[[Begun, Result, Result], None]


@dataclass(frozen=True, slots=True)
class _Work:
    begun: Begun
    attempt: int
    params: Any
    prepared: Any


class Ahead:
    """The fakes of one method in one shard.

    Batches are formed from the items' numbers, so that the bytes do not depend on timing. While
    the network works on a batch in its own thread, the next batch's crops are taken in ours.

    Args:
        method: Its network is opened here.
        items: Of the method in the shard, one a base pair, in order.
        steps: See ``Steps``.
        prove: Whether the first batch is made twice, to see that the method does not draw.
    """

    def __init__(
        self, method: BatchedMethod, items: Sequence[Item], steps: Steps, prove: bool
    ) -> None:
        size = method.config.batch
        self._method = method
        self._steps = steps
        self._waiting = [items[start : start + size] for start in range(0, len(items), size)]
        self._next: list[_Work] | None = None
        self._prove = prove
        self._done: dict[str, tuple[Begun, Fake] | ItemError] = {}
        method.open()

    def take(self, item: Item) -> tuple[Begun, Fake]:
        """Return the crops and the fake of a base pair, once.

        Raises:
            ItemError: It cannot be made.
        """
        while item.base_id not in self._done:
            self._make_batch()
        outcome = self._done.pop(item.base_id)
        if isinstance(outcome, ItemError):
            raise outcome
        return outcome

    def _make_batch(self) -> None:
        works = self._begin_next() if self._next is None else self._next
        running = _network_thread().submit(self._run, works)
        self._next = self._begin_next() if self._waiting else None
        outputs = running.result()
        if self._prove:
            self._repeat(works, outputs)
            self._prove = False
        works = self._judge(works, outputs)
        while works:  # they changed too little and were drawn again
            works = self._judge(works, self._run(works))

    def _run(self, works: Sequence[_Work]) -> list[Any]:
        return self._method.run([work.prepared for work in works]) if works else []

    def _repeat(self, works: Sequence[_Work], outputs: Sequence[Any]) -> None:
        for work, first, again in zip(works, outputs, self._run(works), strict=True):
            if not isinstance(first, ItemError):
                rest = (work.begun.ctx, work.params, work.prepared)
                self._steps.repeat(
                    work.begun, self._method.finish(*rest, again), self._method.finish(*rest, first)
                )

    def _begin_next(self) -> list[_Work]:
        works = []
        for item in self._waiting.pop(0):
            try:
                works.append(self._prepare(self._steps.begin(item), 0))
            except ItemError as error:
                self._done[item.base_id] = error
        return works

    def _prepare(self, begun: Begun, attempt: int) -> _Work:
        params = self._steps.draw(begun, attempt)
        return _Work(begun, attempt, params, self._method.prepare(begun.ctx, params))

    def _judge(self, works: Sequence[_Work], outputs: Sequence[Any]) -> list[_Work]:
        """Finish a batch; return what was drawn again."""
        again = []
        for work, output in zip(works, outputs, strict=True):
            begun, item = work.begun, work.begun.item
            try:
                result = self._method.finish(begun.ctx, work.params, work.prepared, output)
                fake = self._steps.judge(begun, work.attempt, work.params, result)
                if fake is None:
                    again.append(self._prepare(begun, work.attempt + 1))
                else:
                    self._done[item.base_id] = begun, fake
            except ItemError as error:
                self._done[item.base_id] = error
            except Exception as error:
                error.add_note(f"pair {item.pair_id}, method {self._method.name!r}")
                raise
        return again


@lru_cache(maxsize=1)
def _network_thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, "network")
