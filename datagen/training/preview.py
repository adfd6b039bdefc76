"""A contact sheet that shows the progress of a training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Image
from datagen.core.files import write_atomically
from datagen.core.images import encode_png
from datagen.networks.autoencoder.face import encoder_input
from datagen.training.aligned_faces import AlignedFaces

__all__ = ["PREVIEW", "write_preview"]

PREVIEW = "preview.png"

_MAX_IDENTITIES, _EACH = 4, 3

Make = Callable[[NDArray[np.float32], int], NDArray[np.float32]]
"""Decodes ``(n, 3, size, size)`` normalized faces with the decoder of a position."""


def write_preview(folder: Path, faces: Sequence[AlignedFaces], size: int, make: Make) -> None:
    """Write ``preview.png``.

    Each row shows a face as the encoder sees it, and the outputs of the first decoders; the first
    output is of the identity's own decoder.
    """
    shown = range(min(_MAX_IDENTITIES, len(faces)))
    rows = []
    for identity in shown:
        inputs = _inputs(faces[identity], size)
        others = [place for place in shown if place != identity]
        columns = [inputs, *(make(inputs, place) for place in (identity, *others))]
        rows += [np.concatenate(list(row), axis=2) for row in zip(*columns, strict=True)]
    sheet = np.concatenate(rows, axis=1).transpose(1, 2, 0)
    write_atomically(folder / PREVIEW, encode_png(_bytes(sheet)))


def _inputs(faces: AlignedFaces, size: int) -> NDArray[np.float32]:
    places = np.unique(np.linspace(0, len(faces) - 1, min(_EACH, len(faces))).astype(int))
    found = []
    for place in places:
        image, mask = (
            cv2.resize(whole[place], (size, size), interpolation=cv2.INTER_AREA)
            for whole in (faces.images, faces.masks)
        )
        found.append(encoder_input(np.asarray(image, np.uint8), np.asarray(mask, np.uint8)))
    return np.ascontiguousarray(np.stack(found).transpose(0, 3, 1, 2))


def _bytes(sheet: NDArray[np.float32]) -> Image:
    return np.ascontiguousarray(np.clip(np.rint(sheet * 255), 0, 255).astype(np.uint8))
