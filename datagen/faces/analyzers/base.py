"""The analyzer contract: from an image to its faces, whatever its source."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Box, Image, Landmarks, Mesh
from datagen.sources.base import Record

__all__ = ["SAME_PERSON", "Analyzer", "Detection", "SamePerson"]


@dataclass(frozen=True, slots=True)
class Detection:
    """One detected face, in pixels of the upright image.

    Attributes:
        landmarks: The 68 landmarks, ``(68, 2)`` float32.
        pose: Yaw, pitch and roll in degrees. Yaw > 0: the nose points to larger x; pitch > 0:
            the face looks up; roll > 0: clockwise in the image.
        mesh: Face mesh, ``(478, 3)`` float32, or ``None``.
        box: The detector's own box, or ``None``; the index derives one from the landmarks.
        embedding: Identity embedding, ``(length,)`` float32 of unit length, or ``None``.
    """

    landmarks: Landmarks
    pose: tuple[float, float, float]
    mesh: Mesh | None = None
    box: Box | None = None
    embedding: NDArray[np.float32] | None = None


class SamePerson(NamedTuple):
    """What the cosine similarity of an analyzer's embeddings says.

    Attributes:
        cosine: From here on, two faces in photographs count as one person; ArcFace embeddings of
            two people stay below 0.4.
        embedder: Which embedder it is, if it is not the analyzer's own.
    """

    cosine: float = 0.6
    embedder: str = ""


SAME_PERSON = SamePerson()
"""What holds without a card of an embedder."""


class Analyzer(ABC):
    """Finds the faces of an image; created once per process, picklable before ``open``.

    Attributes:
        name: Name in recipes.
        weights: Ids of the weight cards whose files it loads.
        gives_mesh: Whether detections carry the 478-point mesh.
        gives_embedding: Whether detections carry an identity embedding.
        needs_pixels: Whether it reads the image. If false, the record is enough, and a source
            that renders its images on demand need not render them for the index.
        same_person: What the similarity of its embeddings says.
    """

    name: ClassVar[str]
    weights: ClassVar[tuple[str, ...]] = ()
    gives_mesh: ClassVar[bool] = False
    gives_embedding: ClassVar[bool] = False
    needs_pixels: ClassVar[bool] = True
    same_person: ClassVar[SamePerson] = SamePerson()

    @property
    @abstractmethod
    def version(self) -> str:
        """Text that changes whenever the same image may give different landmarks; cache key."""

    @abstractmethod
    def open(self) -> None:
        """Load models; called once in the process that will analyze.

        Raises:
            MissingExtraError, WeightsError: The library or the weights are missing.
        """

    @abstractmethod
    def analyze(self, image: Image, record: Record) -> list[Detection]:
        """Return the faces of an upright image in a fixed order, or an empty list."""
