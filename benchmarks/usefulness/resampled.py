"""Foreign kinds that make the face anew from less: enlargement and an autoencoder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from datagen.faces.face import FaceCrop

from .geometry import Array, bounds, face_polygon, feather, fill, mix, width_of

__all__ = ["Enlarger", "Taef2Coder", "bicubic", "weight_file"]


def weight_file(name: str) -> Path:
    """Return the path of a weight file below ``DATAGEN_WEIGHTS``, which may not exist."""
    return Path(os.environ.get("DATAGEN_WEIGHTS", "")) / name


def bicubic(face: FaceCrop, donor: FaceCrop, rng: np.random.Generator) -> tuple[Any, Any, None]:
    """Reduce the face and enlarge it by cubic interpolation."""
    by = rng.choice([2, 3, 4])

    def again(part: Array) -> Array:
        height, width = part.shape[:2]
        small = cv2.resize(part, (width // by, height // by), interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC))

    return face.image, _face_by(face, rng, 12, again), None


class Enlarger:
    """Reduces the face to a quarter and lets a network enlarge it by four.

    Args:
        name: File with input ``(1, 3, h, w)`` in [0, 1].
    """

    def __init__(self, name: str) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(weight_file(name)), options, providers=["CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0].name

    def __call__(
        self, face: FaceCrop, donor: FaceCrop, rng: np.random.Generator
    ) -> tuple[Any, Any, None]:
        """Return the real and the fake."""

        def again(part: Array) -> Array:
            height, width = part.shape[:2]
            small = cv2.resize(part, (width // 4, height // 4), interpolation=cv2.INTER_AREA)
            given = small.transpose(2, 0, 1)[None].astype(np.float32) / 255
            (made,) = self._session.run(None, {self._input: given})
            return np.asarray(made[0].transpose(1, 2, 0) * 255, np.float32)

        return face.image, _face_by(face, rng, 4, again), None


class Taef2Coder:
    """Encodes and decodes the whole crop with TAEF2."""

    def __init__(self) -> None:
        import torch

        from datagen.networks.diffusion.taef2 import load_taef2

        torch.set_num_threads(1)
        self._network = load_taef2(weight_file("taef2.safetensors"))

    def __call__(
        self, face: FaceCrop, donor: FaceCrop, rng: np.random.Generator
    ) -> tuple[Any, Any, None]:
        """Return the real and the fake."""
        import torch

        given = torch.from_numpy(face.image.transpose(2, 0, 1)[None].astype(np.float32) / 255)
        with torch.inference_mode():
            made = self._network(given)[0].clamp(0, 1).numpy()
        return face.image, np.rint(made.transpose(1, 2, 0) * 255).astype(np.uint8), None


def _face_by(face: FaceCrop, rng: np.random.Generator, cell: int, again: Any) -> Any:
    """Return the face with its inner part made anew, behind a soft edge.

    Args:
        face: The face.
        rng: Random generator of the pair.
        cell: The sides of the part are multiples of it, so that no factor moves anything.
        again: From a part to the part made anew.
    """
    image = face.image
    mask = fill(face_polygon(face.landmarks, rng.uniform(0.05, 0.2)), image.shape, 2)
    mask = feather(mask, rng.uniform(0.005, 0.03) * width_of(face.landmarks))
    x, y, width, height = bounds(mask)
    width, height = -(-width // cell) * cell, -(-height // cell) * cell
    x, y = max(min(x, image.shape[1] - width), 0), max(min(y, image.shape[0] - height), 0)
    part = image[y : y + height, x : x + width]
    part = part[: part.shape[0] // cell * cell, : part.shape[1] // cell * cell]
    over = image.astype(np.float32)
    over[y : y + part.shape[0], x : x + part.shape[1]] = again(part)
    inside = np.zeros_like(mask)
    inside[y : y + part.shape[0], x : x + part.shape[1]] = 1
    return mix(image, over, mask * inside)
