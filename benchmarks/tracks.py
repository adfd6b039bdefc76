"""Tracks of videos: how steady the landmarks are, and speed and memory of a long video.

* Steady: photographs of the London set under the virtual camera of recipes (its default motion),
  found by MediaPipe frame by frame. The known motion is taken out of the landmarks, and what is
  left from frame to frame is given as a share of the distance of the eyes, in percent: raw, with a
  Savitzky-Golay filter over 7 frames, and as tracks are smoothed.
* Blinks: the lids of the found points are closed and opened as lids do, in 3 to 8 frames at 25
  frames per second; given is the largest loss of depth by smoothing.
* Long: a video of one person is made, and followed in one pass in a process of its own.

    python benchmarks/tracks.py LONDON [--people 6] [--frames 120] [--long 5000]

LONDON is the folder of the London set; MediaPipe's model is looked for as always.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.signal import savgol_filter

from datagen.core.arrays import Affine, Image
from datagen.core.images import read_rgb
from datagen.core.rng import rng
from datagen.engine import InlineEngine
from datagen.faces.analyzers.mediapipe import MediaPipe
from datagen.faces.crop import CropJitter, crop_matrix, face_box
from datagen.faces.indexing.build import ClipLimits, FaceLimits, build_index
from datagen.faces.tracks.flow import Step, head_step
from datagen.faces.tracks.smooth import smooth
from datagen.faces.virtual_camera import draw_camera
from datagen.recipe.clips import CameraRule
from datagen.rights import Purpose
from datagen.sources import SOURCES, Record, SourceCard

Points = NDArray[np.float32]

SIZE, MARGIN = 512, 1.9
LIDS = ((37, 41), (38, 40), (43, 47), (44, 46))
BLINKS = (
    (0.5, 1.0, 0.5),
    (0.3, 0.8, 1.0, 0.6, 0.2),
    (0.6, 1.0, 0.8, 0.5, 0.2),
    (0.2, 0.6, 0.9, 1.0, 0.9, 0.6, 0.3, 0.1),
)
EVERY = 17  # frames from blink to blink


def camera_clip(
    analyzer: MediaPipe, photo: Image, seed: int, count: int
) -> tuple[list[Affine], Points, list[Step | None]]:
    """Return for each frame the map from the still crop, the landmarks, and how the head moved."""
    (face, *_) = analyzer.analyze(photo, Record(image_id="still", identity="still"))
    low, high = face.landmarks.min(axis=0), face.landmarks.max(axis=0)
    box = np.concatenate([low, high]).astype(np.float32)
    still = np.vstack([crop_matrix(box, MARGIN, SIZE, CropJitter()), (0, 0, 1)])
    rule = CameraRule()
    motion = draw_camera(rng("tracks", seed), count, rule.fps, rule.shake, rule.zoom, rule.turn)
    moves = motion.matrices(SIZE)
    found: list[Points] = []
    steps: list[Step | None] = []
    last: Image | None = None
    for frame in moved(photo, [move @ still for move in moves]):
        steps.append(None if last is None else head_step(last, frame, face_box(found[-1])))
        (one, *_) = analyzer.analyze(frame, Record(image_id="frame", identity="still"))
        found.append(one.landmarks)
        last = frame
    return moves, np.stack(found), steps


def moved(photo: Image, matrices: Sequence[Affine]) -> Iterator[Image]:
    """Yield the frames: resampled bicubically from a photograph without detail that would alias."""
    zoom = float(np.hypot(matrices[0][0, 0], matrices[0][1, 0]))
    blurred = cv2.GaussianBlur(photo, (0, 0), max(0.5 / zoom - 0.5, 0.3))
    for matrix in matrices:
        yield np.asarray(cv2.warpAffine(blurred, matrix, (SIZE, SIZE), flags=cv2.INTER_CUBIC))


def steps(points: Points, moves: Sequence[Affine]) -> tuple[float, float]:
    """Return median and 95th percentile of what is left of the motion, in percent of the eyes."""
    still = np.stack(
        [
            (one - move[:, 2]) @ np.linalg.inv(move[:, :2]).T
            for one, move in zip(points.astype(np.float64), moves, strict=True)
        ]
    )
    eyes = np.linalg.norm(still[:, 36:42].mean(axis=1) - still[:, 42:48].mean(axis=1), axis=1)
    left = 100 * np.linalg.norm(np.diff(still, axis=0), axis=2) / eyes.mean()
    return float(np.median(left)), float(np.percentile(left, 95))


def smoothed(points: Points, moved_by: Sequence[Step | None]) -> Points:
    """Return landmarks as tracks have them."""
    return smooth(points, None, np.zeros((len(points), 3), np.float32), moved_by).landmarks


def blinking(points: Points, shape: Sequence[float]) -> Points:
    """Return landmarks with a blink every ``EVERY`` frames."""
    closed = points.copy()
    for start in range(10, len(points) - 12, EVERY):
        for number, share in enumerate(shape, start=start):
            for upper, lower in LIDS:
                gap = points[number, lower] - points[number, upper]
                closed[number, upper] += 0.9 * share * gap
    return closed


def opening(points: Points) -> NDArray[np.float64]:
    """Return how far the eyes are open in each frame, in pixels."""
    upper, lower = (list(side) for side in zip(*LIDS, strict=True))
    return np.asarray(np.linalg.norm(points[:, upper] - points[:, lower], axis=2).mean(axis=1))


def losses(points: Points, moved_by: Sequence[Step | None]) -> list[float]:
    """Return how much of its depth each blink loses, as shares."""
    found = []
    calm = smoothed(points, moved_by)
    for shape in BLINKS:
        given = blinking(points, shape)
        made = smoothed(given, moved_by)
        for start in range(10, len(points) - 12, EVERY):
            part = slice(start - 1, start + len(shape) + 1)
            before = opening(points)[part].mean() - opening(given)[part].min()
            after = opening(calm)[part].mean() - opening(made)[part].min()
            found.append(float(1 - after / before))
    return found


def long_video(path: Path, photo: Image, count: int) -> None:
    """Write a video of a person under a moving camera, frame by frame."""
    small = cv2.resize(photo, (640, 640), interpolation=cv2.INTER_AREA)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuv420p"
        for number in range(count):
            y, x = 40 + 30 * np.sin(number / 31), 30 * np.cos(number / 23)
            matrix = np.array([[1.0, 0, x], [0, 1.0, -y]])
            frame = np.asarray(cv2.warpAffine(small, matrix, (640, 480)), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))


def follow(folder: str) -> dict[str, float]:
    """Index the videos of a folder, and return frames, seconds and megabytes."""
    consent = {"basis": "signed", "alteration": True, "adults_only": True, "words": "may be used"}
    plain = {"id": "long", "title": "A video", "license": "CC0-1.0", "consent": consent}
    card = SourceCard.model_validate({**plain, "layout": "folder"})
    source = SOURCES.load("folder").build(card, folder, {})
    started = time.perf_counter()
    built = build_index(
        [source],
        MediaPipe(),
        FaceLimits(60, 60),
        Purpose(use="research"),
        InlineEngine,
        lambda done, total: None,
        clip=ClipLimits(32),
    )
    return {
        "tracks": len(built.index),
        "frames": built.index.frames.num_rows,
        "seconds": time.perf_counter() - started,
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def in_a_process(folder: Path, cache: Path) -> dict[str, float]:
    """Return what ``follow`` does in a new process, so that its memory is its own."""
    import os

    done = subprocess.run(  # noqa: S603
        [sys.executable, __file__, "--follow", str(folder)],
        capture_output=True,
        check=True,
        text=True,
        env={**os.environ, "DATAGEN_CACHE": str(cache)},
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main(arguments: list[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("london", nargs="?", type=Path)
    parser.add_argument("--people", type=int, default=6)
    parser.add_argument("--frames", type=int, default=120)
    parser.add_argument("--long", type=int, default=5000, help="0: none")
    parser.add_argument("--follow", help=argparse.SUPPRESS)
    args = parser.parse_args(arguments)
    if args.follow:
        print(json.dumps(follow(args.follow)))
        return
    photos = [read_rgb(path.read_bytes()) for path in sorted(args.london.glob("*.jpg"))]
    photos = photos[: args.people]
    analyzer = MediaPipe()
    analyzer.open()
    print("percent of the eyes' distance: median, 95th percentile")
    lost: list[float] = []
    for number, photo in enumerate(photos):
        moves, raw, by_pixels = camera_clip(analyzer, photo, number, args.frames)
        plain = savgol_filter(raw.astype(np.float64), 7, 2, axis=0).astype(np.float32)
        kinds = {"raw": raw, "savitzky-golay 7": plain, "track": smoothed(raw, by_pixels)}
        told = (f"{name} {m:.3f} {p:.3f}" for name, m, p in _told(kinds, moves))
        lost += losses(raw, by_pixels)
        print(f"person {number}: {'; '.join(told)}", flush=True)
    print(f"blinks: loss of depth at most {max(lost):.1%}, mean {np.mean(lost):.1%}")
    for count in (args.long // 10, args.long) if args.long else ():
        with tempfile.TemporaryDirectory() as top:
            folder = Path(top) / "videos" / "person"
            folder.mkdir(parents=True)
            long_video(folder / "long.mp4", photos[0], count)
            found = in_a_process(folder.parent, Path(top) / "cache")
            print(
                f"{count} frames: {found['tracks']:.0f} tracks of {found['frames']:.0f} frames, "
                f"{count / found['seconds']:.0f} frames/s, {found['megabytes']:.0f} MB at most"
            )


def _told(kinds: dict[str, Points], moves: Sequence[Affine]) -> Iterator[tuple[str, float, float]]:
    for name, points in kinds.items():
        yield name, *steps(points, moves)


if __name__ == "__main__":
    main()
