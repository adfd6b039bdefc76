"""Make the image sheets of docs/degradations.md: each kind at each severity, and each profile.

A row is one kind: the original image, then severity 1 to 5. Profiles without severity show five
draws.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from datagen.core.arrays import Image
from datagen.core.rng import rng
from datagen.degradations import DEGRADATIONS
from datagen.degradations.apply import apply_steps
from datagen.degradations.base import SEVERITIES
from datagen.degradations.compose import RESHARE, Composition, compose
from datagen.degradations.profile import load_profile, profile_names
from datagen.sources.procedural import render

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs" / "images" / "degradations"
SIZE, SHOWN, LABEL = 256, 200, 22


def row(name: str, built: Composition, image: Image) -> Image:
    """Return one row: the image, then five degraded versions."""
    cells = [image]
    for number in range(1, SEVERITIES + 1):
        severity = number if built.has_severity else None
        stream = "ladder" if built.has_severity else f"draw/{number}"
        steps = built.draw(rng("sheet", name, stream), (SIZE, SIZE), severity)
        cells.append(apply_steps([image], steps).images[0])
    small = [cv2.resize(cell, (SHOWN, SHOWN), interpolation=cv2.INTER_AREA) for cell in cells]
    label = np.full((LABEL, SHOWN * len(small), 3), 255, np.uint8)
    words = name if built.has_severity else f"{name}: five draws"
    cv2.putText(
        label, words, (4, LABEL - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (20, 20, 20), 1, cv2.LINE_AA
    )
    return np.vstack([label, np.hstack(small)])


def sheet(names: list[str], composed: dict[str, Composition]) -> Image:
    """Return the rows of these kinds or profiles, on procedural faces."""
    rows = []
    for number, name in enumerate(names):
        image = render(1, 5 + number, 0, 512).image
        image = np.asarray(cv2.resize(image, (SIZE, SIZE), interpolation=cv2.INTER_AREA), np.uint8)
        rows.append(row(name, composed[name], image))
    return np.vstack(rows)


def write(name: str, image: Image) -> None:
    """Write one sheet."""
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    cv2.imwrite(str(DOCS / f"{name}.jpg"), bgr, [cv2.IMWRITE_JPEG_QUALITY, 88])


def main() -> None:
    """Write the sheet of kinds and the sheet of profiles."""
    DOCS.mkdir(parents=True, exist_ok=True)
    kinds = {
        name: compose(name, {}, True, name)
        for name in DEGRADATIONS
        if DEGRADATIONS.load(name).levels and not DEGRADATIONS.load(name).clips_only
    }
    profiles = {
        name: compose(name, {}, load_profile(name).has_severity, name)
        for name in profile_names()
        if name != "clean"
    }
    profiles = {name: built for name, built in profiles.items() if not built.clips_only}
    profiles[RESHARE] = compose(RESHARE, {}, True, RESHARE)
    write("kinds", sheet(list(kinds), kinds))
    write("profiles", sheet(list(profiles), profiles))


if __name__ == "__main__":
    main()
