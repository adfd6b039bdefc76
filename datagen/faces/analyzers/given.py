"""Analyzer ``given``: the landmarks that the source itself states."""

from __future__ import annotations

from typing import ClassVar

from datagen.core.arrays import Image
from datagen.errors import RecipeError
from datagen.faces.analyzers.base import Analyzer, Detection
from datagen.faces.geometry.pose import estimate_pose
from datagen.sources.base import Record

__all__ = ["Given"]


class Given(Analyzer):
    """Passes on the record's landmarks, with the pose estimated where it is not given."""

    name: ClassVar[str] = "given"
    needs_pixels: ClassVar[bool] = False

    @property
    def version(self) -> str:
        """See base class."""
        return "given-1"

    def open(self) -> None:
        """See base class; there is nothing to load."""

    def analyze(self, image: Image, record: Record) -> list[Detection]:
        """See base class.

        Raises:
            RecipeError: The source states no landmarks.
        """
        if record.landmarks is None:
            raise RecipeError(
                f"face.analyzer: 'given' needs a source that states 68 landmarks, and image "
                f"{record.image_id!r} has none. Use 'mediapipe' or 'insightface', or name the "
                "landmarks column in the card"
            )
        pose = record.pose or estimate_pose(record.landmarks, image.shape[1], image.shape[0])
        return [Detection(record.landmarks, pose, record.mesh, record.box)]
