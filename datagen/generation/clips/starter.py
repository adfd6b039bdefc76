"""Start the clip pairs of a recipe: look up their faces, choose frames, take the crops."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from datagen.core.rng import rng
from datagen.errors import ItemError
from datagen.faces.clip_reader import ClipCrops, ClipReader
from datagen.faces.crop import CropJitter
from datagen.faces.face import FaceCrop
from datagen.faces.index import Face, FaceIndex
from datagen.faces.reader import FaceReader
from datagen.faces.tracks.track import Track
from datagen.faces.virtual_camera import draw_camera
from datagen.generation.checks import alike_in_color
from datagen.generation.clips.alignment import donor_window, in_order, nearest_expression
from datagen.generation.clips.pair import ClipDraft, Clock
from datagen.generation.pair import jitter_of, refuse_missing_donor
from datagen.methods import Context
from datagen.planning import Item
from datagen.recipe import Recipe
from datagen.recipe.clips import CameraRule, ClipRule

__all__ = ["ClipStarter"]


class ClipStarter:
    """Starts the clip pairs of a recipe.

    Args:
        recipe: The recipe, which has ``clip``.
        index: The face index that planned items refer to.
        stills: Reads crops of stills.
        clips: Reads crops of videos.
    """

    def __init__(
        self, recipe: Recipe, index: FaceIndex, stills: FaceReader, clips: ClipReader
    ) -> None:
        if recipe.spec.clip is None:
            raise ValueError("the recipe makes images: it has no 'clip'")
        self._spec = recipe.spec
        self._rule: ClipRule = recipe.spec.clip
        self._methods = recipe.methods
        self._index = index
        self._stills = stills
        self._clips = clips
        self._cameras: dict[str, CameraRule] = {
            card.id: use.camera
            for use, card in zip(recipe.spec.sources, recipe.cards, strict=True)
            if use.camera is not None
        }

    def start(self, item: Item) -> ClipDraft:
        """Return the draft of an item; its params are not drawn yet.

        Raises:
            ItemError: The item has no donor, or another face is in the crop.
            SourceChangedError: A file is gone or differs from the one that was indexed.
        """
        method, use = self._methods[item.method], self._spec.methods[item.method]
        refuse_missing_donor(method, use, item)
        target = self._index.face(item.target)
        donor = None if item.donor is None else self._index.face(item.donor)
        jitter = jitter_of(self._spec, item)
        track = self._window(item, target)
        crops, clock = self._target(item, target, track, jitter)
        if crops.other_faces.any():
            frames = int((crops.other_faces > 0).sum())
            raise ItemError("other_face", f"another face is near it in {frames} frames")
        donors: list[FaceCrop | None] = [None] * len(crops)
        numbers = np.full(len(crops), -1, np.int64)
        if donor is not None:
            # The donor was chosen for its likeness before flipping, so both are flipped.
            donors, numbers = self._donor(item, donor, track, CropJitter(flip=jitter.flip))
        contexts = [
            Context(*alike_in_color(crop, other))
            for crop, other in zip(crops.crops, donors, strict=True)
        ]
        min_change = method.min_change if use.min_change is None else use.min_change
        return ClipDraft(
            item, method, target, donor, clock, crops, numbers, contexts,
            self._spec.seed, min_change, embedder=self._spec.face.embedder,
        )  # fmt: skip

    def _window(self, item: Item, target: Face) -> Track | None:
        """Return the frames of the target's clip; ``None`` for a still under a camera."""
        if target.frames is None:
            return None
        track = self._index.track(item.target)
        return track.window(item.start, self._rule.frames, self._rule.stride)

    def _target(
        self, item: Item, target: Face, track: Track | None, jitter: CropJitter
    ) -> tuple[ClipCrops, Clock]:
        stride = self._rule.stride
        if track is not None:
            places = np.arange(len(track), dtype=np.int64)
            rate = (target.fps or Fraction(25)) / stride
            crops = self._clips.of_track(target, track, places, jitter)
            return crops, Clock(rate, stride, target.motion or "video")
        rule = self._cameras[target.source]
        draws = rng(self._spec.seed, item.split, item.base, "moving camera")
        fps = Fraction(rule.fps, stride)
        motion = draw_camera(draws, self._rule.frames, float(fps), rule.shake, rule.zoom, rule.turn)
        return self._clips.of_still(target, motion, jitter), Clock(fps, stride, "camera")

    def _donor(
        self, item: Item, donor: Face, target: Track | None, jitter: CropJitter
    ) -> tuple[list[FaceCrop | None], NDArray[np.int64]]:
        frames, stride = self._rule.frames, self._rule.stride
        if donor.frames is None or item.donor is None:
            crop, _ = self._stills.crop(donor, jitter)
            return [crop] * frames, np.full(frames, -1, np.int64)
        use = self._spec.methods[item.method].donor
        rule = (use.frames if use is not None else None) or "in_order"
        draws = rng(self._spec.seed, item.split, item.base, "donor window")
        start, count = donor_window(draws, donor.frames, frames, stride, rule)
        window = self._index.track(item.donor).window(start, count, 1)
        if rule == "in_order" or target is None:
            places = in_order(count, frames, stride)
        else:
            places = nearest_expression(target, window)
        crops = self._clips.of_track(donor, window, places, jitter)
        return list(crops.crops), crops.frames
