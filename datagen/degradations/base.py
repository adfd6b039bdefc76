"""The degradation contract: draw every random choice first, then apply without randomness."""

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
"""``(3, 3)`` from pixels before (x, y, 1) to pixels after; integers are pixel centers."""

Shape: TypeAlias = tuple[int, int]
"""Height and width in pixels."""

Params: TypeAlias = Frozen
"""What was drawn for one pair; stored in the manifest as JSON, and enough to degrade again."""

SEVERITIES = 5

_IDENTITY = np.eye(3)


class Degradation(ABC):
    """One kind of degradation, applied to all images of a pair with the same values.

    Only ``sample`` sees a random generator; it knows the size of the images but not their content.
    ``apply`` is a pure function: a field of noise comes from a seed in the params, so that real,
    control and fake get the same field.

    Attributes:
        name: Name in recipes and manifests.
        version: Version, raised by one whenever the bytes of a degraded image change.
        options: Model of the ranges that a recipe may set; the defaults span what occurs in
            practice.
        params: Model of what ``sample`` returns.
        levels: Options of severity 1 to 5, from barely visible to barely recognizable; empty for
            one without severities.
        moves: Whether it moves pixels; then ``homography`` is not ``None``.
        only_moves: Whether it does nothing else; then no PSNR is measured.
        tints: Whether it may add color to a gray image.
        extra: Optional part of this package that it needs, as in ``pip install datagen[video]``.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    options: ClassVar[type[Frozen]]
    params: ClassVar[type[Frozen]]
    levels: ClassVar[tuple[Mapping[str, Any], ...]] = ()
    moves: ClassVar[bool] = False
    only_moves: ClassVar[bool] = False
    tints: ClassVar[bool] = False
    extra: ClassVar[str] = ""

    def __init__(self, config: Frozen) -> None:
        self.config = config

    @classmethod
    def build(cls, options: Mapping[str, Any], where: str = "") -> Self:
        """Return the degradation with options from a recipe or a profile.

        Raises:
            RecipeError: A key is unknown or a value is out of range.
        """
        label = f"options of degradation {cls.name!r}"
        return cls(parse(cls.options, dict(options), label, RecipeError, prefix=where))

    @classmethod
    def at(cls, severity: int) -> Self:
        """Return the degradation at a severity from 1 to 5."""
        return cls.build(cls.levels[severity - 1])

    @abstractmethod
    def sample(self, rng: np.random.Generator, shape: Shape) -> Params:
        """Draw the params of one pair from the ranges in ``self.config``.

        The number of draws must not depend on the options: the levels of a ladder start from the
        same state of the generator, and should differ in strength but not in position.
        """

    @abstractmethod
    def apply(self, image: Image, params: Any) -> Image:
        """Return the degraded image, of the same shape; gray stays gray unless ``tints``."""

    def apply_all(self, images: Sequence[Image], params: Any) -> list[Image]:
        """Degrade all images of a pair; override it to share the setup."""
        return [self.apply(image, params) for image in images]

    def homography(self, params: Any, shape: Shape) -> Homography | None:
        """Return where pixels move to; ``None`` if they do not move."""
        return None

    def moved(self, image: Image, params: Any) -> Image:
        """Return the reference of the PSNR: the image, moved but not degraded otherwise."""
        if self.only_moves:
            return self.apply(image, params)
        matrix = self.homography(params, (image.shape[0], image.shape[1]))
        return image if matrix is None or np.array_equal(matrix, _IDENTITY) else warp(image, matrix)

    def encoder(self, params: Any) -> str | None:
        """Return the name and version of the encoder that was used."""
        return None


def warp(image: NDArray[np.uint8], matrix: Homography) -> NDArray[np.uint8]:
    """Warp with linear interpolation; an image is mirrored at its border, a mask is 0 outside."""
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
