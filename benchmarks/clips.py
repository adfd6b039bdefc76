"""Clips: time of a pair over its floor, and whether fakes flicker.

* Speed: pairs of ``self_blend`` from a video of 512 pixels, with rows and tars, over the floor:
  decoding the clip once, and encoding two clips and the masks. Both take turns, so that a machine
  whose speed drifts favors none. One core, 32 frames at 256 pixels, with the presets ``veryfast``
  and ``medium``.
* Flicker: how much fakes change from frame to frame under their masks once the motion of the face
  is taken out, in 8-bit levels, over the same of their controls, which have the same resampling. A
  fake whose params are constant should flicker no more than that (at most 1.5 times). Beside it the
  same of the differences to the real: a control's is nearly nothing, so that their ratio says how
  strong the manipulation is, not how steady (decision 28).

    python benchmarks/clips.py [METHOD ...] [--rounds 5] [--people 4]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Image, Mask
from datagen.core.digests import sha256_bytes
from datagen.core.rng import rng
from datagen.faces.crop import CropJitter, crop_matrix, face_box, take_crop
from datagen.faces.face import FaceCrop
from datagen.faces.geometry.mesh import move_mesh
from datagen.faces.index import FaceIndex
from datagen.faces.landmarks import move_landmarks
from datagen.faces.tracks.track import Track
from datagen.faces.virtual_camera import draw_camera
from datagen.generation.shard import MakeShard
from datagen.methods import METHODS, Context, Method
from datagen.planning import Plan
from datagen.recipe import load_recipe
from datagen.release import Folder
from datagen.sources import SOURCES, Source, load_card
from datagen.video.decode import decode_video
from datagen.video.encode import ClipEncoding, encode_clip, encode_masks

SIDE, SIZE, FRAMES, PAIRS = 512, 256, 32, 4
ROOT = Path(__file__).resolve().parents[1]

RECIPE = """
name: bench
seed: 1
purpose: {{use: research}}
sources: [{{card: card.yaml, root: videos}}]
splits: {{train: {pairs}}}
split: {{shares: {{train: 1}}}}
face: {{size: {size}, analyzer: given}}
clip: {{frames: {frames}}}
methods: [{{use: self_blend, share: 1, min_change: 0}}]
encode: {{format: mp4, codec: h264, crf: 23, gop: 25, preset: {preset}}}
"""

CARD = """
id: made
title: People who don't exist
license: CC0-1.0
consent: {basis: synthetic, alteration: true, adults_only: true, words: Computed by a program.}
layout: folder
"""


def procedural() -> Source:
    """Return the source of moving people."""
    card = load_card(ROOT / "recipes" / "cards" / "procedural.yaml")
    options = {"size": SIDE, "seed": 4, "video": {"per_identity": 1, "seconds": 2}}
    return SOURCES.load(card.layout).build(card, "", options, "")


def made_index(source: Source, folder: Path) -> FaceIndex:
    """Write one video and return the index of its track, with the exact landmarks."""
    record = next(iter(source.clip_records()))
    count = int(record.frames or 0)
    path = folder / "videos" / "ann" / "talk.mp4"
    path.parent.mkdir(parents=True)
    frames = [source.render_frame(record.image_id, number) for number in range(count)]
    path.write_bytes(
        encode_clip(frames, Fraction(25), ClipEncoding("mp4", "h264", 18, 25, "medium"))
    )
    with path.open("rb") as file:
        stamps = [frame.pts for frame in decode_video(file)]
    seen = [source.frame_record(record, number) for number in range(count)]
    marks = np.array([one.landmarks for one in seen], np.float32)
    boxes = np.array([face_box(one) for one in marks])
    track = Track(
        0, np.array(stamps), boxes, marks, marks, None,
        np.array([one.pose for one in seen], np.float32), np.zeros(count, np.int32),
    )  # fmt: skip
    row = {
        "source": "made", "image_id": "ann/talk", "face_no": 0, "path": "ann/talk.mp4",
        "sha256": sha256_bytes(path.read_bytes()), "identity": "ann", "width": SIDE,
        "height": SIDE, "orientation": 1, "box": boxes[0].tolist(),
        "landmarks": marks[0].ravel().tolist(), "yaw": 0.0, "pitch": 0.0, "roll": 0.0,
        "frames": count, "fps_num": 25, "fps_den": 1, "motion": "video", "look": [0.0] * 8,
    }  # fmt: skip
    return FaceIndex.from_rows([row], {("made", "ann/talk", 0): track})


def floor(path: Path, preset: str, real: Sequence[Image], masks: Sequence[Mask]) -> None:
    """Do what no pair can do without: decode once, encode two clips and the masks."""
    with path.open("rb") as file:
        for _ in decode_video(file, count=FRAMES):
            pass
    encoding = ClipEncoding("mp4", "h264", 23, 25, preset)
    for _ in range(2):
        encode_clip(real, Fraction(25), encoding)
    encode_masks(masks, Fraction(25))


def speed(source: Source, rounds: int) -> Iterator[str]:
    """Yield a line for each preset."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "card.yaml").write_text(CARD)
        index = made_index(source, folder)
        crops = moving(source, 0, FRAMES)
        real = [crop.image for crop in crops]
        masks = [np.zeros((SIZE, SIZE), np.uint8) for _ in real]
        for mask, crop in zip(masks, crops, strict=True):
            cv2.fillConvexPoly(mask, cv2.convexHull(crop.landmarks.astype(np.int32)), 255)
            mask[:] = cv2.GaussianBlur(mask, (0, 0), 5)
        for preset in ("veryfast", "medium"):
            recipe_path = folder / f"{preset}.yaml"
            recipe_path.write_text(
                RECIPE.format(pairs=PAIRS, size=SIZE, frames=FRAMES, preset=preset)
            )
            recipe = load_recipe(recipe_path)
            key = next(Plan(recipe, index).shards())
            whole, least = [], []
            for round_ in range(rounds):
                out = Folder(str(folder / f"{preset}-{round_}"))
                task = MakeShard(
                    recipe, tuple(recipe.sources()), index.table, out, frames=index.frames
                )
                whole.append(timed(lambda: task(key)) / PAIRS)  # noqa: B023
                path = folder / "videos" / "ann" / "talk.mp4"
                least.append(timed(lambda: floor(path, preset, real, masks)))  # noqa: B023
            ratio = statistics.median(a / b for a, b in zip(whole, least, strict=True))
            yield (
                f"{preset:9s} pair {1000 * statistics.median(whole):6.0f} ms CPU, floor "
                f"{1000 * statistics.median(least):6.0f} ms, ratio {ratio:.2f}"
            )


