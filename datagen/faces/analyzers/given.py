"""Analyzer ``given``: the landmarks stated by the source itself."""

from __future__ import annotations

from typing import ClassVar

from datagen.core.arrays import Image
from datagen.errors import RecipeError
from datagen.faces.analyzers.base import Analyzer, Detection
from datagen.faces.geometry.pose import estimate_pose
from datagen.sources.base import Record

__all__ = ["Given"]


class Given(Analyzer):
    """Returns the record's landmarks, and estimates the pose where it is not stated."""

    name: ClassVar[str] = "given"
    needs_pixels: ClassVar[bool] = False

    @property
    def version(self) -> str:
        """See base class."""
        return "given-1"

    def open(self) -> None:
        """See base class; nothing to load."""

    def analyze(self, image: Image, record: Record) -> list[Detection]:
        """See base class.

        Raises:
            RecipeError: The record has no landmarks.
        """
        if record.landmarks is None:
            raise RecipeError(
                "face.analyzer: 'given' needs a source that states the 68 landmarks of every face, "
                f"but image {record.image_id!r} has none. Use 'mediapipe' or 'insightface', or "
                "name the landmarks column in the card"
            )
        pose = record.pose or estimate_pose(record.landmarks, image.shape[1], image.shape[0])
        return [Detection(record.landmarks, pose, record.mesh, record.box)]
