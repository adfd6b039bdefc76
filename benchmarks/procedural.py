"""How well a landmark model trained on real faces reads the faces of ``procedural``.

Usage, with DATAGEN_WEIGHTS set to a folder with face_landmarker.task:

    python benchmarks/procedural.py [--identities 500] [--compared 60]
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from datagen.sources import procedural
from datagen.sources.procedural.landmarks import sixty_eight

MODEL = "face_landmarker.task"
SEED = 2024
# Points that expressions hardly move: nose, corners of the eyes, forehead, cheekbones.
STEADY = (
    *(1, 4, 5, 195, 6, 168, 8, 9, 33, 133, 263, 362, 10, 67, 297, 54, 284),
    234,
    454,
    127,
    356,
    116,
    345,
    129,
    358,
    48,
    278,
    2,
)


@dataclass(frozen=True, slots=True)
class Figures:
    """What ``measure`` finds.

    Attributes:
        found: fraction of images in which the model finds a face.
        error: mean distance of its 68 points from the truth, as a fraction of the distance
            between the outer corners of the eyes.
        by_point: (68,) the same for each point.
        bias: (68, 2) mean signed difference of each point, same unit, head upright.
        rate: images rendered per second by one process.
    """

    found: float
    error: float
    by_point: NDArray[np.float64]
    bias: NDArray[np.float64]
    rate: float


def landmarker(path: Path) -> Any:
    """MediaPipe's face landmarker for single images."""
    from mediapipe.tasks.python import BaseOptions, vision

    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(path)), num_faces=1
    )
    return vision.FaceLandmarker.create_from_options(options)


def find(model: Any, image: NDArray[np.uint8]) -> NDArray[np.float32] | None:
    """The model's mesh (478, 3) in pixels, or None."""
    import mediapipe as mp

    found = model.detect(mp.Image(image_format=mp.ImageFormat.SRGB, data=image)).face_landmarks
    if not found:
        return None
    size = image.shape[0]
    return np.array([(p.x, p.y, p.z) for p in found[0]], np.float32) * np.float32(size)


def measure(path: Path, count: int, size: int = 512) -> Figures:
    """Figures over the first images of ``count`` identities."""
    model = landmarker(path)
    procedural.render(SEED, 0, 0, size)
    spent, errors, signed = 0.0, [], []
    for person in range(count):
        start = time.perf_counter()
        portrait = procedural.render(SEED, person, 0, size)
        spent += time.perf_counter() - start
        mesh = find(model, portrait.image)
        if mesh is None:
            continue
        truth = portrait.landmarks
        unit = float(np.hypot(*(truth[45] - truth[36])))
        difference = (sixty_eight(mesh) - truth) / unit
        errors.append(np.hypot(difference[:, 0], difference[:, 1]))
        angle = np.radians(portrait.roll)
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        signed.append(difference @ turn.T)
    model.close()
    if not errors:
        return Figures(0.0, float("inf"), np.zeros(68), np.zeros((68, 2)), count / spent)
    by_point = np.mean(errors, axis=0)
    bias = np.mean(signed, axis=0)
    return Figures(len(errors) / count, float(by_point.mean()), by_point, bias, count / spent)


def shape_distance(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Root mean square distance of two meshes after the best similarity (Umeyama, 1991)."""
    a = first[list(STEADY)].astype(np.float64)
    b = second[list(STEADY)].astype(np.float64)
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    a, b = a / np.sqrt((a**2).sum()), b / np.sqrt((b**2).sum())
    u, _, v = np.linalg.svd(a.T @ b)
    flip = np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ v))])
    return float(np.sqrt(((a @ (u @ flip @ v) - b) ** 2).sum()))


def closer_share(identities: int) -> float:
    """Share of triples in which two images of one identity are closer than two identities."""
    first = [procedural.truth(SEED, p, 0).mesh for p in range(identities)]
    second = [procedural.truth(SEED, p, 1).mesh for p in range(identities)]
    right = total = 0
    for p in range(identities):
        same = shape_distance(first[p], second[p])
        for q in range(identities):
            if q != p:
                right += same < shape_distance(first[p], second[q])
                total += 1
    return right / total


def main(arguments: list[str] | None = None) -> int:
    """Print the figures; the exit status is 1 if the model is missing."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--identities", type=int, default=500)
    parser.add_argument("--compared", type=int, default=60, help="identities compared by shape")
    given = parser.parse_args(arguments)
    count = given.identities
    cv2.setNumThreads(1)
    path = Path(os.environ.get("DATAGEN_WEIGHTS", "")) / MODEL
    if not path.is_file():
        print(f"missing: {path} (set DATAGEN_WEIGHTS to the folder that holds {MODEL})")
        return 1
    figures = measure(path, count)
    print(f"identities                              {count}")
    print(f"found                                   {100 * figures.found:.1f} %")
    print(f"68 points, share of outer eye distance  {100 * figures.error:.2f} %")
    for name, part in (
        ("jaw", slice(0, 17)),
        ("brows", slice(17, 27)),
        ("nose", slice(27, 36)),
        ("eyes", slice(36, 48)),
        ("mouth", slice(48, 68)),
    ):
        dx, dy = 100 * figures.bias[part].mean(axis=0)
        error = 100 * figures.by_point[part].mean()
        print(f"  {name:6s} {error:5.2f} %   mean dx {dx:+.2f} %  dy {dy:+.2f} %")
    print(f"same identity closer than another       {100 * closer_share(given.compared):.1f} %")
    print(f"images/s, one process, 512 pixels     {figures.rate:.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
