"""Masks within an aligned face: drawn first, then computed from the landmarks."""

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

__all__ = [
    "MaskDraw",
    "MaskName",
    "check_masks",
    "draw_mask",
    "mask_within",
    "without_bends",
]

MaskName: TypeAlias = Literal["box", "network"] | PartName
"""``box``: the soft square of paste-back; ``network``: the mask that the network returns;
otherwise a part of the face. All masks are limited to the box."""

_STILL = [[[0.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]]


class MaskDraw(Frozen):
    """Parameters of one mask.

    Attributes:
        kind: Kind of the mask.
        lift: Height of a mask of the face above the brows, as a share of the forehead.
        erode, blur: Standard deviations of the filters of its edge, as shares of the face's width.
    """

    kind: MaskName
    lift: float
    erode: float
    blur: float


def check_masks(card_id: str, network: Network, masks: Sequence[MaskName]) -> None:
    """Refuse masks that do not fit the network.

    Raises:
        RecipeError: ``network`` if the card names no output for it; ``box`` for an enhancer, which
            would then change the whole image: a degradation, not a fake.
    """
    if "network" in masks and not network.mask_name:
        raise RecipeError(
            f"masks: 'network' needs a network that returns a mask, but weight card {card_id!r} "
            "has no network.mask_name. Leave 'network' out, or name the output in a card of "
            "your own"
        )
    if network.task == "enhance" and "box" in masks:
        raise RecipeError(
            f"masks: 'box' with the enhancer {card_id!r} would enhance the whole image, which is "
            "not a fake. Use parts of the face, such as face, features, eyes or mouth"
        )


def draw_mask(
    rng: np.random.Generator, masks: Sequence[MaskName], landmarks: Landmarks, side: int
) -> MaskDraw:
    """Draw one of ``masks``; visible parts are preferred."""
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
    """Compute a drawn mask in the aligned face.

    Args:
        drawn: Parameters of the mask.
        landmarks: Landmarks in pixels of the aligned face.
        size: Side of the aligned face in pixels.
        own: The network's mask, ``(size, size)``, if ``drawn`` needs it.

    Returns:
        Mask, ``(size, size)``, or ``None`` for the whole box.

    Raises:
        ItemError: ``method_failed`` when the mask is empty.
    """
    if drawn.kind == "box":
        return None
    if drawn.kind == "network":
        return own
    # The part is drawn with a margin: the edge of the square is softened separately.
    edge = size // 2
    shape = (size + 2 * edge, size + 2 * edge)
    how = without_bends(drawn)
    region, mask = part_mask(drawn.kind, landmarks + np.float32(edge), drawn.lift, how, shape)
    inner = slice(edge, edge + size)
    return np.ascontiguousarray(expand(mask, region, shape)[inner, inner])


def without_bends(drawn: MaskDraw) -> Bending:
    """Return how the convex hull of a part becomes the drawn mask."""
    return Bending(_STILL, 0.0, drawn.erode, drawn.blur)


def _is_seen(name: MaskName, landmarks: Landmarks, shape: tuple[int, ...]) -> bool:
    return name == "box" or name == "network" or is_visible(name, landmarks, shape)
