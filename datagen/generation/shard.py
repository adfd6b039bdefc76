"""Make one shard: the task that an engine runs on every ``ShardKey`` of a plan.

A shard is skipped if its commit is there, its files are whole and its rows are those of the plan.
Otherwise every planned item becomes a pair or a reject, and the shard is committed once, at the end
(``release.ShardWriter``).
An item goes through these steps:

* ``production``: what follows, for images and (``clips``) for clips
* ``producers``: the base pair, made by the item's method (``pair``, ``checks``)
* ``degrading``: the pair as it is released
* ``records``, ``encoding``: its encoder settings, licenses and weights
* ``manifest_rows``: its rows
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pyarrow as pa

from datagen.core.digests import digest_of
from datagen.core.versions import pixel_libraries
from datagen.engine.resources import Resources
from datagen.engine.worker_state import worker_state
from datagen.errors import EngineError, RunError
from datagen.faces.index import FaceIndex
from datagen.generation.clips.production import ClipProduction
from datagen.generation.production import Ingredients, Production, StillProduction
from datagen.generation.shard_log import ShardLog
from datagen.planning import ShardKey
from datagen.recipe import Recipe
from datagen.release import Commit, Folder, ShardWriter, is_whole, read_commit
from datagen.release.names import ShardName, release_id
from datagen.sources import Source

__all__ = ["MakeShard", "ShardDone"]


@dataclass(frozen=True, slots=True)
class ShardDone:
    """Report of a worker on one shard.

    Attributes:
        commit: Commit of the shard.
        made: False if the shard was already committed.
        replaced: Whether a finished shard of the same pairs was there, made from something else.
        log_problem: Why its log could not be written; empty if it could.
    """

    commit: Commit
    made: bool
    replaced: bool = False
    log_problem: str = ""


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
        frames: The frames of the index's tracks; ``None`` without tracks.
    """

    recipe: Recipe
    sources: tuple[Source, ...]
    table: pa.Table
    folder: Folder
    weights: dict[str, str] = field(default_factory=dict)
    libraries: dict[str, str] = field(default_factory=pixel_libraries)
    frames: pa.Table | None = None

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
        log = ShardLog(self.folder, shard.name)
        log.add("begin", items=production.plan.size(shard), digest=digest)
        try:
            made = self._make(shard, production, names, log)
        except BaseException as error:
            log.add("error", error=f"{type(error).__name__}: {error}", seconds=log.seconds())
            log.flush()
            raise
        counts = {"pairs": made.pairs, "controls": made.controls, "rejects": made.rejects}
        log.add("end", **counts, seconds=log.seconds())
        log.flush()
        replaced = (
            commit is not None
            and commit.digest != digest
            and commit.items == production.plan.size(shard)
        )
        return ShardDone(made, made=True, replaced=replaced, log_problem=log.problem)

    def _make(
        self, shard: ShardKey, production: Production[Any], names: ShardName, log: ShardLog
    ) -> Commit:
        spec = self.recipe.spec
        kind = spec.clip is not None, spec.face.embedder is not None
        digest, items = self.shard_digest(shard), list(production.plan.items(shard))
        with ExitStack() as stack, ShardWriter(self.folder, names, digest, *kind) as writer:
            writer.networks = production.produce(items, writer, log)
            stack.enter_context(log.stage("commit"))  # until the writer has left
        if writer.commit is None:
            raise RunError(f"shard {shard.name} was not committed")
        return writer.commit

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
        index = FaceIndex(self.table, self.frames).digest
        parts = [self.recipe.digest, index, methods, plugins, self.libraries]
        return digest_of([*parts, self.weights] if self.weights else parts)

    @cached_property
    def resources(self) -> Resources:
        """Resources of one worker: those of the most demanding method."""
        return Resources.maximum(method.resources() for method in self.recipe.methods)

    def _production(self) -> Production[Any]:
        for plugin in self.recipe.plugins:
            plugin.load()
        roots = [source.root for source in self.sources]
        spec = self.recipe.spec.model_dump(mode="json")
        key = digest_of([self.content_digest, spec, roots])
        return worker_state().get("generation", key, self._new_production)

    def _new_production(self) -> Production[Any]:
        sources = {source.card.id: source for source in self.sources}
        index = FaceIndex(self.table, self.frames)
        given = Ingredients(self.recipe, sources, index, self.weights)
        return StillProduction(given) if self.recipe.spec.clip is None else ClipProduction(given)
