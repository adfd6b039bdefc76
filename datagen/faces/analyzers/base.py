"""The analyzer contract: from an image to its faces, with nothing of the source's kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Box, Image, Landmarks, Mesh
from datagen.sources.base import Record

__all__ = ["Analyzer", "Detection"]


@dataclass(frozen=True, slots=True)
class Detection:
    """One face as an analyzer found it, in pixels of the upright image.

    Attributes:
        landmarks: ``(68, 2)`` float32.
        mesh: ``(478, 3)`` float32, or ``None``.
        pose: Yaw, pitch, roll in degrees. Yaw > 0: the nose points to larger x; pitch > 0:
            looks up; roll > 0: clockwise in the image.
        box: The detector's own box, or ``None``; the index derives one from the landmarks.
        embedding: ``(512,)`` float32 of unit length, or ``None``.
    """

    landmarks: Landmarks
    pose: tuple[float, float, float]
    mesh: Mesh | None = None
    box: Box | None = None
    embedding: NDArray[np.float32] | None = None


class Analyzer(ABC):
    """Finds the faces of an image; made once per process, picklable before ``open``.

    Attributes:
        name: Its name in recipes.
        weights: Ids of the weight cards whose files it loads.
        gives_mesh: Whether detections carry the 478-point mesh.
        gives_embedding: Whether detections carry an identity embedding.
        needs_pixels: False when the record says it all: a source that makes its images on
            demand then need not make them for the index.
    """

    name: ClassVar[str]
    weights: ClassVar[tuple[str, ...]] = ()
    gives_mesh: ClassVar[bool] = False
    gives_embedding: ClassVar[bool] = False
    needs_pixels: ClassVar[bool] = True

    @property
    @abstractmethod
    def version(self) -> str:
        """Text that changes when the same image may give other points; keys the cache."""

    @abstractmethod
    def open(self) -> None:
        """Load what is heavy; called once in the process that will analyze.

        Raises:
            MissingExtraError, WeightsError: With what to do.
        """

    @abstractmethod
    def analyze(self, image: Image, record: Record) -> list[Detection]:
        """Return the faces of an upright image, in a fixed order; none is an empty list."""
