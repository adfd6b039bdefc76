"""Make one shard: the only module that knows faces, methods and store at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import cv2
import pyarrow as pa

from datagen.contract import (
    alike_in_colour,
    check_repeatable,
    checked,
    checked_control,
    visible_change,
)
from datagen.encode import Encoding, draw_encoding, encode, encode_mask
from datagen.environment import pixel_libraries
from datagen.errors import EngineError, ItemError, RunError
from datagen.faces.crop import CropJitter, draw_jitter
from datagen.faces.index import Face, FaceIndex
from datagen.hashing import digest_of, rng
from datagen.methods import Context, Method, Result
from datagen.pictures import Pictures
from datagen.plan import Item, Plan, ShardKey
from datagen.plugins import Plugin
from datagen.recipe import LoadedRecipe
from datagen.rights import Use, source_terms
from datagen.rows import Member, PairFacts, member_row, reject_row
from datagen.sources import Source
from datagen.store import Commit, Folder, Picture, ShardWriter, is_whole, read_commit
from datagen.types import Image

__all__ = ["MakeShard", "ShardDone"]

_ATTEMPTS = 8


@dataclass(frozen=True, slots=True)
class ShardDone:
    """What a worker reports of a shard.

    Attributes:
        made: False when the commit was already there.
    """

    commit: Commit
    made: bool


@dataclass(frozen=True)
class MakeShard:
    """A task over ``ShardKey``: skip if committed, else make every item and commit once.

    Attributes:
        table: Of the face index; shared by the workers of a node.
        libraries: Versions that the driver has; a worker with others is refused, because its
            bytes would differ.
    """

    loaded: LoadedRecipe
    sources: tuple[Source, ...]
    table: pa.Table
    folder: Folder
    plugins: tuple[Plugin, ...] = ()
    libraries: dict[str, str] = field(default_factory=pixel_libraries)

    def __call__(self, shard: ShardKey) -> ShardDone:
        """See ``Task``."""
        if pixel_libraries() != self.libraries:
            raise EngineError(
                f"a worker has other versions than the driver: {pixel_libraries()}, wanted "
                f"{self.libraries}. Install the same constraints.txt on every node"
            )
        workshop = _workshop(self)
        digest = self.shard_digest(shard)
        commit = read_commit(self.folder, shard.name)
        if commit is not None and commit.digest == digest and is_whole(self.folder, commit):
            return ShardDone(commit, made=False)
        with ShardWriter(self.folder, shard.name, digest) as writer:
            for item in workshop.plan.items(shard):
                workshop.make(item, writer)
        if writer.commit is None:
            raise RunError(f"shard {shard.name}: left without a commit")
        return ShardDone(writer.commit, made=True)

    def shard_digest(self, shard: ShardKey) -> str:
        """Return what names the content of a shard; raising counts keeps every full shard."""
        return digest_of([self.content_digest, shard.split, shard.start, shard.stop])

    @cached_property
    def content_digest(self) -> str:
        """What names the content of all shards, their ranges apart."""
        methods = {method.name: method.version for method in self.loaded.methods()}
        plugins = sorted(plugin.digest for plugin in self.plugins)
        index = FaceIndex(self.table).digest
        return digest_of([self.loaded.digest, index, methods, plugins, self.libraries])


class _Workshop:
    """What a process keeps between shards of one job: plan, methods, decoded pictures."""

    def __init__(self, job: MakeShard) -> None:
        recipe = job.loaded.recipe
        self.recipe = recipe
        self.digest = job.loaded.digest
        self.index = FaceIndex(job.table)
        self.plan = Plan(job.loaded, self.index)
        self.methods: list[Method] = job.loaded.methods()
        self.use = Use(recipe.purpose.use == "commercial", recipe.purpose.redistribute)
        self.cards = {card.id: card for card in job.loaded.cards}
        sources = {source.card.id: source for source in job.sources}
        self.seen: set[str] = set()
        self.pictures = Pictures(sources, recipe.face.size, recipe.face.margin)

    def make(self, item: Item, writer: ShardWriter) -> None:
        """Make one pair, or the row of its reject; any other error is a bug or the machine."""
        method = self.methods[item.method]
        target = self.index.face(item.target)
        donor = None if item.donor is None else self.index.face(item.donor)
        try:
            self._pair(item, method, target, donor, writer)
        except ItemError as error:
            writer.add_reject(reject_row(item, method.name, target, donor, error))
        except Exception as error:
            error.add_note(f"pair {item.pair_id}, method {method.name!r}")
            raise

    def _pair(
        self, item: Item, method: Method, target: Face, donor: Face | None, writer: ShardWriter
    ) -> None:
        if method.needs_donor and donor is None:
            raise ItemError("no_donor", "nobody fits the donor rule")
        jitter = self._jitter(item)
        crop, matrix = self.pictures.crop(target, jitter)
        # The donor is mirrored with the target: it was chosen for its likeness before both were.
        with_target = CropJitter(flip=jitter.flip)
        lent = None if donor is None else self.pictures.crop(donor, with_target)[0]
        ctx = Context(*alike_in_colour(crop, lent))
        attempt, params, result, change = self._fake(item, method, ctx)
        real = crop.image if result.real is None else result.real
        control = None
        if item.control:
            control = checked_control(method, method.control(ctx, params), real, result.mask)
        facts = PairFacts(
            item=item,
            method=method,
            params=params.model_dump(mode="json"),
            attempt=attempt,
            target=target,
            crop=crop,
            matrix=matrix,
            donor=donor,
            terms=(self._terms(target), self._terms(donor) if donor else None),
            encoding=self._encoding(item),
            recipe_digest=self.digest,
        )
        _write_pair(writer, facts, result, real, control, change)

    def _fake(self, item: Item, method: Method, ctx: Context) -> tuple[int, Any, Result, float]:
        asked = self.recipe.methods[item.method].min_change
        smallest = method.min_change if asked is None else asked
        change = 0.0
        for attempt in range(_ATTEMPTS):
            draws = rng(self.recipe.seed, item.split, item.number, f"method/{attempt}")
            params = method.sample(draws, ctx)
            result = checked(method, method.apply(ctx, params), ctx)
            real = ctx.target.image if result.real is None else result.real
            change = visible_change(real, result.image, result.mask)
            if change >= smallest:
                self._once(method, ctx, params, result)
                return attempt, params, result, change
        raise ItemError("change_too_small", f"{change:.2f} grey levels, wanted {smallest:g}")

    def _once(self, method: Method, ctx: Context, params: Any, result: Result) -> None:
        """Apply a method a second time, at its first pair of a process: the same must come out."""
        if method.name not in self.seen:
            self.seen.add(method.name)
            check_repeatable(method, method.apply(ctx, params), result)

    def _jitter(self, item: Item) -> CropJitter:
        asked = self.recipe.face.jitter
        draws = rng(self.recipe.seed, item.split, item.number, "crop")
        return draw_jitter(draws, asked.shift, asked.scale, asked.rotate, asked.flip)

    def _encoding(self, item: Item) -> Encoding:
        asked = self.recipe.encode
        draws = rng(self.recipe.seed, item.split, item.number, "encode")
        return draw_encoding(draws, asked.format, asked.quality, asked.subsampling)

    def _terms(self, face: Face) -> Any:
        card = self.cards[face.source]
        return source_terms(card, face.licence, face.attribution, self.use)


def _write_pair(
    writer: ShardWriter,
    facts: PairFacts,
    result: Result,
    real: Image,
    control: Image | None,
    change: float,
) -> None:
    pair_id, encoding = facts.item.pair_id, facts.encoding
    members: list[tuple[str, Image]] = [("real", real)]
    if control is not None:
        members.append(("control", control))
    members.append(("fake", result.image))
    encoded = [(kind, image, encode(image, encoding)) for kind, image in members]
    mask = encode_mask(result.mask)
    mask_offset, mask_size = writer.add_picture(pair_id, Picture("mask", "png", mask))
    of_the_fake = {
        "mask_path": writer.media_name,
        "mask_offset": mask_offset,
        "mask_size": mask_size,
        "mask_area": round(float(result.mask.mean()) / 255, 5),
        "change": round(change, 3),
        "change_released": round(change, 3),
    }
    rows = []
    for kind, image, data in encoded:
        offset, _ = writer.add_picture(pair_id, Picture(kind, encoding.suffix, data))
        fake = kind == "fake"
        landmarks = result.landmarks if fake else facts.crop.landmarks
        measured = of_the_fake if fake else {}
        member = Member(kind, image, landmarks, data, writer.media_name, offset, measured)
        rows.append(member_row(facts, member))
    writer.add_rows(rows)


_WORKSHOPS: dict[str, _Workshop] = {}


def _workshop(job: MakeShard) -> _Workshop:
    """Return this process's workshop for a job, made at the first shard."""
    for plugin in job.plugins:
        plugin.load()
    roots = [source.root for source in job.sources]
    key = digest_of([job.content_digest, job.loaded.recipe.model_dump(mode="json"), roots])
    if key not in _WORKSHOPS:
        cv2.setNumThreads(1)  # a worker is one core; more only wait for each other
        _WORKSHOPS.clear()
        _WORKSHOPS[key] = _Workshop(job)
    return _WORKSHOPS[key]
