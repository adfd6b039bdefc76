"""Which part of an aligned face is replaced: drawn first, then made from the landmarks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np

from datagen.core.arrays import Landmarks, Mask
from datagen.core.rounding import rounded
from datagen.core.schema import Frozen
from datagen.errors import RecipeError
from datagen.faces.part_masks import Bending, PartName, is_visible, part_mask
from datagen.faces.pixels.blend import expand
from datagen.weights import Network

__all__ = ["MaskDraw", "MaskName", "check_masks", "draw_mask", "mask_within"]

MaskName: TypeAlias = Literal["box", "network"] | PartName
"""``box``: the soft square of paste-back; ``network``: what the network gives beside the face;
else a part of the face within its hull. All of them lie within the box."""

_STILL = [[[0.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]]


class MaskDraw(Frozen):
    """What was drawn for one mask.

    Attributes:
        kind: Which.
        lift: How far a mask of the face reaches over the brows, as a share of the forehead.
        erode, blur: Deviations of the filters that make its edge, as shares of the face's width.
    """

    kind: MaskName
    lift: float
    erode: float
    blur: float


def check_masks(card_id: str, network: Network, masks: Sequence[MaskName]) -> None:
    """Refuse a mask that a network has not, or must not have.

    Raises:
        RecipeError: ``network`` where the card names no output for it; ``box`` for an enhancer,
            which would then go over all of the image: a degradation and no fake.
    """
    if "network" in masks and not network.mask_name:
        raise RecipeError(
            f"masks: 'network' wants a network that gives one; weight card {card_id!r} has no "
            "network.mask_name. Leave 'network' out, or name the output in your own card"
        )
    if network.task == "enhance" and "box" in masks:
        raise RecipeError(
            f"masks: 'box' with the enhancer {card_id!r} would enhance the image and not forge "
            "a face. Use parts of the face, such as face, features, eyes or mouth"
        )


def draw_mask(
    rng: np.random.Generator, masks: Sequence[MaskName], landmarks: Landmarks, side: int
) -> MaskDraw:
    """Draw one of ``masks``; a part that lies outside the image gives way to another."""
    lift, share = rng.uniform(0.2, 0.95), rng.uniform(0.8, 1.0)
    blur = rng.uniform(0.02, 0.06)
    order = [masks[index] for index in rng.permutation(len(masks))]
    seen = [name for name in order if _is_seen(name, landmarks, (side, side))]
    return MaskDraw(
        kind=(seen or order)[0],
        lift=rounded(lift),
        erode=rounded(blur * share),
        blur=rounded(blur),
    )


def mask_within(drawn: MaskDraw, landmarks: Landmarks, size: int, own: Mask | None) -> Mask | None:
    """Make the mask in the aligned face.

    Args:
        drawn: What was drawn.
        landmarks: In pixels of the aligned face.
        size: Side of the aligned face.
        own: The network's mask, ``(size, size)``, where ``drawn`` wants it.

    Returns:
        ``(size, size)``, or ``None`` for all of the box.

    Raises:
        ItemError: ``method_failed`` when nothing of it is in the aligned face.
    """
    if drawn.kind == "box":
        return None
    if drawn.kind == "network":
        return own
    # The part's edge is softened as if there were no edge of the square, which has its own.
    edge = size // 2
    shape = (size + 2 * edge, size + 2 * edge)
    how = Bending(_STILL, 0.0, drawn.erode, drawn.blur)
    region, mask = part_mask(drawn.kind, landmarks + np.float32(edge), drawn.lift, how, shape)
    inner = slice(edge, edge + size)
    return np.ascontiguousarray(expand(mask, region, shape)[inner, inner])


def _is_seen(name: MaskName, landmarks: Landmarks, shape: tuple[int, ...]) -> bool:
    return name == "box" or name == "network" or is_visible(name, landmarks, shape)
