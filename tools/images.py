"""Make the images of the documents: sheets of procedural faces, still and moving, pairs, clips."""

from __future__ import annotations

import tempfile
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

import datagen as dg
from datagen.core.arrays import Image
from datagen.sources.procedural import render
from datagen.sources.procedural.footage import footage
from datagen.sources.procedural.options import VideoOptions

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs" / "images"
SEED = 1


def sheet(portraits: list[Image], columns: int, side: int) -> Image:
    """Lay portraits out in rows of ``columns``."""
    small = [cv2.resize(one, (side, side), interpolation=cv2.INTER_AREA) for one in portraits]
    rows = [np.hstack(small[n : n + columns]) for n in range(0, len(small), columns)]
    return np.asarray(np.vstack(rows), np.uint8)


def save(name: str, image: Image) -> None:
    """Write a JPEG into the documents."""
    DOCS.mkdir(parents=True, exist_ok=True)
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    cv2.imwrite(str(DOCS / name), bgr, [cv2.IMWRITE_JPEG_QUALITY, 88])


def pair(method: str, place: int) -> Image:
    """Return real, control, fake, mask and difference of one pair of ``method`` side by side."""
    recipe = dg.load_recipe(ROOT / "recipes" / "quickstart.yaml", {"face.size": 300, "controls": 1})
    with tempfile.TemporaryDirectory() as folder:
        release = dg.generate(recipe, f"{folder}/out", inline=True, limit=100, progress=False)
        pairs = sorted(release.pairs(method=method), key=lambda one: abs(one.row["yaw"]))
        chosen = pairs[place]  # the most frontal first
        real, control, fake = chosen.real, chosen.control, chosen.fake
        mask = cv2.cvtColor(chosen.mask, cv2.COLOR_GRAY2RGB)
    assert control is not None
    strong = np.minimum(cv2.absdiff(real, fake).astype(np.int32) * 4, 255)
    return np.hstack([real, control, fake, mask, strong.astype(np.uint8)])


def moving() -> Image:
    """Return eight frames of four videos, one video a row."""
    rate, limits = Fraction(25), VideoOptions().limits
    videos = [footage(SEED, identity, 0, 512, limits) for identity in (30, 2, 19, 12)]
    frames = [video.frame(number, rate) for video in videos for number in range(0, 64, 8)]
    return sheet(frames, 8, 200)


def clips() -> Image:
    """Return frames of clips by three methods: real, fake and mask, one below another."""
    names = ("self_blend", "landmark_swap", "mesh_swap")
    methods = [{"use": name, "share": "1/3", "min_change": 5} for name in names]
    changes = {
        "methods": methods, "degradations": None, "face.size": 256, "clip.frames": 26,
        "splits": {"train": 6}, "split.shares": {"train": 1},
        "encode": {"codec": "ffv1"},
    }  # fmt: skip
    recipe = dg.load_recipe(ROOT / "recipes" / "quickstart-clips.yaml", changes)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        release = dg.generate(recipe, f"{folder}/out", inline=True, progress=False)
        for name in names:
            chosen = next(release.pairs(method=name))
            mask = np.repeat(chosen.mask[..., None], 3, axis=3)
            rows += [list(frames[::5]) for frames in (chosen.real, chosen.fake, mask)]
    return sheet([frame for row in rows for frame in row], 6, 160)


def main() -> None:
    """Write all images."""
    save("moving.jpg", moving())
    save("clips.jpg", clips())
    faces = [render(SEED, identity, 0, 512).image for identity in range(64)]
    save("identities.jpg", sheet(faces, 8, 200))
    save("one-identity.jpg", sheet([render(SEED, 5, n, 512).image for n in range(16)], 4, 300))
    save("pair.jpg", np.vstack([pair("landmark_swap", 7), pair("self_blend", 1)]))


if __name__ == "__main__":
    main()
