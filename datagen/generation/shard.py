"""Make one shard: the only module that knows faces, methods and store at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import cv2
import pyarrow as pa

from datagen.core.arrays import Affine, Image, Landmarks, Mask
from datagen.core.digests import canonical_json, digest_of
from datagen.core.images import encode_png
from datagen.core.rng import rng
from datagen.core.versions import pixel_libraries
from datagen.degradations.apply import (
    DegradedImages,
    Step,
    apply_steps,
    check_same_degradation,
)
from datagen.engine.resources import Resources
from datagen.errors import EngineError, ItemError, RunError
from datagen.faces.crop import CropJitter, draw_jitter
from datagen.faces.face import FaceCrop
from datagen.faces.index import Face, FaceIndex
from datagen.faces.reader import Images
from datagen.generation.batches import ATTEMPTS, Ahead, Begun, Fake, Steps
from datagen.generation.checks import (
    alike_in_color,
    check_repeatable,
    checked,
    checked_control,
    visible_change,
)
from datagen.generation.encoding import Encoding, draw_encoding, encode
from datagen.generation.geometry import follow_landmarks, follow_mask, turn_of
from datagen.generation.manifest_rows import Member, PairFacts, member_row, reject_row
from datagen.methods import Context, Method, Result
from datagen.methods.batched import BatchedMethod
from datagen.planning import Item, Plan, ShardKey
from datagen.recipe import Recipe
from datagen.recipe.plugins import Plugin
from datagen.release import Commit, Folder, Picture, ShardWriter, is_whole, read_commit
from datagen.rights import Purpose, Terms, source_terms, weight_terms
from datagen.sources import Source
from datagen.weights import load_weight_card
from datagen.weights.store import weights_digest

__all__ = ["MakeShard", "ShardDone"]


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
        weights: Digests of the files that the methods' networks are made of, by card id.
        libraries: Versions that the driver has; a worker with others is refused, because its
            bytes would differ.
    """

    loaded: Recipe
    sources: tuple[Source, ...]
    table: pa.Table
    folder: Folder
    plugins: tuple[Plugin, ...] = ()
    weights: dict[str, str] = field(default_factory=dict)
    libraries: dict[str, str] = field(default_factory=pixel_libraries)

    def __call__(self, shard: ShardKey) -> ShardDone:
        """See ``Task``."""
        if (found := pixel_libraries(bool(self.weights))) != self.libraries:
            raise EngineError(
                f"a worker has other versions than the driver: {found}, wanted "
                f"{self.libraries}. Install the same constraints.txt on every node"
            )
        workshop = _workshop(self)
        digest = self.shard_digest(shard)
        commit = read_commit(self.folder, shard.name)
        if commit is not None and commit.digest == digest and is_whole(self.folder, commit):
            return ShardDone(commit, made=False)
        with ShardWriter(self.folder, shard.name, digest) as writer:
            items = list(workshop.plan.items(shard))
            workshop.begin_shard(items)
            for item in items:
                workshop.make(item, writer)
            writer.networks = workshop.networks()
        if writer.commit is None:
            raise RunError(f"shard {shard.name}: left without a commit")
        return ShardDone(writer.commit, made=True)

    def shard_digest(self, shard: ShardKey) -> str:
        """Return what names the content of a shard; raising counts keeps every full shard."""
        return digest_of([self.content_digest, shard.split, shard.start, shard.stop])

    @cached_property
    def content_digest(self) -> str:
        """What names the content of all shards, their ranges apart."""
        methods = {method.name: method.version for method in self.loaded.methods}
        plugins = sorted(plugin.digest for plugin in self.plugins)
        index = FaceIndex(self.table).digest
        parts = [self.loaded.digest, index, methods, plugins, self.libraries]
        return digest_of([*parts, self.weights] if self.weights else parts)

    @cached_property
    def resources(self) -> Resources:
        """What one worker must keep free: that of the method which needs most."""
        return Resources.maximum(method.resources() for method in self.loaded.methods)


