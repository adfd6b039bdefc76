"""Make the images of docs/methods.md: for each method, three pairs of procedural faces.

A row is real, donor, fake, mask, and the difference times four. The last row is the weakest
accepted fake, so that a reader sees how small a change may be.

Methods with networks are shown with the small networks of the tests, not with real weights; those
in ``DATAGEN_WEIGHTS`` make docs/images/networks.jpg:

python tools/gallery.py [METHOD ...]
python tools/gallery.py --networks
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

import datagen as dg
from datagen.core.arrays import Image
from datagen.core.rng import rng
from datagen.methods import METHODS
from datagen.sources.procedural import render

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
DOCS = ROOT / "docs" / "images" / "methods"
SIDE, PAIRS, SHOWN = 224, 60, 2


def donor_image(pair: dg.ReleasedPair) -> Image:
    """Return the donor's whole image, or white if there is none."""
    donor = pair.row["donor_image_id"]
    if not isinstance(donor, str):
        return np.full((SIDE, SIDE, 3), 255, np.uint8)
    identity, _, number = donor.removeprefix("p").partition("_")
    image = render(1, int(identity), int(number), 512).image
    return np.asarray(cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def line(pair: dg.ReleasedPair) -> Image:
    """Return the images of one pair side by side."""
    real, fake = pair.real, pair.fake
    mask = cv2.cvtColor(pair.mask, cv2.COLOR_GRAY2RGB)
    strong = np.minimum(cv2.absdiff(real, fake).astype(np.int32) * 4, 255).astype(np.uint8)
    return np.hstack([real, donor_image(pair), fake, mask, strong])


def sheet(name: str, options_of: Mapping[str, Any], **changes: Any) -> Image:
    """Return the rows of one method."""
    overrides: dict[str, Any] = {
        "methods": [{"use": name, "share": 1, **options_of}],
        "splits": {"train": PAIRS},
        "face.size": SIDE,
        "encode.quality": 95,
        "controls": 0,
        **changes,
    }
    recipe = dg.load_recipe(ROOT / "recipes" / "quickstart.yaml", overrides)
    with tempfile.TemporaryDirectory() as folder:
        release = dg.generate(recipe, f"{folder}/out", inline=True, progress=False)
        table = release.table()
        fakes = table[table["kind"] == "fake"]
        weakest = fakes.iloc[int(fakes["change"].argmin())]
        frontal = fakes[~(fakes["yaw"].abs() >= 15)].drop(index=weakest.name, errors="ignore")
        places = rng("gallery", name).choice(len(frontal), SHOWN, replace=False)
        chosen = [*(frontal.iloc[int(place)] for place in sorted(places)), weakest]
        return np.vstack([line(release.pair(fake["pair_id"])) for fake in chosen])


def networks() -> Image:
    """Return one pair of each path of recipes/networks.yaml."""
    research = {"purpose": {"use": "research", "redistribute": False}, "splits": {"train": 12}}
    rows = []
    for use in yaml.safe_load((ROOT / "recipes/networks.yaml").read_text("utf-8"))["methods"]:
        options = {key: value for key, value in use.items() if key not in ("use", "share")}
        found = sheet(use["use"], options, **research, **{"face.embedder": "mobileface"})
        rows.append(found[:SIDE])
    return np.vstack(rows)


def main() -> None:
    """Write one image per method."""
    if "--networks" in sys.argv[1:]:
        bgr = cv2.cvtColor(networks(), cv2.COLOR_RGB2BGR)
        cv2.imwrite(str(DOCS.parent / "networks.jpg"), bgr, [cv2.IMWRITE_JPEG_QUALITY, 88])
        return
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
