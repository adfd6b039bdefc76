"""Aligned faces of each identity, in the form that training samples from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Image, Mask
from datagen.errors import ItemError, RecipeError
from datagen.faces.crop import CropJitter
from datagen.faces.geometry.outline import check_face
from datagen.faces.index import FaceIndex
from datagen.faces.reader import FaceReader
from datagen.networks.alignment.align import take_aligned
from datagen.networks.autoencoder.face import face_matrix, hull_mask, statistics
from datagen.sources import Source

__all__ = ["FINER", "AlignedFaces", "aligned_faces"]

FINER = 2
"""Factor by which stored faces are finer than the network's input, so that warps do not blur."""

_MARGIN = 1.5


@dataclass(frozen=True, slots=True)
class AlignedFaces:
    """Faces of one identity at ``FINER`` times the network's size.

    Attributes:
        images: Aligned faces, ``(faces, side, side, 3)`` uint8.
        masks: Soft masks of the faces, ``(faces, side, side)`` uint8.
        color: Mean and standard deviation of the channels over all faces, ``(2, 3)`` in [0, 1].
    """

    images: NDArray[np.uint8]
    masks: NDArray[np.uint8]
    color: NDArray[np.float32]

    def __len__(self) -> int:
        """Count the faces."""
        return len(self.images)


def aligned_faces(
    index: FaceIndex,
    identities: Sequence[tuple[int, ...]],
    sources: Sequence[Source],
    size: int,
    tell: Callable[[int], None],
) -> list[AlignedFaces]:
    """Read the faces of each identity.

    Args:
        index: The face index.
        identities: Rows of the index for each identity.
        sources: All sources of the index.
        size: Side of the network's input in pixels.
        tell: Called with how many faces were read.

    Raises:
        SourceChangedError: A file is gone or is not the one that was indexed.
        RecipeError: A face cannot be aligned.
    """
    side = FINER * size
    reader = FaceReader({source.card.id: source for source in sources}, side, _MARGIN)
    found, done = [], 0
    for rows in identities:
        images, masks = [], []
        for row in rows:
            image, mask = _aligned(index, row, reader, side)
            images.append(image)
            masks.append(mask)
            done += 1
            tell(done)
        measured = [statistics(image, mask) for image, mask in zip(images, masks, strict=True)]
        color = np.mean(measured, axis=0).astype(np.float32)
        found.append(AlignedFaces(np.stack(images), np.stack(masks), color))
    return found


def _aligned(index: FaceIndex, row: int, reader: FaceReader, side: int) -> tuple[Image, Mask]:
    face = index.face(row)
    crop, _ = reader.crop(face, CropJitter())
    try:
        check_face(crop.landmarks)
        matrix = face_matrix(crop.landmarks, side)
    except ItemError as error:
        raise RecipeError(
            f"image {face.face_id!r} of source {face.source!r}: {error.detail}. Leave it out of "
            "the source, or choose another face.analyzer"
        ) from None
    return take_aligned(crop.image, matrix, side), hull_mask(crop.landmarks, matrix, side)