@dataclass(frozen=True, slots=True)
class _Made:
    """A base pair before its damage; the levels of a ladder share one."""

    crop: FaceCrop
    matrix: Affine
    fake: Fake
    real: Image
    control: Image | None

    @property
    def result(self) -> Result:
        """The fake with its truth."""
        return self.fake.result

    def members(self) -> dict[str, Image]:
        """Real, control where there is one, and fake, in the order of their rows."""
        control = {} if self.control is None else {"control": self.control}
        return {"real": self.real, **control, "fake": self.result.image}


class _Workshop:
    """What a process keeps between shards of one job: plan, methods, decoded images."""

    def __init__(self, job: MakeShard) -> None:
        recipe = job.loaded.spec
        self.recipe = recipe
        self.digest = job.loaded.digest
        self.index = FaceIndex(job.table)
        self.plan = Plan(job.loaded, self.index)
        self.methods: list[Method] = job.loaded.methods
        self.degradations = job.loaded.degradations
        self.last: tuple[str, _Made | ItemError] | None = None
        self.ahead: dict[int, Ahead] = {}
        self.purpose = recipe.purpose
        self.cards = {card.id: card for card in job.loaded.cards}
        self.weights = _found_weights(job.weights, self.purpose)
        sources = {source.card.id: source for source in job.sources}
        self.seen: set[str] = set()
        self.seen_kinds: set[str] = set()
        self.pictures = Images(sources, recipe.face.size, recipe.face.margin)

    def begin_shard(self, items: list[Item]) -> None:
        """Queue the items of batched methods; their networks are opened now."""
        bases = list({item.base_id: item for item in items}.values())
        steps = Steps(self._begin, self._draw, self._judge, self._repeat)
        self.ahead = {}
        for number, method in enumerate(self.methods):
            own = [item for item in bases if item.method == number]
            if own and isinstance(method, BatchedMethod):
                ours = type(method).__module__.startswith("datagen.")  # held by our tests
                prove = not ours and method.name not in self.seen
                self.ahead[number] = Ahead(method, own, steps, prove)

    def networks(self) -> dict[str, Any]:
        """Return by method what the networks of this shard ran on."""
        found: dict[str, Any] = {}
        for number in self.ahead:
            method = self.methods[number]
            if isinstance(method, BatchedMethod):
                found[f"{number}/{method.name}"] = dict(method.run_record())
        return found

    def make(self, item: Item, writer: ShardWriter) -> None:
        """Make one pair, or the row of its reject; any other error is a bug or the machine."""
        method = self.methods[item.method]
        target = self.index.face(item.target)
        donor = None if item.donor is None else self.index.face(item.donor)
        try:
            self._pair(item, method, target, donor, writer)
        except ItemError as error:
            writer.add_reject(
                reject_row(item, method.name, self._degradation_name(item), target, donor, error)
            )
        except Exception as error:
            error.add_note(f"pair {item.pair_id}, method {method.name!r}")
            raise

    def _pair(
        self, item: Item, method: Method, target: Face, donor: Face | None, writer: ShardWriter
    ) -> None:
        made = self._base(item)
        facts = PairFacts(
            item=item,
            method=method,
            params=made.fake.params.model_dump(mode="json"),
            attempt=made.fake.attempt,
            target=target,
            crop=made.crop,
            matrix=made.matrix,
            donor=donor,
            terms=(self._terms(target), self._terms(donor) if donor else None),
            weights=self._weights(method.weight_ids()),
            enhancer=next(iter(self._weights((method.enhancer_id(),)).items()), None),
            encoding=self._encoding(item),
            recipe_digest=self.digest,
            degradation=self._degradation_name(item),
        )
        steps = self._steps(item)
        images = list(made.members().values())
        degraded = apply_steps(images, steps)
        if fresh := {step.kind.name for step in steps} - self.seen_kinds:
            check_same_degradation(", ".join(sorted(fresh)), apply_steps(images, steps), degraded)
            self.seen_kinds |= fresh  # only now: a shard is tried again in the same process
        _write_pair(writer, facts, made, _follow(made, degraded))

    def _base(self, item: Item) -> _Made:
        if self.last is None or self.last[0] != item.base_id:
            outcome: _Made | ItemError
            try:
                outcome = self._make_base(item)
            except ItemError as error:
                outcome = error
            self.last = item.base_id, outcome
        if isinstance(self.last[1], ItemError):
            raise self.last[1]
        return self.last[1]

    def _make_base(self, item: Item) -> _Made:
        if item.method in self.ahead:
            begun, fake = self.ahead[item.method].take(item)
            self.seen.add(self.methods[item.method].name)
        else:
            begun = self._begin(item)
            fake = self._fake(begun)
        method, result = self.methods[item.method], fake.result
        real = begun.ctx.target.image if result.real is None else result.real
        control = None
        if item.control:
            made = method.control(begun.ctx, fake.params)
            control = checked_control(method, made, real, result.mask)
        return _Made(begun.crop, begun.matrix, fake, real, control)

    def _begin(self, item: Item) -> Begun:
        method = self.methods[item.method]
        target = self.index.face(item.target)
        donor = None if item.donor is None else self.index.face(item.donor)
        if method.needs_donor and donor is None:
            raise ItemError("no_donor", "nobody fits the donor rule")
        jitter = self._jitter(item)
        crop, matrix = self.pictures.crop(target, jitter)
        # The donor is mirrored with the target: it was chosen for its likeness before both were.
        with_target = CropJitter(flip=jitter.flip)
        lent = None if donor is None else self.pictures.crop(donor, with_target)[0]
        return Begun(item, crop, matrix, Context(*alike_in_color(crop, lent)))

    def _degradation_name(self, item: Item) -> str | None:
        return None if item.degradation is None else self.degradations[item.degradation].name

    def _steps(self, item: Item) -> list[Step]:
        """Draw the damage of a pair; the levels of a ladder start from one state."""
        if item.degradation is None:
            return []
        draws = rng(self.recipe.seed, item.split, item.base, "degrade")
        size = self.recipe.face.size
        return self.degradations[item.degradation].draw(draws, (size, size), item.severity)

    def _fake(self, begun: Begun) -> Fake:
        method = self.methods[begun.item.method]
        for attempt in range(ATTEMPTS):
            params = self._draw(begun, attempt)
            fake = self._judge(begun, attempt, params, method.apply(begun.ctx, params))
            if fake is not None:
                self._once(method, begun.ctx, params, fake.result)
                return fake
        raise AssertionError("the last attempt is judged by an error")

    def _draw(self, begun: Begun, attempt: int) -> Any:
        item = begun.item
        draws = rng(self.recipe.seed, item.split, item.base, f"method/{attempt}")
        return self.methods[item.method].sample(draws, begun.ctx)

    def _judge(self, begun: Begun, attempt: int, params: Any, made: Result) -> Fake | None:
        method = self.methods[begun.item.method]
        asked = self.recipe.methods[begun.item.method].min_change
        smallest = method.min_change if asked is None else asked
        result = checked(method, made, begun.ctx)
        real = begun.ctx.target.image if result.real is None else result.real
        change = visible_change(real, result.image, result.mask)
        if change >= smallest:
            return Fake(attempt, params, result, change)
        if attempt + 1 == ATTEMPTS:
            raise ItemError("change_too_small", f"{change:.2f} gray levels, wanted {smallest:g}")
        return None

    def _once(self, method: Method, ctx: Context, params: Any, result: Result) -> None:
        """Apply a method a second time, at its first pair of a process: the same must come out."""
        if method.name not in self.seen:
            check_repeatable(method, method.apply(ctx, params), result)
            self.seen.add(method.name)  # only now: a shard is tried again in the same process

    def _repeat(self, begun: Begun, again: Result, result: Result) -> None:
        check_repeatable(self.methods[begun.item.method], again, result)

    def _jitter(self, item: Item) -> CropJitter:
        asked = self.recipe.face.jitter
        draws = rng(self.recipe.seed, item.split, item.base, "crop")
        return draw_jitter(draws, asked.shift, asked.scale, asked.rotate, asked.flip)

    def _encoding(self, item: Item) -> Encoding:
        asked = self.recipe.encode
        draws = rng(self.recipe.seed, item.split, item.base, "encode")
        return draw_encoding(draws, asked.format, asked.quality, asked.subsampling)

    def _terms(self, face: Face) -> Any:
        card = self.cards[face.source]
        return source_terms(card, face.license, face.attribution, self.purpose)

    def _weights(self, ids: tuple[str | None, ...]) -> dict[str, Terms]:
        """Return the terms of networks by ``id@sha256``."""
        return dict(self.weights[name] for name in ids if name is not None)


