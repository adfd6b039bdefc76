"""Make the images of docs/methods.md: for each method, three pairs of procedural faces.

A row is real, donor, fake, mask, and the difference times four. The last row is the weakest
accepted fake, so that a reader sees how small a change may be.

Methods with networks are shown with the small networks of the tests, not with real weights.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from datagen.cli.main import run
from datagen.core.arrays import Image
from datagen.core.rng import rng
from datagen.methods import METHODS
from datagen.release import Folder
from datagen.release.reader import Release
from datagen.sources.procedural import render

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
DOCS = ROOT / "docs" / "images" / "methods"
SIDE, PAIRS, SHOWN = 224, 60, 2


def donor_image(row: pd.Series) -> Image:
    """Return the donor's whole image, or white if there is none."""
    if not isinstance(row["donor_image_id"], str):
        return np.full((SIDE, SIDE, 3), 255, np.uint8)
    identity, _, number = row["donor_image_id"].removeprefix("p").partition("_")
    image = render(1, int(identity), int(number), 512).image
    return np.asarray(cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def line(release: Release, fake: pd.Series) -> Image:
    """Return the images of one pair side by side."""
    rows = release.manifest
    real_row = rows.loc[(rows["pair_id"] == fake["pair_id"]) & (rows["kind"] == "real")].iloc[0]
    real, made = release.image(real_row), release.image(fake)
    mask = cv2.cvtColor(release.mask(fake), cv2.COLOR_GRAY2RGB)
    strong = np.minimum(cv2.absdiff(real, made).astype(np.int32) * 4, 255).astype(np.uint8)
    return np.hstack([real, donor_image(fake), made, mask, strong])


def sheet(name: str, options_of: Mapping[str, Any]) -> Image:
    """Return the rows of one method."""
    recipe = str(ROOT / "recipes" / "quickstart.yaml")
    with tempfile.TemporaryDirectory() as folder:
        use = json.dumps([{"use": name, "share": 1, **options_of}])
        options = ["--inline", "--set", f"methods={use}"]
        options += ["--set", f"splits={{train: {PAIRS}}}", "--set", f"face.size={SIDE}"]
        options += ["--set", "encode.quality=95", "--set", "controls=0"]
        if run(["generate", recipe, "-o", f"{folder}/out", *options]):
            raise SystemExit(1)
        release = Release(Folder(f"{folder}/out"))
        fakes = release.manifest[release.manifest["kind"] == "fake"]
        weakest = fakes.iloc[int(fakes["change"].argmin())]
        frontal = fakes[~(fakes["yaw"].abs() >= 15)].drop(index=weakest.name, errors="ignore")
        places = rng("gallery", name).choice(len(frontal), SHOWN, replace=False)
        chosen = [*(frontal.iloc[int(place)] for place in sorted(places)), weakest]
        return np.vstack([line(release, fake) for fake in chosen])


def main() -> None:
    """Write one image per method."""
    from tests.support.small.all import build_all

    DOCS.mkdir(parents=True, exist_ok=True)
    names = sys.argv[1:] or list(METHODS)
    with tempfile.TemporaryDirectory() as new:
        folder = os.environ.get("DATAGEN_SMALL_WEIGHTS", new)
        small: Mapping[str, Any] = {}
        if any(METHODS.load(name).learned for name in names):
            small = build_all(Path(folder)).options
            os.environ["DATAGEN_WEIGHTS"] = folder
        for name in names:
            bgr = cv2.cvtColor(sheet(name, small.get(name, {})), cv2.COLOR_RGB2BGR)
            cv2.imwrite(str(DOCS / f"{name}.jpg"), bgr, [cv2.IMWRITE_JPEG_QUALITY, 85])


if __name__ == "__main__":
    main()
