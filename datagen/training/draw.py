"""Batches of a training step: faces drawn and augmented as a function of the step's number."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from datagen.core.rng import rng
from datagen.networks.autoencoder.face import encoder_input, normalized
from datagen.training.aligned_faces import FINER, AlignedFaces

__all__ = ["Part", "ahead", "draw_step"]

_PER_STEP = 2  # identities: an encoder that saw only one at a time would forget the other
_TURN, _ZOOM, _SHIFT, _FLIP = 4.0, 0.03, 0.02, 0.4
_GRID, _BEND = 5, 0.03

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Part:
    """Faces of one identity in a step; arrays in torch's layout, values in [0, 1].

    Attributes:
        identity: Position of the decoder.
        seen: Warped and masked input of the encoder, ``(n, 3, size, size)``.
        wanted: Expected output of the decoder, ``(n, 3, size, size)``.
        mask: Weight of the loss, and expected mask of the decoder, ``(n, 1, size, size)``.
    """

    identity: int
    seen: Floats
    wanted: Floats
    mask: Floats


def draw_step(
    faces: Sequence[AlignedFaces], size: int, batch: int, seed: int, step: int
) -> list[Part]:
    """Return the parts of step ``step``: a pure function of its arguments.

    Args:
        faces: Faces of each identity; all identities are drawn equally often.
        size: Side of the network's input in pixels.
        batch: Number of faces of each of the two identities of a step.
        seed: Seed of all random choices.
        step: Number of the step, from 0.
    """
    return [
        _part(faces[identity], identity, size, batch, rng(seed, "train", "faces", step, place))
        for place, identity in enumerate(_identities(len(faces), seed, step))
    ]


def _identities(count: int, seed: int, step: int) -> list[int]:
    chosen = []
    for place in range(_PER_STEP * step, _PER_STEP * (step + 1)):
        round_, within = divmod(place, count)
        chosen.append(int(rng(seed, "train", "people", round_).permutation(count)[within]))
    return sorted(chosen)


def _part(
    faces: AlignedFaces, identity: int, size: int, batch: int, draws: np.random.Generator
) -> Part:
    seen, wanted, masks = [], [], []
    for _ in range(batch):
        number = int(draws.integers(len(faces)))
        straight, bent = _draw_maps(draws, size)
        face, mask = _sample(faces, number, bent)
        seen.append(encoder_input(face, mask))
        face, mask = _sample(faces, number, straight)
        wanted.append(normalized(face, mask, faces.color))
        masks.append(mask)
    weights = np.stack(masks)[:, None].astype(np.float32) / np.float32(255)
    return Part(identity, _planes(seen), _planes(wanted), weights)


def _draw_maps(draws: np.random.Generator, size: int) -> tuple[Floats, Floats]:
    """Draw the source coordinates of each pixel, ``(size, size, 2)``, without and with a warp.

    The warp is that of the first deepfakes tool: a grid of 5 x 5 normally distributed
    displacements, enlarged to the image. Undoing it teaches the encoder pose and expression
    instead of exact pixels.
    """
    turn, zoom, x, y = draws.uniform(-1, 1, 4)
    flip = -1.0 if draws.random() < _FLIP else 1.0
    grid = draws.normal(0, _BEND * size, (_GRID, _GRID, 2)).astype(np.float32)
    bend = np.asarray(cv2.resize(grid, (size, size), interpolation=cv2.INTER_CUBIC), np.float32)
    middle = (size - 1) / 2
    steps = np.arange(size, dtype=np.float32) - np.float32(middle)
    still = np.stack(np.meshgrid(steps, steps), axis=2)
    angle, scale = np.radians(_TURN * turn), FINER * (1 + _ZOOM * zoom)
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    matrix = np.array([[flip * cosine, -flip * sine], [sine, cosine]], np.float32)
    center = (FINER * size - 1) / 2 + FINER * size * _SHIFT * np.array([x, y])
    straight = still @ matrix.T + center.astype(np.float32)
    return straight, (still + bend) @ matrix.T + center.astype(np.float32)


def _sample(
    faces: AlignedFaces, number: int, place: Floats
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    x, y = np.ascontiguousarray(place[..., 0]), np.ascontiguousarray(place[..., 1])
    face = cv2.remap(faces.images[number], x, y, cv2.INTER_LINEAR)
    mask = cv2.remap(faces.masks[number], x, y, cv2.INTER_LINEAR)
    return np.asarray(face, np.uint8), np.asarray(mask, np.uint8)


def _planes(faces: Sequence[Floats]) -> Floats:
    return np.ascontiguousarray(np.stack(faces).transpose(0, 3, 1, 2))


def ahead(
    make: Callable[[int], list[Part]], steps: range, workers: int
) -> Iterator[tuple[int, list[Part]]]:
    """Yield each step with its parts; the next ones are prepared in the background."""
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[tuple[int, Future[list[Part]]]] = deque()
        try:
            for step in steps:
                waiting.append((step, pool.submit(make, step)))
                if len(waiting) > workers:
                    number, future = waiting.popleft()
                    yield number, future.result()
            for number, future in waiting:
                yield number, future.result()
        finally:
            for _, future in waiting:
                future.cancel()
