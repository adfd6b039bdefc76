"""One clip pair, from its crops to the images, truth and params of every frame."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Image, Landmarks, Mask
from datagen.degradations.apply import DegradedImages
from datagen.errors import ItemError
from datagen.faces.clip_reader import ClipCrops
from datagen.faces.index import Face
from datagen.generation.checks import (
    call_method,
    check_repeatable,
    checked,
    checked_control,
    errors_name_pair,
    visible_change,
)
from datagen.generation.pair import Pair, draw_params, refuse_last_attempt
from datagen.generation.resemblance import Resembles, resembles
from datagen.methods import Context, Method, Result
from datagen.methods.batched import BatchedMethod
from datagen.planning import Item

__all__ = ["ClipDraft", "ClipPair", "Clock"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Clock:
    """When the frames of a clip are shown.

    Attributes:
        fps: Frames per second of the clip: those of the video divided by the stride.
        stride: Step between the clip's frames in the video.
        motion: ``video``, ``rendered`` or ``camera``.
    """

    fps: Fraction
    stride: int
    motion: str


@dataclass(frozen=True, slots=True)
class ClipPair:
    """The frames of a clip pair with their truth and params; lists have one entry per frame.

    Attributes:
        item: The planned item.
        method: The method that made the fake.
        params: Params from which the method makes every frame of the fake again.
        attempt: Number of the accepted draw of the params, from 0.
        target: The target in the face index.
        donor: The donor in the face index; ``None`` if the method takes none.
        clock: When the frames are shown.
        crops: The target as the method saw it.
        donor_frames: Numbers of the donor's frames in its video; -1 without a donor in a video.
        images: Frames by kind, in the order of the rows: real, control if planned, fake.
        masks: Where and how strongly the fake replaces the real.
        landmarks: Landmarks by kind; ``None`` where they are unknown.
        changes: Visible change of the fake before degradation, in 8-bit intensity levels.
        changes_released: The same between the released frames.
        degraded: What was done to each kind; ``None`` if the recipe has no degradation.
        rotation: Angle in degrees by which the degradation rotated the frames.
        resembles: Whom its middle frame resembles, before degradation, if there is an embedder.
    """

    item: Item
    method: Method
    params: Any
    attempt: int
    target: Face
    donor: Face | None
    clock: Clock
    crops: ClipCrops
    donor_frames: NDArray[np.int64]
    images: Mapping[str, list[Image]]
    masks: list[Mask]
    landmarks: Mapping[str, list[Landmarks | None]]
    changes: list[float]
    changes_released: list[float]
    degraded: DegradedImages | None = None
    rotation: float = 0.0
    resembles: Resembles | None = None

    def __len__(self) -> int:
        """Count the frames."""
        return len(self.masks)

    def for_item(self, item: Item) -> ClipPair:
        """Return the same base pair for another level of a severity ladder."""
        return replace(self, item=item)

    def middle(self) -> Pair:
        """Return its middle frame as a still pair, with the changes of the whole clip."""
        at = len(self) // 2
        return Pair(
            item=self.item,
            method=self.method,
            params=self.params,
            attempt=self.attempt,
            target=self.target,
            donor=self.donor,
            crop=self.crops.crops[at],
            matrix=self.crops.matrices[at],
            images={kind: frames[at] for kind, frames in self.images.items()},
            mask=self.masks[at],
            landmarks={kind: points[at] for kind, points in self.landmarks.items()},
            change=float(np.mean(self.changes)),
            change_released=float(np.mean(self.changes_released)),
            degraded=self.degraded,
            rotation=self.rotation,
            resembles=self.resembles,
        )


@dataclass(slots=True)
class ClipDraft:
    """A clip pair whose crops are taken and whose params are drawn.

    The params are drawn once, from the middle frame, and every frame is made from them.

    Attributes:
        item: The planned item.
        method: The method of the item.
        target: The target in the face index.
        donor: The donor in the face index; ``None`` if the method takes none.
        clock: When the frames are shown.
        crops: The target's frames.
        donor_frames: See ``ClipPair``.
        contexts: What the method receives for each frame.
        seed: Seed of the recipe.
        min_change: Smallest accepted visible change of the clip, in 8-bit intensity levels.
        attempt: Number of the current draw, from 0.
        params: Params of the current draw.
        embedder: Id of the card of the embedder that tells whom the fake resembles, if any.
    """

    item: Item
    method: Method
    target: Face
    donor: Face | None
    clock: Clock
    crops: ClipCrops
    donor_frames: NDArray[np.int64]
    contexts: Sequence[Context]
    seed: int
    min_change: float
    attempt: int = 0
    params: Any = field(default=None)
    embedder: str | None = None

    def make(self, prove: bool) -> ClipPair:
        """Return the pair.

        Args:
            prove: Make the middle frame twice and compare the results.

        Raises:
            ContractError: The method broke its contract; the message names pair and frame.
            ItemError: A frame cannot be manipulated, or the fake changed too little.
        """
        while True:
            self.params = draw_params(self.method, self._middle, self.item, self.seed, self.attempt)
            results = self._results()
            if prove:
                self._check_repeatable()
            reals = [
                ctx.target.image if result.real is None else result.real
                for ctx, result in zip(self.contexts, results, strict=True)
            ]
            changes = [
                visible_change(real, result.image, result.mask)
                for real, result in zip(reals, results, strict=True)
            ]
            if (change := float(np.mean(changes))) >= self.min_change:
                return self._pair(results, reals, changes)
            refuse_last_attempt(self.attempt, change, self.min_change)
            self.attempt += 1

    @property
    def _middle(self) -> Context:
        return self.contexts[len(self.contexts) // 2]

    def _run(self, frame: int, step: Callable[[Context], T]) -> T:
        try:
            with self._named(frame):
                return call_method(self.method, self.contexts[frame], step)
        except ItemError as error:
            raise ItemError(error.code, f"frame {frame} of the clip: {error.detail}") from error

    def _named(self, frame: int) -> Any:
        return errors_name_pair(
            self.item.pair_id, f"method {self.method.name!r}, frame {frame} of the clip"
        )

    def _results(self) -> list[Result]:
        method = self.method
        frames = range(len(self.contexts))
        if isinstance(method, BatchedMethod):
            raw = self._batched(method)
        else:
            raw = [self._run(n, lambda ctx: method.apply(ctx, self.params)) for n in frames]
        results = []
        for n, (ctx, result) in enumerate(zip(self.contexts, raw, strict=True)):
            with self._named(n):
                results.append(checked(method, result, ctx))
        return results

    def _batched(self, method: BatchedMethod) -> list[Result]:
        """Run the network over the frames of the clip, as many at once as its batch holds."""
        frames, size = range(len(self.contexts)), method.config.batch
        prepared = [self._run(n, lambda ctx: method.prepare(ctx, self.params)) for n in frames]
        outputs = [
            output
            for start in range(0, len(prepared), size)
            for output in method.run(prepared[start : start + size])
        ]
        found = []
        for n in frames:
            given, output = prepared[n], outputs[n]
            found.append(
                self._run(n, lambda ctx: method.finish(ctx, self.params, given, output))  # noqa: B023
            )
        return found

    def _check_repeatable(self) -> None:
        middle = len(self.contexts) // 2
        first, again = (
            self._run(middle, lambda ctx: self.method.apply(ctx, self.params)) for _ in range(2)
        )
        with self._named(middle):
            check_repeatable(self.method, again, first)

    def _pair(
        self, results: Sequence[Result], reals: list[Image], changes: list[float]
    ) -> ClipPair:
        images = {"real": reals}
        if self.item.control:
            images["control"] = self._controls(results, reals)
        images["fake"] = [result.image for result in results]
        points: list[Landmarks | None] = [ctx.target.landmarks for ctx in self.contexts]
        landmarks = dict.fromkeys(images, points)
        landmarks["fake"] = [result.landmarks if result.placed else None for result in results]
        return ClipPair(
            item=self.item,
            method=self.method,
            params=self.params,
            attempt=self.attempt,
            target=self.target,
            donor=self.donor,
            clock=self.clock,
            crops=self.crops,
            donor_frames=self.donor_frames,
            images=images,
            masks=[result.mask for result in results],
            landmarks=landmarks,
            changes=changes,
            changes_released=changes,
            resembles=self._resembles(results[len(results) // 2]),
        )

    def _resembles(self, middle: Result) -> Resembles | None:
        return None if self.embedder is None else resembles(self.embedder, self._middle, middle)

    def _controls(self, results: Sequence[Result], reals: Sequence[Image]) -> list[Image]:
        found = []
        for n, (result, real) in enumerate(zip(results, reals, strict=True)):
            control = self._run(n, lambda ctx: self.method.control(ctx, self.params))
            with self._named(n):
                found.append(checked_control(self.method, control, real, result.mask))
        return found
