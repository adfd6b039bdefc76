"""Our paste-back and insightface's own, without the network: milliseconds, ratio, difference.

Both get the same image, the same five points and the same precomputed network output, and align,
convert and paste; alternating, one core, process time, medians. Usage, with DATAGEN_LONDON and
DATAGEN_WEIGHTS set:

    python benchmarks/paste_back.py [--rounds 40] [--photographs 8] [--sizes 380 675 1350 2700]
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Image, Landmarks, Mask
from datagen.faces.analyzers.mediapipe import MediaPipe
from datagen.networks.alignment.align import align_matrix, five_points, take_aligned
from datagen.networks.alignment.paste import paste_back
from datagen.sources import Record
from datagen.weights.insightface.library import load_insightface

SIDE, PHOTOGRAPHS = 128, 8
SIZES = (380, 675, 1350, 2700)


class Answers:
    """A session whose network takes no time."""

    def __init__(self) -> None:
        draw = np.random.Generator(np.random.Philox(key=1))
        self.output = draw.random((1, 3, SIDE, SIDE), np.float32)

    def run(self, names: list[str], feeds: dict[str, Any]) -> list[NDArray[np.float32]]:
        """Return the same output for any face."""
        return [self.output]


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--photographs", type=int, default=PHOTOGRAPHS)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    given = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    warnings.simplefilter("ignore", FutureWarning)  # scikit-image warns insightface
    library = emptied()
    found = photographs(given.photographs)
    print(f"{'pixels':>6}{'insightface':>13}{'ours':>8}  ms{'ratio':>7}   difference: max, 99.99 %")
    for size in given.sizes:
        faces = [scaled(image, landmarks, size) for image, landmarks in found]
        turns = range(-2, given.rounds)
        times = np.array([by_turns(library, *faces[n % len(faces)]) for n in turns])[2:]
        theirs, ours = np.median(times, axis=0)
        apart = np.concatenate([differences(library, *face) for face in faces])
        largest, nearly = apart.max(), np.percentile(apart, 99.99)
        print(f"{size:>6}{theirs:13.1f}{ours:8.2f}{theirs / ours:11.1f}{largest:20}{nearly:9.0f}")


def photographs(count: int) -> list[tuple[Image, Landmarks]]:
    """Return a few photographs of 1350 pixels with their landmarks."""
    model = MediaPipe()
    model.open()
    found = []
    for path in sorted(Path(os.environ["DATAGEN_LONDON"]).glob("*_03.jpg"))[:count]:
        image = np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR_RGB), np.uint8)
        (face,) = model.analyze(image, Record(image_id=path.stem, identity=""))
        found.append((image, face.landmarks))
    return found


def emptied() -> Any:
    """Return an ``INSwapper`` without a file."""
    swapper = load_insightface("benchmark").swapper
    made = swapper.__new__(swapper)
    made.session, made.emap = Answers(), np.eye(512, dtype=np.float32)
    made.input_mean, made.input_std, made.input_size = 0.0, 255.0, (SIDE, SIDE)
    made.input_names, made.output_names = ["target", "source"], ["output"]
    return made


def scaled(image: Image, landmarks: Landmarks, size: int) -> tuple[Image, Landmarks]:
    """Return the image at ``size`` pixels with its points."""
    share = size / image.shape[0]
    how = cv2.INTER_AREA if share < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, (size, size), interpolation=how), np.uint8), (
        landmarks * np.float32(share)
    )


def by_library(library: Any, image: Image, landmarks: Landmarks) -> Image:
    """Swap as a program that uses insightface does."""
    donor = SimpleNamespace(normed_embedding=np.full(512, 512**-0.5, np.float32))
    target = SimpleNamespace(kps=five_points(landmarks))
    return np.asarray(library.get(image, target, donor), np.uint8)


def by_us(library: Any, image: Image, landmarks: Landmarks) -> tuple[Image, Mask]:
    """Do the same work in the face region."""
    matrix = align_matrix(landmarks, "arcface_128", SIDE)
    face = take_aligned(image, matrix, SIDE, smooth=False)
    numbers = np.ascontiguousarray(face.transpose(2, 0, 1)[None], np.float32) / 255
    (output,) = library.session.run([], {"target": numbers})
    levels = np.clip(output[0] * 255, 0, 255).astype(np.uint8).transpose(1, 2, 0)
    # As the library, which takes BGR images and reverses the network's RGB.
    return paste_back(image, np.ascontiguousarray(levels[:, :, ::-1]), matrix)


def differences(library: Any, image: Image, landmarks: Landmarks) -> NDArray[np.uint8]:
    """Return the absolute differences of the two images inside the mask."""
    ours, mask = by_us(library, image, landmarks)
    return np.asarray(cv2.absdiff(ours, by_library(library, image, landmarks))[mask > 0], np.uint8)


def by_turns(library: Any, image: Image, landmarks: Landmarks) -> list[float]:
    """Return the milliseconds of process time that the library and ours take."""
    times = []
    for work in (by_library, by_us):
        start = time.process_time()
        work(library, image, landmarks)
        times.append(1000 * (time.process_time() - start))
    return times


if __name__ == "__main__":
    main()