def timed(work: Any) -> float:
    """Return the CPU seconds of this process."""
    start = time.process_time()
    work()
    return time.process_time() - start


def moving(source: Source, person: int, count: int, camera: bool = False) -> list[FaceCrop]:
    """Return frames of a person in a fixed crop, or of a still under a camera."""
    record = list(source.clip_records())[person]
    numbers = [0] * count if camera else list(range(count))
    seen = [source.frame_record(record, number) for number in numbers]
    images = {n: source.render_frame(record.image_id, n) for n in set(numbers)}
    boxes = np.array([one.box for one in seen])
    around = np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])
    still = crop_matrix(around.astype(np.float32), 1.3, SIZE, CropJitter())
    matrices = [still] * count
    if camera:
        motion = draw_camera(rng("bench", person), count, 25, 0.006, 0.03, 1.0)
        matrices = [m @ np.vstack([still, (0, 0, 1)]) for m in motion.matrices(SIZE)]
    return [
        FaceCrop(
            take_crop(images[number], matrix, SIZE, 1),
            move_landmarks(np.asarray(one.landmarks), matrix),
            move_mesh(np.asarray(one.mesh), matrix),
            *(one.pose or (0.0, 0.0, 0.0)),
            identity=f"p/{person}",
        )
        for number, one, matrix in zip(numbers, seen, matrices, strict=True)
    ]


def flicker(
    fields: Sequence[NDArray[np.float32]], crops: Sequence[FaceCrop], masks: Sequence[Mask]
) -> float:
    """Return the mean change from frame to frame under the masks, moved with the face."""
    changes = []
    for number in range(1, len(fields)):
        before, after = crops[number - 1].landmarks, crops[number].landmarks
        matrix, _ = cv2.estimateAffinePartial2D(before, after, method=cv2.LMEDS)
        moved = cv2.warpAffine(fields[number - 1], matrix, (SIZE, SIZE))
        inside = masks[number] > 0
        changes.append(np.abs(fields[number] - moved)[inside].mean())
    return float(np.mean(changes))


def steadiness(source: Source, people: int, methods: Sequence[str]) -> Iterator[str]:
    """Yield a line for each method; every person's donor is another one."""
    for camera in (True, False):
        clips = [moving(source, person, 16, camera) for person in range(people)]
        for name in methods:
            kind: type[Method] = METHODS.load(name)
            found = [
                _of_clip(kind.build({}), target, clips[(person + 1) % people], person)
                for person, target in enumerate(clips)
            ]
            fake, control, apart, apart_control = np.mean(found, axis=0)
            yield (
                f"{'camera' if camera else 'moving'} {name:20s} fake {fake:.2f} control "
                f"{control:.2f} ratio {fake / control:.2f}; differences {apart:.2f} "
                f"{apart_control:.2f} ratio {apart / apart_control:.2f}"
            )


def _of_clip(
    method: Method, target: Sequence[FaceCrop], donor: Sequence[FaceCrop], number: int
) -> tuple[float, float, float, float]:
    contexts = [
        Context(one, other if method.needs_donor else None)
        for one, other in zip(target, donor, strict=True)
    ]
    params = method.sample(rng("bench", method.name, number), contexts[len(contexts) // 2])
    results = [method.apply(ctx, params) for ctx in contexts]
    controls = [method.control(ctx, params) for ctx in contexts]
    reals = [
        (ctx.target.image if result.real is None else result.real).astype(np.float32)
        for ctx, result in zip(contexts, results, strict=True)
    ]
    masks = [result.mask for result in results]
    fakes = [result.image.astype(np.float32) for result in results]
    plain = [control.astype(np.float32) for control in controls]
    return (
        flicker(fakes, target, masks),
        flicker(plain, target, masks),
        flicker([fake - real for fake, real in zip(fakes, reals, strict=True)], target, masks),
        flicker([one - real for one, real in zip(plain, reals, strict=True)], target, masks),
    )


def main(arguments: list[str] | None = None) -> None:
    """Print all lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    usual = [name for name in sorted(METHODS) if not METHODS.load(name).learned]
    parser.add_argument("methods", nargs="*", metavar="METHOD", default=usual)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--people", type=int, default=4)
    asked = parser.parse_args(arguments)
    source = procedural()
    for line in speed(source, asked.rounds):
        print(line, flush=True)
    for line in steadiness(source, asked.people, asked.methods):
        print(line, flush=True)


if __name__ == "__main__":
    main()
