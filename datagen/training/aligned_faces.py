"""The faces of one person in the form that training draws from."""

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
"""How much finer than the network's format faces are kept, so that a warp does not blur them."""

_MARGIN = 1.5


@dataclass(frozen=True, slots=True)
class AlignedFaces:
    """One person's faces at ``FINER`` times the network's size.

    Attributes:
        images: ``(faces, side, side, 3)`` uint8.
        masks: ``(faces, side, side)`` uint8, soft.
        color: Mean and deviation of the channels over all faces, ``(2, 3)`` in [0, 1].
    """

    images: NDArray[np.uint8]
    masks: NDArray[np.uint8]
    color: NDArray[np.float32]

    def __len__(self) -> int:
        """Count the faces."""
        return len(self.images)


def aligned_faces(
    index: FaceIndex,
    people: Sequence[tuple[int, ...]],
    sources: Sequence[Source],
    size: int,
    tell: Callable[[int], None],
) -> list[AlignedFaces]:
    """Read the faces of each person.

    Args:
        index: Where they are.
        people: Rows of the index.
        sources: All that the index names.
        size: Side of the network's input in pixels.
        tell: Called with how many faces were read.

    Raises:
        SourceChangedError: A file is gone or is not the one that was indexed.
        RecipeError: A face cannot be aligned.
    """
    side = FINER * size
    reader = FaceReader({source.card.id: source for source in sources}, side, _MARGIN)
    found, done = [], 0
    for rows in people:
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
