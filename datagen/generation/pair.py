"""One pair, from the planned item to its images, truth and params."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from datagen.core.arrays import Affine, Image, Landmarks, Mask
from datagen.core.rng import rng
from datagen.degradations.apply import DegradedImages
from datagen.errors import ItemError
from datagen.faces.crop import CropJitter, draw_jitter
from datagen.faces.face import FaceCrop
from datagen.faces.index import Face, FaceIndex
from datagen.faces.reader import FaceReader
from datagen.generation.checks import (
    alike_in_color,
    call_method,
    check_params,
    check_repeatable,
    checked,
    checked_control,
    errors_name_pair,
    visible_change,
)
from datagen.generation.resemblance import Resembles, resembles
from datagen.methods import Context, Method, Result
from datagen.methods.base import Params
from datagen.planning import Item
from datagen.recipe import MethodUse, Recipe, RecipeSpec

__all__ = ["MAX_ATTEMPTS", "Draft", "Pair", "PairStarter"]

MAX_ATTEMPTS = 8
"""How many times the params of a pair are drawn before the pair is rejected."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pair:
    """The images of a pair with their truth and params.

    Attributes:
        item: The planned item.
        method: The method that made the fake.
        params: Params from which the method makes the fake again.
        attempt: Number of the accepted draw of the params, from 0.
        target: The target in the face index.
        donor: The donor in the face index; ``None`` if the method takes none.
        crop: The target as the method saw it.
        matrix: Affine map from source pixels to crop pixels.
        images: Images by kind, in the order of the rows: real, control if planned, fake.
        mask: Where and how strongly the fake replaces the real.
        landmarks: Landmarks by kind; ``None`` where they are unknown.
        change: Visible change of the fake before degradation, in 8-bit intensity levels.
        change_released: Visible change between the released images, in 8-bit intensity levels.
        degraded: Degradation of the images; ``None`` if the recipe has none.
        rotation: Angle in degrees by which the degradation rotated the images; > 0 is clockwise.
        resembles: Whom the fake resembles, before degradation; ``None`` without an embedder.
    """

    item: Item
    method: Method
    params: Params
    attempt: int
    target: Face
    donor: Face | None
    crop: FaceCrop
    matrix: Affine
    images: Mapping[str, Image]
    mask: Mask
    landmarks: Mapping[str, Landmarks | None]
    change: float
    change_released: float
    degraded: DegradedImages | None = None
    rotation: float = 0.0
    resembles: Resembles | None = None

    def for_item(self, item: Item) -> Pair:
        """Return the same base pair for another level of a severity ladder."""
        return replace(self, item=item)


@dataclass(slots=True)
class Draft:
    """A pair whose crops are taken and whose params are drawn; it waits for the method's result.

    Attributes:
        item: The planned item.
        method: The method of the item.
        target: The target in the face index.
        donor: The donor in the face index; ``None`` if the method takes none.
        matrix: Affine map from source pixels to the target's crop.
        ctx: Context that the method receives.
        seed: Seed of the recipe.
        min_change: Smallest accepted visible change, in 8-bit intensity levels.
        attempt: Number of the current draw, from 0.
        params: Params of the current draw.
        embedder: Id of the card of the embedder that tells whom the fake resembles, if any.
    """

    item: Item
    method: Method
    target: Face
    donor: Face | None
    matrix: Affine
    ctx: Context
    seed: int
    min_change: float
    attempt: int = 0
    params: Any = None
    embedder: str | None = None

    def __post_init__(self) -> None:
        """Draw the first params."""
        self._draw()

    @property
    def _part(self) -> str:
        return f"method {self.method.name!r}"

    def run(self, step: Callable[[Context], T]) -> T:
        """Run a step of the method on this pair's context.

        Args:
            step: The step as a function of the context.

        Raises:
            ContractError: The step writes to its inputs; the message names the pair.
            ItemError: The face cannot be manipulated.
        """
        with errors_name_pair(self.item.pair_id, self._part):
            return call_method(self.method, self.ctx, step)

    def apply(self) -> Result:
        """Return the method's result for the current params; raises as ``run``."""
        return self.run(lambda ctx: self.method.apply(ctx, self.params))

    def accept(self, result: Result) -> Pair | None:
        """Check the method's result and complete the pair.

        Returns:
            The pair, or ``None`` if the fake changed too little; new params are drawn then.

        Raises:
            ContractError: The method broke its contract; the message names the pair.
            ItemError: ``change_too_small`` at the last attempt.
        """
        with errors_name_pair(self.item.pair_id, self._part):
            result = checked(self.method, result, self.ctx)
        real = self.ctx.target.image if result.real is None else result.real
        change = visible_change(real, result.image, result.mask)
        if change < self.min_change:
            self._redraw(change)
            return None
        return self._pair(result, real, change)

    def check_repeatable(self, again: Result, first: Result) -> None:
        """Compare two results of the method for the current params.

        Raises:
            ContractError: They differ; the message names the pair.
        """
        with errors_name_pair(self.item.pair_id, self._part):
            check_repeatable(self.method, again, first)

    def _draw(self) -> None:
        self.params = draw_params(self.method, self.ctx, self.item, self.seed, self.attempt)

    def _redraw(self, change: float) -> None:
        refuse_last_attempt(self.attempt, change, self.min_change)
        self.attempt += 1
        self._draw()

    def _pair(self, result: Result, real: Image, change: float) -> Pair:
        images = {"real": real}
        if self.item.control:
            images["control"] = self._control(real, result.mask)
        images["fake"] = result.image
        crop = self.ctx.target
        landmarks: dict[str, Landmarks | None] = dict.fromkeys(images, crop.landmarks)
        landmarks["fake"] = result.landmarks if result.placed else None
        return Pair(
            item=self.item,
            method=self.method,
            params=self.params,
            attempt=self.attempt,
            target=self.target,
            donor=self.donor,
            crop=crop,
            matrix=self.matrix,
            images=images,
            mask=result.mask,
            landmarks=landmarks,
            change=change,
            change_released=change,
            resembles=None if self.embedder is None else resembles(self.embedder, self.ctx, result),
        )

    def _control(self, real: Image, mask: Mask) -> Image:
        control = self.run(lambda ctx: self.method.control(ctx, self.params))
        with errors_name_pair(self.item.pair_id, self._part):
            return checked_control(self.method, control, real, mask)