@dataclass(frozen=True, slots=True)
class _Seen:
    """A made pair as it is released: damaged, with the geometry that follows."""

    degraded: DegradedImages
    mask: Mask
    landmarks: dict[str, Landmarks | None]
    turn: float


def _follow(made: _Made, degraded: DegradedImages) -> _Seen:
    """Move mask and landmarks with the pixels.

    Raises:
        ItemError: ``face_lost``.
    """
    mask, turn, size = made.result.mask, 0.0, made.real.shape[0]
    own = made.result.landmarks if made.result.placed else None
    landmarks = {kind: own if kind == "fake" else made.crop.landmarks for kind in made.members()}
    if degraded.matrix is not None:
        matrix = degraded.matrix
        mask, turn = follow_mask(mask, matrix), turn_of(matrix, size)
        landmarks = {
            kind: points if points is None else follow_landmarks(points, matrix, size)
            for kind, points in landmarks.items()
        }
    return _Seen(degraded, mask, landmarks, turn)


def _write_pair(writer: ShardWriter, facts: PairFacts, made: _Made, seen: _Seen) -> None:
    pair_id, encoding = facts.item.pair_id, facts.encoding
    kinds, images = list(made.members()), seen.degraded.images
    encoded = [encode(image, encoding) for image in images]
    mask_offset, mask_size = writer.add_image(
        pair_id, Picture("mask", "png", encode_png(seen.mask))
    )
    undegraded = images[-1] is made.result.image
    released = made.fake.change if undegraded else visible_change(images[0], images[-1], seen.mask)
    of_the_fake = {
        "mask_path": writer.media_name,
        "mask_offset": mask_offset,
        "mask_size": mask_size,
        "mask_area": round(float(seen.mask.mean()) / 255, 5),
        "change": round(made.fake.change, 3),
        "change_released": round(released, 3),
    }
    rows = []
    for number, (kind, data) in enumerate(zip(kinds, encoded, strict=True)):
        offset, _ = writer.add_image(pair_id, Picture(kind, encoding.suffix, data))
        measured = of_the_fake if kind == "fake" else {}
        if facts.degradation is not None:
            operations = {"operations": seen.degraded.operations[number]}
            measured = measured | {
                "degradation_params": canonical_json(operations),
                "psnr": seen.degraded.psnr[number],
            }
        member = Member(
            kind,
            images[number],
            seen.landmarks[kind],
            data,
            writer.media_name,
            offset,
            seen.turn,
            measured,
        )
        rows.append(member_row(facts, member))
    writer.add_rows(rows)


def _found_weights(wanted: dict[str, str], purpose: Purpose) -> dict[str, tuple[str, Terms]]:
    """Return ``id@sha256`` and terms of each network by the id of its card."""
    known = {}
    for name, digest in wanted.items():
        card = load_weight_card(name)
        if (found := weights_digest(card)) != digest:
            raise EngineError(
                f"a worker has another file of weights {name!r} than the driver: sha256 {found}, "
                f"wanted {digest}. Give every node the same files under DATAGEN_WEIGHTS"
            )
        known[name] = f"{name}@{digest}", weight_terms(card, purpose)
    return known


_WORKSHOPS: dict[str, _Workshop] = {}


def _workshop(job: MakeShard) -> _Workshop:
    """Return this process's workshop for a job, made at the first shard."""
    for plugin in job.plugins:
        plugin.load()
    roots = [source.root for source in job.sources]
    key = digest_of([job.content_digest, job.loaded.spec.model_dump(mode="json"), roots])
    if key not in _WORKSHOPS:
        cv2.setNumThreads(1)  # a worker is one core; more only wait for each other
        _WORKSHOPS.clear()
        _WORKSHOPS[key] = _Workshop(job)
    return _WORKSHOPS[key]
