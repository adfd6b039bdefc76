"""Milliseconds per pair of each method, compared with the floor: encoding the pair's two images.

Run: ``python benchmarks/methods.py [METHOD ...] [--size 380] [--rounds 40]``. One core; medians.
Methods with networks need weights and are measured by ``benchmarks/networks.py``.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from datagen.core.rng import rng
from datagen.faces.crop import CropJitter, crop_matrix, face_box, take_crop
from datagen.faces.face import FaceCrop
from datagen.faces.geometry.mesh import move_mesh
from datagen.faces.landmarks import move_landmarks
from datagen.methods import METHODS, Context
from datagen.sources.procedural import render

_VARIANTS: dict[str, dict[str, dict[str, Any]]] = {
    "landmark_swap": {blend: {"blend": [blend]} for blend in ("alpha", "poisson", "pyramid")}
}


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("methods", nargs="*", metavar="METHOD")
    parser.add_argument("--size", type=int, default=380)
    parser.add_argument("--rounds", type=int, default=40)
    given = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    faces = [computed_face(person, given.size) for person in range(8)]
    floor = _median(lambda n: _encode_two(faces[n % 8].image), given.rounds)
    print(f"floor: encode two {given.size}-px JPEGs q95: {floor:.2f} ms")
    print(f"{'method':<24}{'sample':>8}{'fake':>8}{'control':>9}{'x floor':>9}  ms")
    learned = []
    for name in given.methods or METHODS:
        if METHODS.load(name).learned:
            learned.append(name)
            continue
        for label, options in _VARIANTS.get(name, {"": {}}).items():
            _row(name, label, options, faces, floor, given.rounds)
    if learned:
        print(f"not measured, because they need weights: {', '.join(learned)}")


def computed_face(person: int, size: int) -> FaceCrop:
    """Return the crop of a procedural face, with its mesh."""
    portrait = render(1, person, 0, 512)
    matrix = crop_matrix(face_box(portrait.landmarks), 1.3, size, CropJitter())
    image = take_crop(portrait.image, matrix, size, 1)
    marks, mesh = move_landmarks(portrait.landmarks, matrix), move_mesh(portrait.mesh, matrix)
    return FaceCrop(image, marks, mesh, portrait.yaw, portrait.pitch, portrait.roll)


def _row(
    name: str,
    label: str,
    options: dict[str, Any],
    faces: list[FaceCrop],
    floor: float,
    rounds: int,
) -> None:
    method = METHODS.load(name).build(options)
    contexts = [Context(faces[n], faces[n - 1]) for n in range(len(faces))]
    draws = [method.sample(rng(name, n), contexts[n % 8]) for n in range(rounds)]
    sample = _median(lambda n: method.sample(rng(name, n), contexts[n % 8]), rounds)
    fake = _median(lambda n: method.apply(contexts[n % 8], draws[n]), rounds) + sample
    control = float("nan")
    if method.has_control:
        control = _median(lambda n: method.control(contexts[n % 8], draws[n]), rounds)
    print(f"{f'{name} {label}':<24}{sample:8.2f}{fake:8.2f}{control:9.2f}{fake / floor:9.1f}")


def _encode_two(image: np.ndarray) -> None:
    for _ in range(2):
        cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 95])


def _median(work: Callable[[int], object], rounds: int) -> float:
    times = []
    for number in range(-3, rounds):
        start = time.perf_counter()
        work(max(number, 0))
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times[3:])


if __name__ == "__main__":
    main()
