"""Degrade a clip pair: all its clips with the same drawn values; geometry follows each frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from datagen.degradations.apply import DegradedImages, Step
from datagen.degradations.apply_clips import DegradedClips, apply_steps_to_clips
from datagen.degradations.compose import Composition
from datagen.errors import ContractError, ItemError
from datagen.generation.checks import errors_name_pair, visible_change
from datagen.generation.clips.pair import ClipPair
from datagen.generation.degrading import draw_steps
from datagen.generation.geometry import follow_landmarks, follow_mask, rotation_of
from datagen.planning import Item

__all__ = ["ClipDegrader"]


class ClipDegrader:
    """Degrades the clip pairs of a recipe.

    Args:
        compositions: The degradations of the recipe, in order.
        seed: Seed of the recipe.
        size: Side of the frames in pixels.
    """

    def __init__(self, compositions: Sequence[Composition], seed: int, size: int) -> None:
        self._compositions = compositions
        self._seed = seed
        self._size = size
        self._proven: set[str] = set()

    def name_for(self, item: Item) -> str | None:
        """Return the name of an item's degradation; ``None`` if it has none."""
        return None if item.degradation is None else self._compositions[item.degradation].name

    def degrade(self, pair: ClipPair) -> ClipPair:
        """Return the pair as it is released.

        Raises:
            ContractError: A degradation broke its contract; the message names the pair.
            ItemError: ``face_lost``: the degradation moved the face out of the frames.
        """
        item = pair.item
        if item.degradation is None:
            return pair
        composition = self._compositions[item.degradation]
        with errors_name_pair(item.pair_id, f"degradation {composition.name!r}"):
            steps = draw_steps(composition, self._seed, item, self._size)
            clips = list(pair.images.values())
            degraded = apply_steps_to_clips(clips, steps)
            self._prove(steps, clips[:1], degraded)
        released = replace(
            pair,
            images=dict(zip(pair.images, degraded.clips, strict=True)),
            degraded=DegradedImages(
                [clip[len(clip) // 2] for clip in degraded.clips],
                degraded.operations,
                degraded.psnr,
                degraded.matrix,
            ),
        )
        return _with_geometry(released, degraded) if steps else released

    def _prove(
        self, steps: Sequence[Step], clips: Sequence[Sequence[np.ndarray]], first: DegradedClips
    ) -> None:
        """Apply kinds that this process has not used before a second time, to the real alone."""
        unproven = {step.kind.name for step in steps} - self._proven
        if not unproven:
            return
        again = apply_steps_to_clips(clips, steps).clips[0]
        if not all(map(np.array_equal, again, first.clips[0])):
            raise ContractError(
                f"degradation {', '.join(sorted(unproven))!r} gave two results for the same "
                "params. Draw every random value in 'sample' and return it in the params"
            )
        self._proven |= unproven


def _with_geometry(pair: ClipPair, degraded: DegradedClips) -> ClipPair:
    """Move masks and landmarks with the pixels and measure the change that is left."""
    size = pair.masks[0].shape[0]
    shown = list(range(len(pair))) if degraded.shown is None else degraded.shown
    masks = [pair.masks[at] for at in shown]
    landmarks = {kind: [points[at] for at in shown] for kind, points in pair.landmarks.items()}
    changes = [pair.changes[at] for at in shown]
    rotation = 0.0
    if degraded.matrix is not None:
        matrix = degraded.matrix
        masks = [follow_mask(mask, matrix) for mask in masks]
        try:
            landmarks = {
                kind: [
                    None if one is None else follow_landmarks(one, matrix, size) for one in points
                ]
                for kind, points in landmarks.items()
            }
        except ItemError as error:
            raise ItemError(error.code, f"in a frame of the clip, {error.detail}") from error
        rotation = rotation_of(matrix, size)
    released = [
        visible_change(real, fake, mask)
        for real, fake, mask in zip(pair.images["real"], pair.images["fake"], masks, strict=True)
    ]
    crops = pair.crops.shown(shown)
    return replace(
        pair,
        crops=crops,
        donor_frames=pair.donor_frames[shown],
        masks=masks,
        landmarks=landmarks,
        changes=changes,
        changes_released=released,
        rotation=rotation,
    )
