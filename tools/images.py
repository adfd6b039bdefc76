"""Make the images of the documents: sheets of procedural faces, still and moving, pairs, clips."""

from __future__ import annotations

import sys
import tempfile
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import yaml
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

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


LANDING = ("landmark_swap", "expression_transfer", "morph", "self_blend")
LARGE, EDGE, TITLE = 300, 8, 28


def landing() -> Image:
    """Return the picture of the README: a column for each method, the fake large."""
    rows = ("the fake", "its real", "where it differs", "its control")
    width = (LARGE + EDGE) * len(LANDING) + EDGE
    page = Pillow.new("RGB", (width, 2 * LARGE), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(15)
    third = (LARGE - 2 * EDGE) // 3
    for number, (method, made) in enumerate(zip(LANDING, landing_pairs(), strict=True)):
        left = EDGE + number * (LARGE + EDGE)
        draw.text((left, 5), f"{method}: {rows[0]}", "#222", font)
        page.paste(Pillow.fromarray(resized(made[0], LARGE)), (left, TITLE))
        for place, (title, image) in enumerate(zip(rows[1:], made[1:], strict=True)):
            x, y = left + place * (third + EDGE), TITLE + LARGE + EDGE
            draw.text((x, y), title, "#555", ImageFont.load_default(11))
            page.paste(Pillow.fromarray(resized(image, third)), (x, y + 18))
    return np.asarray(page.crop((0, 0, width, TITLE + LARGE + EDGE + 18 + third + EDGE)))


def landing_pairs() -> list[tuple[Image, ...]]:
    """Return fake, real, mask over the fake, and control of a clear pair of each method."""
    methods = [
        use
        for use in yaml.safe_load((ROOT / "recipes" / "quickstart.yaml").read_text("utf-8"))[
            "methods"
        ]
        if use["use"] in LANDING
    ]
    share = f"1/{len(LANDING)}"
    changes = {
        "methods": [{**use, "share": share, "min_change": 5} for use in methods],
        "face.size": LARGE, "face.margin": 1.5, "controls": 1, "rejects.max_share": 0.5,
        "splits": {"train": 80}, "encode.quality": 95,
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        recipe = dg.load_recipe(ROOT / "recipes" / "quickstart.yaml", changes)
        release = dg.generate(recipe, f"{folder}/out", inline=True, progress=False)
        found: list[tuple[Image, ...]] = []
        for number, method in enumerate(LANDING):
            wide = [one for one in release.pairs(method=method) if one.row["mask_area"] > 0.08]
            by_yaw = sorted(wide, key=lambda one: abs(one.row["yaw"]))
            chosen = by_yaw[number]  # other people in each column
            assert chosen.control is not None
            found.append((chosen.fake, chosen.real, marked(chosen), chosen.control))
        return found


def marked(made: dg.ReleasedPair) -> Image:
    """Return the fake with its mask laid over it in red."""
    weight = made.mask[..., None].astype(np.float32) / 255 * 0.55
    red = np.array([220, 30, 30], np.float32)
    return np.asarray(np.rint(made.fake * (1 - weight) + red * weight), np.uint8)


def resized(image: Image, side: int) -> Image:
    """Return an image of this side."""
    return np.asarray(cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


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
    """Write all images, or those that are named."""
    if sys.argv[1:] == ["pairs"]:
        save("pairs.jpg", landing())
        return
    save("moving.jpg", moving())
    save("clips.jpg", clips())
    faces = [render(SEED, identity, 0, 512).image for identity in range(64)]
    save("identities.jpg", sheet(faces, 8, 200))
    save("one-identity.jpg", sheet([render(SEED, 5, n, 512).image for n in range(16)], 4, 300))
    save("pairs.jpg", landing())


if __name__ == "__main__":
    main()
