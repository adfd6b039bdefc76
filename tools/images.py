"""Make the images of the documents: two sheets of procedural faces, and two pairs."""

from __future__ import annotations

import tempfile
from pathlib import Path

import cv2
import numpy as np

from datagen.cli.main import run
from datagen.core.arrays import Image
from datagen.release import Folder
from datagen.release.reader import Release
from datagen.sources.procedural import render

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
    recipe = str(ROOT / "recipes" / "quickstart.yaml")
    with tempfile.TemporaryDirectory() as folder:
        options = ["--inline", "--limit", "60", "--set", "face.size=300", "--set", "controls=1"]
        if run(["generate", recipe, "-o", f"{folder}/out", *options]):
            raise SystemExit(1)
        release = Release(Folder(f"{folder}/out"))
        rows = release.manifest
        fakes = rows[(rows["kind"] == "fake") & (rows["method"] == method)]
        fakes = fakes.sort_values("yaw", key=abs)  # the most frontal first
        members = rows[rows["pair_id"] == fakes.iloc[place]["pair_id"]].set_index("kind")
        real, control, fake = (
            release.image(members.loc[kind]) for kind in ("real", "control", "fake")
        )
        mask = cv2.cvtColor(release.mask(members.loc["fake"]), cv2.COLOR_GRAY2RGB)
    strong = np.minimum(cv2.absdiff(real, fake).astype(np.int32) * 4, 255)
    return np.hstack([real, control, fake, mask, strong.astype(np.uint8)])


def main() -> None:
    """Write all images."""
    faces = [render(SEED, identity, 0, 512).image for identity in range(64)]
    save("identities.jpg", sheet(faces, 8, 200))
    save("one-identity.jpg", sheet([render(SEED, 5, n, 512).image for n in range(16)], 4, 300))
    save("pair.jpg", np.vstack([pair("landmark_swap", 7), pair("self_blend", 1)]))


if __name__ == "__main__":
    main()
