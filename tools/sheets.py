"""Make the images of docs/degradations.md: one of each kind, and the sheet of profiles.

A row is one kind: the original image, then severity 1 to 5; kinds and profiles without severity
show five draws. Kinds for clips show frames of a clip, and below them what is left at severity 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from datagen.core.arrays import Image
from datagen.core.rng import rng
from datagen.degradations import DEGRADATIONS
from datagen.degradations.apply import apply_steps
from datagen.degradations.apply_clips import apply_steps_to_clips
from datagen.degradations.base import SEVERITIES
from datagen.degradations.compose import RESHARE, Composition, compose
from datagen.degradations.profile import load_profile, profile_names
from datagen.sources.procedural import render
from datagen.sources.procedural.footage import footage
from datagen.sources.procedural.options import VideoOptions

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs" / "images" / "degradations"
SIZE, SHOWN, LABEL = 256, 200, 22
FRAMES = range(4, 10)
OPTIONS = {"any": {"transform": {"name": "CLAHE", "clip_limit": [1, 8]}}}


def portrait(number: int) -> Image:
    """Return the face of one person."""
    image = render(1, 5 + number, 0, 512).image
    return np.asarray(cv2.resize(image, (SIZE, SIZE), interpolation=cv2.INTER_AREA), np.uint8)


def cells(name: str, built: Composition, image: Image) -> list[Image]:
    """Return the image, then five degraded versions."""
    found = [image]
    for number in range(1, SEVERITIES + 1):
        severity = number if built.has_severity else None
        stream = "ladder" if built.has_severity else f"draw/{number}"
        steps = built.draw(rng("sheet", name, stream), (SIZE, SIZE), severity)
        found.append(apply_steps([image], steps).images[0])
    return found


def frames(name: str, built: Composition, number: int) -> Image:
    """Return frames of a talking person, and below them the degraded ones."""
    video = footage(1, 5 + number, 0, SIZE, VideoOptions().limits)
    clip = [video.frame(place, Fraction(10)) for place in range(16)]
    steps = built.draw(rng("sheet", name, "clip"), (SIZE, SIZE), 3)
    made = apply_steps_to_clips([clip], steps).clips[0]
    return np.vstack([side_by_side([one[place] for place in FRAMES]) for one in (clip, made)])


def side_by_side(images: Sequence[Image]) -> Image:
    """Return a row."""
    return np.hstack(
        [cv2.resize(one, (SHOWN, SHOWN), interpolation=cv2.INTER_AREA) for one in images]
    )


def labeled(name: str, built: Composition, row: Image) -> Image:
    """Return a row below its name."""
    label = np.full((LABEL, row.shape[1], 3), 255, np.uint8)
    words = name if built.has_severity else f"{name}: five draws"
    cv2.putText(
        label, words, (4, LABEL - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (20, 20, 20), 1, cv2.LINE_AA
    )
    return np.vstack([label, row])


def write(name: str, image: Image) -> None:
    """Write one picture."""
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    cv2.imwrite(str(DOCS / f"{name}.jpg"), bgr, [cv2.IMWRITE_JPEG_QUALITY, 88])


def main() -> None:
    """Write a picture of each kind and the sheet of profiles."""
    DOCS.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(DEGRADATIONS):
        kind = DEGRADATIONS.load(name)
        built = compose(name, OPTIONS.get(name, {}), bool(kind.levels), name)
        row = side_by_side(cells(name, built, portrait(number))) if not kind.clips_only else None
        write(name, frames(name, built, number) if row is None else row)
    profiles = {
        name: compose(name, {}, load_profile(name).has_severity, name)
        for name in profile_names()
        if name != "clean"
    }
    profiles = {name: built for name, built in profiles.items() if not built.clips_only}
    profiles[RESHARE] = compose(RESHARE, {}, True, RESHARE)
    rows = [
        labeled(name, built, side_by_side(cells(name, built, portrait(number))))
        for number, (name, built) in enumerate(profiles.items())
    ]
    write("profiles", np.vstack(rows))


if __name__ == "__main__":
    main()
