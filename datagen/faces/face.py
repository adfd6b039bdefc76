"""A face in the form that methods see it: a square crop and what is known about it."""

from __future__ import annotations

from dataclasses import dataclass

from datagen.core.arrays import Image, Landmarks, Mesh

__all__ = ["FaceCrop"]


@dataclass(frozen=True, slots=True)
class FaceCrop:
    """One face, cropped to the released size.

    Attributes:
        image: Image, ``(size, size, 3)`` uint8 RGB; read-only.
        landmarks: The 68 landmarks, ``(68, 2)`` float32, in pixels of ``image``.
        mesh: Face mesh, ``(478, 3)`` float32, x and y in pixels of ``image``; ``None`` when the
            analyzer gives none.
        yaw, pitch, roll: Head pose in degrees after the crop; NaN where it is unknown. Yaw > 0:
            the nose points to larger x; pitch > 0: the face looks up; roll > 0: clockwise.
        identity: Identity of the person, as ``source/identity``.
        age: Age in years, as the source states it; ``None`` when it does not.
        sex: ``female`` or ``male``, as the source states it; ``None`` when it does not.
    """

    image: Image
    landmarks: Landmarks
    mesh: Mesh | None = None
    yaw: float = float("nan")
    pitch: float = float("nan")
    roll: float = float("nan")
    identity: str = ""
    age: float | None = None
    sex: str | None = None
