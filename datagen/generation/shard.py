"""Make one shard: the task that an engine runs on every ``ShardKey`` of a plan.

A shard is skipped if its commit is there, its files are whole and its rows are those of the plan.
Otherwise every planned item becomes a pair or a reject, and the shard is committed once, at the end
(``release.ShardWriter``).
An item goes through these steps:

* ``producers``: the base pair, made by the item's method (``pair``, ``checks``)
* ``degrading``: the pair as it is released
* ``records``, ``encoding``: its encoder settings, licenses and weights
* ``manifest_rows``: its rows
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from typing import Any

import cv2
import pyarrow as pa

from datagen.core.digests import digest_of
from datagen.core.images import encode_png
from datagen.core.versions import pixel_libraries
from datagen.engine.resources import Resources
from datagen.engine.worker_state import worker_state
from datagen.errors import EngineError, ItemError, RunError
from datagen.faces.index import FaceIndex
from datagen.faces.reader import FaceReader
from datagen.generation.degrading import Degrader
from datagen.generation.encoding import encode
from datagen.generation.manifest_rows import (
    PairRecord,
    check_purposes,
    pair_rows,
    reject_row,
)
from datagen.generation.pair import Pair, PairStarter
from datagen.generation.producers import producers_for
from datagen.generation.records import Recorder
from datagen.generation.resumed import is_as_planned
from datagen.methods.batched import BatchedMethod
from datagen.planning import Item, Plan, ShardKey
from datagen.recipe import Recipe
from datagen.release import Commit, Folder, MediaFile, ShardWriter, is_whole, read_commit
from datagen.release.names import ShardName, release_id
from datagen.rights import Purpose
from datagen.sources import Source

__all__ = ["MakeShard", "ShardDone"]


@dataclass(frozen=True, slots=True)
class ShardDone:
    """Report of a worker on one shard.

    Attributes:
        commit: Commit of the shard.
        made: False if the shard was already committed.
        replaced: Whether a finished shard of the same pairs was there, made from something else.
    """

    commit: Commit
    made: bool
    replaced: bool = False


@dataclass(frozen=True)
class MakeShard:
    """The task: skip a shard that is committed, else produce every item and commit once.

    Attributes:
        recipe: The recipe.
        sources: The sources that the face index refers to.
        table: Table of the face index; the workers of a node share it.
        folder: Folder of the release.
        weights: Digests of the methods' weight files, by card id.
        libraries: Versions of the libraries of the driver; a worker with other versions is
            refused, because its bytes would differ.
    """

    recipe: Recipe
    sources: tuple[Source, ...]
    table: pa.Table
    folder: Folder
    weights: dict[str, str] = field(default_factory=dict)
    libraries: dict[str, str] = field(default_factory=pixel_libraries)

    def __call__(self, shard: ShardKey) -> ShardDone:
        """Make one shard.

        Raises:
            ContractError: A method or degradation broke its contract.
            EngineError: This worker has other libraries or weights than the driver.
            RightsError: The terms of a row do not cover the purpose; a bug of datagen.
            SourceChangedError: An image file is gone or differs from the one that was indexed.
        """
        if (found := pixel_libraries(bool(self.weights))) != self.libraries:
            raise EngineError(
                f"a worker has other library versions than the driver: {found}, expected "
                f"{self.libraries}. Install the same constraints.txt on every node"
            )
        production = self._production()
        digest = self.shard_digest(shard)
        commit = read_commit(self.folder, shard.name)
        names = ShardName(self.release_id, shard.name)
        if (
            commit is not None
            and commit.digest == digest
            and is_whole(self.folder, commit)
            and production.has_planned(shard, self.folder, commit, names)
        ):
            return ShardDone(commit, made=False)
        with ShardWriter(self.folder, names, digest) as writer:
            writer.networks = production.produce(list(production.plan.items(shard)), writer)
        if writer.commit is None:
            raise RunError(f"shard {shard.name} was not committed")
        replaced = (
            commit is not None
            and commit.digest != digest
            and commit.items == production.plan.size(shard)
        )
        return ShardDone(writer.commit, made=True, replaced=replaced)

    def shard_digest(self, shard: ShardKey) -> str:
        """Return what identifies a shard's content; larger counts keep every full shard valid."""
        return digest_of([self.content_digest, shard.split, shard.start, shard.stop])

    @cached_property
    def release_id(self) -> str:
        """Id of the release."""
        spec = self.recipe.spec
        return release_id(spec.name, spec.version, self.recipe.digest)

    @cached_property
    def content_digest(self) -> str:
        """What identifies the content of all shards apart from their ranges."""
        methods = {method.name: method.version for method in self.recipe.methods}
        plugins = sorted(plugin.digest for plugin in self.recipe.plugins)
        index = FaceIndex(self.table).digest
        parts = [self.recipe.digest, index, methods, plugins, self.libraries]
        return digest_of([*parts, self.weights] if self.weights else parts)

    @cached_property
    def resources(self) -> Resources:
        """Resources of one worker: those of the most demanding method."""
        return Resources.maximum(method.resources() for method in self.recipe.methods)

    def _production(self) -> _Production:
        for plugin in self.recipe.plugins:
            plugin.load()
        roots = [source.root for source in self.sources]
        spec = self.recipe.spec.model_dump(mode="json")
        key = digest_of([self.content_digest, spec, roots])
        return worker_state().get("generation", key, lambda: _Production(self))


