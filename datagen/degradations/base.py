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
        grain: Names of the seeds in its params that are drawn anew for each frame of a clip, as
            the noise of a sensor is; what stays in place, such as the dots of a print, is not.
        clips_only: Whether it does nothing to a still image.
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
    grain: ClassVar[tuple[str, ...]] = ()
    clips_only: ClassVar[bool] = False

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

    def at_frame(self, params: Any, frame: int) -> Any:
        """Return the params of one frame of a clip: those of the clip, with its grain drawn anew.

        Args:
            params: What was drawn for the clip; those of frame 0.
            frame: Number of the frame in the clip.
        """
        if frame == 0 or not self.grain:
            return params
        seeds = {name: _seed_at(getattr(params, name), frame) for name in self.grain}
        return params.model_copy(update=seeds)

    def apply_clips(self, clips: Sequence[Sequence[Image]], params: Any) -> list[list[Image]]:
        """Degrade the clips of a pair; by default frame by frame, with the same values.

        Args:
            clips: Clips of equal length; their frames have one shape.
            params: What was drawn for all of them.

        Returns:
            As many clips of as many frames.
        """
        if not self.grain:  # one call shares what does not depend on the image
            flat = self.apply_all([frame for clip in clips for frame in clip], params)
            count = len(clips[0])
            return [flat[start : start + count] for start in range(0, len(flat), count)]
        times = [
            self.apply_all(frames, self.at_frame(params, number))
            for number, frames in enumerate(zip(*clips, strict=True))
        ]
        return [list(clip) for clip in zip(*times, strict=True)]

    def shown(self, params: Any, count: int) -> list[int] | None:
        """Return which frame is shown at each of ``count`` positions; ``None`` if each its own."""
        return None

    def clip_homography(self, params: Any, shape: Shape) -> Homography | None:
        """Return where the pixels of all frames of a clip move to; by default as in an image."""
        return self.homography(params, shape)

    def encoder(self, params: Any) -> str | None:
        """Return the name and version of the encoder that was used."""
        return None


def _seed_at(seed: int, frame: int) -> int:
    return int(np.random.Generator(np.random.Philox(key=[seed, frame])).integers(2**32))


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
