"""Degrade a pair: all its images with the same drawn values; mask and landmarks follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from datagen.core.rng import rng
from datagen.degradations.apply import Step, apply_steps, check_same_degradation
from datagen.degradations.compose import Composition
from datagen.degradations.places import check_places
from datagen.errors import ContractError
from datagen.generation.checks import errors_name_pair, visible_change
from datagen.generation.geometry import follow_landmarks, follow_mask, rotation_of
from datagen.generation.pair import Pair
from datagen.planning import Item

__all__ = ["Degrader", "draw_steps"]


class Degrader:
    """Degrades the pairs of a recipe.

    Args:
        compositions: The degradations of the recipe, in order.
        seed: Seed of the recipe.
        size: Side of the images in pixels.
    """

    def __init__(self, compositions: Sequence[Composition], seed: int, size: int) -> None:
        self._compositions = compositions
        self._seed = seed
        self._size = size
        self._proven: set[str] = set()

    def name_for(self, item: Item) -> str | None:
        """Return the name of an item's degradation; ``None`` if it has none."""
        return None if item.degradation is None else self._compositions[item.degradation].name

    def degrade(self, pair: Pair) -> Pair:
        """Return the pair as it is released.

        Raises:
            ContractError: A degradation broke its contract; the message names the pair.
            ItemError: ``face_lost``: the degradation moved the face out of the image.
        """
        item = pair.item
        if item.degradation is None:
            return pair
        composition = self._compositions[item.degradation]
        with errors_name_pair(item.pair_id, f"degradation {composition.name!r}"):
            steps = draw_steps(composition, self._seed, item, self._size)
            images = list(pair.images.values())
            degraded = apply_steps(images, steps)
            unproven = {step.kind.name for step in steps} - self._proven
            if unproven:
                again = apply_steps(images, steps)
                names = ", ".join(sorted(unproven))
                check_same_degradation(names, again, degraded)
                check_places(names, images[0], degraded.images[0], degraded.matrix)
                self._proven |= unproven
        released = replace(
            pair,
            images=dict(zip(pair.images, degraded.images, strict=True)),
            degraded=degraded,
        )
        return _with_geometry(released) if steps else released


def draw_steps(composition: Composition, seed: int, item: Item, size: int) -> list[Step]:
    """Draw the steps of an item's degradation.

    Args:
        composition: The degradation.
        seed: Seed of the recipe.
        item: The item.
        size: Side of the images in pixels.

    Raises:
        ContractError: A kind returned something else than its params.
    """
    # The levels of a severity ladder start from the same state of the generator.
    draws = rng(seed, item.split, item.base, "degrade")
    steps = composition.draw(draws, (size, size), item.severity)
    for kind, params in steps:
        if not isinstance(params, kind.params):
            raise ContractError(
                f"degradation {kind.name!r} returned {type(params).__name__} from 'sample', "
                f"expected its params model {kind.params.__name__}"
            )
    return steps


def _with_geometry(pair: Pair) -> Pair:
    """Move mask and landmarks with the pixels and measure the change that is left."""
    matrix = None if pair.degraded is None else pair.degraded.matrix
    if matrix is not None:
        size = pair.mask.shape[0]
        pair = replace(
            pair,
            mask=follow_mask(pair.mask, matrix),
            landmarks={
                kind: None if points is None else follow_landmarks(points, matrix, size)
                for kind, points in pair.landmarks.items()
            },
            rotation=rotation_of(matrix, size),
        )
    change = visible_change(pair.images["real"], pair.images["fake"], pair.mask)
    return replace(pair, change_released=change)