class _Production:
    """Everything that makes the pairs of one recipe; built once per worker process."""

    def __init__(self, task: MakeShard) -> None:
        cv2.setNumThreads(1)  # a worker is one core
        recipe, face = task.recipe, task.recipe.spec.face
        sources = {source.card.id: source for source in task.sources}
        self._recipe = recipe
        self._index = FaceIndex(task.table)
        self.plan = Plan(recipe, self._index)
        self._methods = recipe.methods
        self._proven: set[str] = set()
        reader = FaceReader(sources, face.size, face.margin)
        self._starter = PairStarter(recipe, self._index, reader)
        self._degrader = Degrader(recipe.degradations, recipe.spec.seed, face.size)
        self._recorder = Recorder(recipe, task.weights)
        self._purpose = recipe.spec.purpose

    def has_planned(
        self, shard: ShardKey, folder: Folder, commit: Commit, names: ShardName
    ) -> bool:
        """Say whether a shard on the disk holds the pairs and rejects of the plan."""
        items = self.plan.items(shard)
        return is_as_planned(folder, commit, names, items, self._recipe, self._index)

    def produce(self, items: Sequence[Item], writer: ShardWriter) -> dict[str, Mapping[str, Any]]:
        """Write the pair or the reject of every item, in order.

        Returns:
            By method, what the networks ran on: device, precision, batch, versions.
        """
        # The levels of a severity ladder share their base pair.
        groups = [list(levels) for _, levels in groupby(items, key=lambda item: item.base_id)]
        first = [levels[0] for levels in groups]
        producers = producers_for(self._starter, self._methods, first, self._proven)
        for levels in groups:
            try:
                pair = producers[levels[0].method].pair_for(levels[0])
            except ItemError as error:
                for item in levels:
                    writer.add_reject(self._reject(item, error))
                continue
            for item in levels:
                self._write(pair.for_item(item), writer)
        used = sorted({item.method for item in items})
        return {
            f"{number}/{method.name}": dict(method.run_record())
            for number, method in ((number, self._methods[number]) for number in used)
            if isinstance(method, BatchedMethod)
        }

    def _write(self, pair: Pair, writer: ShardWriter) -> None:
        try:
            released = self._degrader.degrade(pair)
        except ItemError as error:
            writer.add_reject(self._reject(pair.item, error))
            return
        record = self._recorder.record(released, self._degrader.name_for(pair.item))
        _write_record(record, self._purpose, writer)

    def _reject(self, item: Item, error: ItemError) -> dict[str, Any]:
        method, degradation = self._methods[item.method].name, self._degrader.name_for(item)
        target = self._index.face(item.target)
        donor = None if item.donor is None else self._index.face(item.donor)
        return reject_row(item, method, degradation, target, donor, error)


def _write_record(record: PairRecord, purpose: Purpose, writer: ShardWriter) -> None:
    """Encode mask and images, append them to the tar and add their rows."""
    pair_id, suffix = record.pair.item.pair_id, record.encoding.suffix

    mask = writer.add_image(pair_id, MediaFile("mask", "png", encode_png(record.pair.mask)))
    images = {
        kind: writer.add_image(pair_id, MediaFile(kind, suffix, encode(image, record.encoding)))
        for kind, image in record.pair.images.items()
    }
    rows = pair_rows(record, mask, images)
    check_purposes(rows, purpose)
    writer.add_rows(rows)
