"""Everything that makes the pairs of one recipe, built once per worker process."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Generic, Protocol, Self, TypeVar

import cv2

from datagen.core.images import encode_png
from datagen.engine.steps import tell_steps
from datagen.errors import ItemError
from datagen.faces.index import FaceIndex
from datagen.faces.reader import FaceReader
from datagen.generation.degrading import Degrader
from datagen.generation.encoding import Encoding, encode
from datagen.generation.manifest_rows import check_purposes, pair_rows, reject_row
from datagen.generation.pair import Pair, PairStarter
from datagen.generation.producers import producers_for
from datagen.generation.records import Recorder
from datagen.generation.resumed import is_as_planned
from datagen.generation.shard_log import ShardLog
from datagen.methods.batched import BatchedMethod
from datagen.planning import Item, Plan, ShardKey
from datagen.recipe import Recipe
from datagen.release import Commit, Folder, MediaFile, ShardWriter
from datagen.release.names import ShardName
from datagen.sources import Source

__all__ = ["Ingredients", "Production", "StillProduction"]


class _Planned(Protocol):
    """A pair of images or clips."""

    @property
    def item(self) -> Item:
        """The planned item."""
        ...

    def for_item(self, item: Item) -> Self:
        """Return the same base pair for another level of a severity ladder."""
        ...


P = TypeVar("P", bound=_Planned)


@dataclass(frozen=True, slots=True)
class Ingredients:
    """What pairs are made from.

    Attributes:
        recipe: The recipe.
        sources: The sources by card id.
        index: The face index.
        weights: Digests of the methods' weight files, by card id.
    """

    recipe: Recipe
    sources: Mapping[str, Source]
    index: FaceIndex
    weights: Mapping[str, str]


class Production(ABC, Generic[P]):
    """Makes the items of a recipe and writes them.

    Args:
        given: What pairs are made from.

    Attributes:
        index: The face index.
        plan: The plan.
        methods: The methods of the recipe, in order.
        recorder: Collects the facts of pairs.
        purpose: The purpose of the recipe.
    """

    def __init__(self, given: Ingredients) -> None:
        cv2.setNumThreads(1)  # a worker is one core
        self._recipe = given.recipe
        self.index = given.index
        self.plan = Plan(given.recipe, given.index)
        self.methods = given.recipe.methods
        self.recorder = Recorder(given.recipe, given.weights)
        self.purpose = given.recipe.spec.purpose

    @abstractmethod
    def maker(self, items: Sequence[Item]) -> Callable[[Item], P]:
        """Return the function that makes base pairs.

        Args:
            items: The items of which it will be asked, one per base pair, in order.

        Returns:
            A function that raises ``ItemError`` for a pair that cannot be made.
        """

    @abstractmethod
    def degraded(self, pair: P) -> P:
        """Return a pair as it is released.

        Raises:
            ItemError: The face is lost.
        """

    @abstractmethod
    def degradation_of(self, item: Item) -> str | None:
        """Return the name of an item's degradation; ``None`` if it has none."""

    @abstractmethod
    def write(self, pair: P, writer: ShardWriter) -> None:
        """Encode a released pair, append it to the tars and add its rows."""

    def has_planned(
        self, shard: ShardKey, folder: Folder, commit: Commit, names: ShardName
    ) -> bool:
        """Say whether a shard on the disk holds the pairs and rejects of the plan."""
        items = self.plan.items(shard)
        return is_as_planned(folder, commit, names, items, self._recipe, self.index)

    def produce(
        self, items: Sequence[Item], writer: ShardWriter, log: ShardLog
    ) -> dict[str, Mapping[str, Any]]:
        """Write the pair or the reject of every item, in order.

        Args:
            items: The items of a shard.
            writer: Gets the pairs and the rejects.
            log: Gets the rejects, and the seconds of each method and stage.

        Returns:
            By method, what the networks ran on: device, precision, batch, versions.
        """
        # The levels of a severity ladder share their base pair.
        groups = [list(levels) for _, levels in groupby(items, key=lambda item: item.base_id)]
        make = self.maker([levels[0] for levels in groups])
        for number, levels in enumerate(groups):
            tell_steps(number * len(levels))
            try:
                with log.stage(f"make/{self.methods[levels[0].method].name}"):
                    pair = make(levels[0])
            except ItemError as error:
                for item in levels:
                    self._add_reject(item, error, writer, log)
                continue
            for item in levels:
                self._finish(pair.for_item(item), writer, log)
        used = sorted({item.method for item in items})
        return {
            f"{number}/{method.name}": dict(method.run_record())
            for number, method in ((number, self.methods[number]) for number in used)
            if isinstance(method, BatchedMethod)
        }

    def _finish(self, pair: P, writer: ShardWriter, log: ShardLog) -> None:
        try:
            with log.stage("degrade"):
                released = self.degraded(pair)
        except ItemError as error:
            self._add_reject(pair.item, error, writer, log)
            return
        with log.stage("write"):
            self.write(released, writer)

    def _add_reject(self, item: Item, error: ItemError, writer: ShardWriter, log: ShardLog) -> None:
        writer.add_reject(self._reject(item, error))
        log.reject(item.pair_id, self.methods[item.method].name, error)

    def _reject(self, item: Item, error: ItemError) -> dict[str, Any]:
        method, degradation = self.methods[item.method].name, self.degradation_of(item)
        target = self.index.face(item.target)
        donor = None if item.donor is None else self.index.face(item.donor)
        return reject_row(item, method, degradation, target, donor, error)


class StillProduction(Production[Pair]):
    """Makes pairs of images."""

    def __init__(self, given: Ingredients) -> None:
        super().__init__(given)
        face = given.recipe.spec.face
        reader = FaceReader(given.sources, face.size, face.margin)
        self._proven: set[str] = set()
        self._starter = PairStarter(given.recipe, self.index, reader)
        self._degrader = Degrader(given.recipe.degradations, given.recipe.spec.seed, face.size)

    def maker(self, items: Sequence[Item]) -> Callable[[Item], Pair]:
        """See base class."""
        producers = producers_for(self._starter, self.methods, items, self._proven)
        return lambda item: producers[item.method].pair_for(item)

    def degraded(self, pair: Pair) -> Pair:
        """See base class."""
        return self._degrader.degrade(pair)

    def degradation_of(self, item: Item) -> str | None:
        """See base class."""
        return self._degrader.name_for(item)

    def write(self, pair: Pair, writer: ShardWriter) -> None:
        """See base class."""
        record = self.recorder.record(pair, self.degradation_of(pair.item))
        encoding, pair_id = record.encoding, pair.item.pair_id
        if not isinstance(encoding, Encoding):
            raise TypeError(f"images cannot be encoded as {encoding.media_type}")
        mask = writer.add_image(pair_id, MediaFile("mask", "png", encode_png(pair.mask)))
        images = {
            kind: writer.add_image(
                pair_id, MediaFile(kind, encoding.suffix, encode(image, encoding))
            )
            for kind, image in pair.images.items()
        }
        rows = pair_rows(record, mask, images)
        check_purposes(rows, self.purpose)
        writer.add_rows(rows)
