"""Producers make the base pairs of one method: one at a time, or in batches for a network."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeAlias

from datagen.engine.worker_state import worker_state
from datagen.errors import ContractError, ItemError
from datagen.generation.pair import Draft, Pair, PairStarter
from datagen.methods import Method
from datagen.methods.batched import BatchedMethod
from datagen.planning import Item

__all__ = ["BatchedProducer", "Producer", "SingleProducer", "producers_for"]

_Batch: TypeAlias = "list[tuple[Draft, Any]]"
"""Drafts with what the method prepared for its network."""


class Producer(Protocol):
    """Makes the base pairs of one method in one shard."""

    def pair_for(self, item: Item) -> Pair:
        """Return the undegraded pair of an item; to be called once per base pair, in order.

        Raises:
            ItemError: The pair cannot be made.
            ContractError: The method broke its contract.
        """
        ...


class SingleProducer:
    """Makes one pair at a time.

    Args:
        starter: Starts the pairs.
        proven: Names of the methods that this process has already applied twice with equal
            results; the producer adds its own.
    """

    def __init__(self, starter: PairStarter, proven: set[str]) -> None:
        self._starter = starter
        self._proven = proven

    def pair_for(self, item: Item) -> Pair:
        """See ``Producer``."""
        draft = self._starter.start(item)
        result = draft.apply()
        while (pair := draft.accept(result)) is None:
            result = draft.apply()
        if draft.method.name not in self._proven:
            draft.check_repeatable(draft.apply(), result)
            self._proven.add(draft.method.name)
        return pair


class BatchedProducer:
    """Makes pairs in batches, ahead of the items that ask for them.

    Batches are formed from the order of the items, so that the bytes do not depend on timing.
    While the network processes a batch in its own thread, this thread starts the next batch.

    Args:
        starter: Starts the pairs.
        method: The method of all items; its network is opened here.
        items: The method's items in the shard, one per base pair, in order.
        proven: Names of the methods that this process has already applied twice with equal
            results; the producer adds its own. Built-in methods are tested elsewhere.
    """

    def __init__(
        self, starter: PairStarter, method: BatchedMethod, items: Sequence[Item], proven: set[str]
    ) -> None:
        size = method.config.batch
        self._starter = starter
        self._method = method
        self._proven = proven
        self._waiting = [items[start : start + size] for start in range(0, len(items), size)]
        self._next: _Batch | None = None
        self._finished: dict[str, Pair | ItemError] = {}
        method.open()

    def pair_for(self, item: Item) -> Pair:
        """See ``Producer``."""
        while item.base_id not in self._finished:
            self._make_batch()
        outcome = self._finished.pop(item.base_id)
        if isinstance(outcome, ItemError):
            raise outcome
        return outcome

    def _make_batch(self) -> None:
        batch = self._start_batch() if self._next is None else self._next
        running = _network_thread().submit(self._run, batch)
        self._next = self._start_batch() if self._waiting else None
        outputs = running.result()
        if self._unproven():
            self._check_repeatable(batch, outputs)
            self._proven.add(self._method.name)
        batch = self._accept(batch, outputs)
        while batch:  # fakes that changed too little, with new params
            batch = self._accept(batch, self._run(batch))

    def _start_batch(self) -> _Batch:
        batch: _Batch = []
        for item in self._waiting.pop(0):
            try:
                draft = self._starter.start(item)
                batch.append((draft, self._prepare(draft)))
            except ItemError as error:
                self._finished[item.base_id] = error
        return batch

    def _run(self, batch: _Batch) -> list[Any]:
        if not batch:
            return []
        outputs = self._method.run([prepared for _, prepared in batch])
        if len(outputs) != len(batch):
            raise ContractError(
                f"method {self._method.name!r} returned {len(outputs)} outputs for {len(batch)} "
                f"faces from 'run' (pair {batch[0][0].item.pair_id} and those after it)"
            )
        return outputs

    def _accept(self, batch: _Batch, outputs: Sequence[Any]) -> _Batch:
        """Finish a batch and return the drafts whose params were drawn again."""
        again: _Batch = []
        for (draft, prepared), output in zip(batch, outputs, strict=True):
            try:
                pair = draft.accept(self._finish(draft, prepared, output))
                if pair is None:
                    again.append((draft, self._prepare(draft)))
                else:
                    self._finished[draft.item.base_id] = pair
            except ItemError as error:
                self._finished[draft.item.base_id] = error
        return again

    def _prepare(self, draft: Draft) -> Any:
        return draft.run(lambda ctx: self._method.prepare(ctx, draft.params))

    def _finish(self, draft: Draft, prepared: Any, output: Any) -> Any:
        return draft.run(lambda ctx: self._method.finish(ctx, draft.params, prepared, output))

    def _unproven(self) -> bool:
        built_in = type(self._method).__module__.startswith("datagen.")
        return not built_in and self._method.name not in self._proven

    def _check_repeatable(self, batch: _Batch, outputs: Sequence[Any]) -> None:
        for (draft, prepared), first, again in zip(batch, outputs, self._run(batch), strict=True):
            if not isinstance(first, ItemError):
                draft.check_repeatable(
                    self._finish(draft, prepared, again), self._finish(draft, prepared, first)
                )


def _network_thread() -> ThreadPoolExecutor:
    return worker_state().get("network thread", "", lambda: ThreadPoolExecutor(1, "network"))


def producers_for(
    starter: PairStarter, methods: Sequence[Method], items: Sequence[Item], proven: set[str]
) -> list[Producer]:
    """Return a producer per method of a recipe.

    Args:
        starter: Starts the pairs.
        methods: The methods of the recipe, in order.
        items: The base items of a shard, in order.
        proven: See ``SingleProducer``.
    """
    single = SingleProducer(starter, proven)
    producers: list[Producer] = []
    for number, method in enumerate(methods):
        own = [item for item in items if item.method == number]
        if isinstance(method, BatchedMethod) and own:
            producers.append(BatchedProducer(starter, method, own, proven))
        else:
            producers.append(single)
    return producers
