"""The degradation contract: draw every random choice first, then damage without randomness."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Image
from datagen.core.schema import Frozen, parse
from datagen.errors import RecipeError

__all__ = ["SEVERITIES", "Degradation", "Homography", "Params", "Shape"]

Homography: TypeAlias = NDArray[np.float64]
"""``(3, 3)``: pixels before (x, y, 1) to pixels after; whole numbers are middles of pixels."""

Shape: TypeAlias = tuple[int, int]
"""Height and width in pixels."""

Params: TypeAlias = Frozen
"""What was drawn for one pair; goes to the manifest as JSON and damages in the same way again."""

SEVERITIES = 5

_NOWHERE = np.eye(3)


class Degradation(ABC):
    """One kind of damage, done to every member of a pair with the same values.

    ``sample`` is the only place that sees a generator; it knows the size of the images and
    nothing of what they show. ``apply`` is a pure function: a field of noise comes from a seed
    in the params, so that real, control and fake get the same one.

    Attributes:
        name: Its name in recipes and manifests.
        version: Raised by one whenever the bytes of a damaged image change.
        options: Model of the ranges that a recipe may set; the defaults span what occurs.
        params: Model of what ``sample`` returns.
        levels: The options of severity 1 to 5, from hardly seen to hardly recognized.
        moves: Whether it moves pixels; then ``homography`` is not ``None``.
        only_moves: Whether it does nothing else; then there is nothing to measure.
        tints: Whether it may color a gray image.
        extra: Which optional part of this package it needs, as in ``pip install datagen[video]``.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    options: ClassVar[type[Frozen]]
    params: ClassVar[type[Frozen]]
    levels: ClassVar[tuple[Mapping[str, Any], ...]]
    moves: ClassVar[bool] = False
    only_moves: ClassVar[bool] = False
    tints: ClassVar[bool] = False
    extra: ClassVar[str] = ""

    def __init__(self, config: Frozen) -> None:
        self.config = config

    @classmethod
    def build(cls, options: Mapping[str, Any], where: str = "") -> Self:
        """Make the kind from keys of a recipe or a profile.

        Raises:
            RecipeError: An unknown key or a value out of range, with its path.
        """
        label = f"options of degradation {cls.name!r}"
        return cls(parse(cls.options, dict(options), label, RecipeError, prefix=where))

    @classmethod
    def at(cls, severity: int) -> Self:
        """Make the kind at a severity of its ladder, 1 to 5."""
        return cls.build(cls.levels[severity - 1])

    @abstractmethod
    def sample(self, rng: np.random.Generator, shape: Shape) -> Params:
        """Draw the params of one pair within ``self.config``; always the same number of draws.

        So that the levels of a ladder, which start from one state of the generator, differ in
        strength and not in place.
        """

    @abstractmethod
    def apply(self, image: Image, params: Any) -> Image:
        """Return the damaged image, of the same shape; a gray one stays gray unless said so."""

    def apply_all(self, images: Sequence[Image], params: Any) -> list[Image]:
        """Damage the members of a pair; to be overridden where a set-up can be shared."""
        return [self.apply(image, params) for image in images]

    def homography(self, params: Any, shape: Shape) -> Homography | None:
        """Say where pixels went; ``None`` when they stay."""
        return None

    def moved(self, image: Image, params: Any) -> Image:
        """Return what the PSNR is measured against: the image moved and not damaged."""
        if self.only_moves:
            return self.apply(image, params)
        matrix = self.homography(params, (image.shape[0], image.shape[1]))
        return image if matrix is None or np.array_equal(matrix, _NOWHERE) else warp(image, matrix)

    def encoder(self, params: Any) -> str | None:
        """Name the encoder that was used, and its version."""
        return None


def warp(image: NDArray[np.uint8], matrix: Homography) -> NDArray[np.uint8]:
    """Move pixels linearly; an image is mirrored at its edge, a mask is 0 beyond it."""
    mask = image.ndim == 2
    size = (image.shape[1], image.shape[0])
    return np.asarray(
        cv2.warpPerspective(
            image,
            matrix,
            size,
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT if mask else cv2.BORDER_REFLECT_101,
        ),
        np.uint8,
    )