def draw_params(method: Method, ctx: Context, item: Item, seed: int, attempt: int) -> Params:
    """Draw the params of a pair.

    Args:
        method: The method of the item.
        ctx: What the method sees; of a clip, its middle frame.
        item: The planned item.
        seed: Seed of the recipe.
        attempt: Number of the draw, from 0.

    Raises:
        ContractError: The method returns something else or writes to its inputs.
        ItemError: The face cannot be manipulated.
    """
    draws = rng(seed, item.split, item.base, f"method/{attempt}")
    with errors_name_pair(item.pair_id, f"method {method.name!r}"):
        params = call_method(method, ctx, lambda ctx: method.sample(draws, ctx))
        check_params(method, params)
    return params


def refuse_last_attempt(attempt: int, change: float, min_change: float) -> None:
    """Refuse a pair whose fake changed too little at the last attempt.

    Raises:
        ItemError: ``change_too_small``.
    """
    if attempt + 1 == MAX_ATTEMPTS:
        raise ItemError(
            "change_too_small",
            f"visible change of {change:.2f} intensity levels at attempt {MAX_ATTEMPTS}, at "
            f"least {min_change:g} required",
        )


def refuse_missing_donor(method: Method, use: MethodUse, item: Item) -> None:
    """Refuse an item without a donor whose method needs one.

    Raises:
        ItemError: ``no_donor``, with the rule.
    """
    if method.needs_donor and item.donor is None:
        rule = "" if use.donor is None else f" {{match: [{', '.join(use.donor.match)}]}}"
        raise ItemError("no_donor", f"no donor satisfies the rule{rule} for this target")


def jitter_of(spec: RecipeSpec, item: Item) -> CropJitter:
    """Draw how the crop of an item is moved."""
    ranges = spec.face.jitter
    draws = rng(spec.seed, item.split, item.base, "crop")
    return draw_jitter(draws, ranges.shift, ranges.scale, ranges.rotate, ranges.flip)


class PairStarter:
    """Starts the pairs of a recipe: looks up their faces and takes the crops.

    Args:
        recipe: The recipe.
        index: The face index that planned items refer to.
        reader: Reads the crops.
    """

    def __init__(self, recipe: Recipe, index: FaceIndex, reader: FaceReader) -> None:
        self._recipe = recipe.spec
        self._methods = recipe.methods
        self._index = index
        self._reader = reader

    def start(self, item: Item) -> Draft:
        """Return the draft of an item, with its first params drawn.

        Raises:
            ItemError: The item has no donor, or the face cannot be manipulated.
            SourceChangedError: An image file is gone or differs from the one that was indexed.
        """
        method = self._methods[item.method]
        use = self._recipe.methods[item.method]
        refuse_missing_donor(method, use, item)
        target = self._index.face(item.target)
        donor = None if item.donor is None else self._index.face(item.donor)
        jitter = jitter_of(self._recipe, item)
        crop, matrix = self._reader.crop(target, jitter)
        donor_crop = None
        if donor is not None:
            # The donor was chosen for its similarity before flipping, so both are flipped.
            donor_crop, _ = self._reader.crop(donor, CropJitter(flip=jitter.flip))
        min_change = method.min_change if use.min_change is None else use.min_change
        context = Context(*alike_in_color(crop, donor_crop))
        seed = self._recipe.seed
        embedder = self._recipe.face.embedder
        return Draft(
            item, method, target, donor, matrix, context, seed, min_change, embedder=embedder
        )
