"""The quality of fakes on photographs: found, visible, faithful, close to the donor.

For each method, 318 fakes of the London set at 380 pixels: the share in which the landmark model
finds a face, the change under the mask, the PSNR of the whole image, the PSNR of the control
inside the mask, the distance of the reported landmarks from the model's, and for swaps the share
whose inner face shape is closer to the donor's than the target's was. Usage, with DATAGEN_LONDON
and DATAGEN_WEIGHTS set:

    python benchmarks/fakes.py [METHOD ...] [--pairs 318]

Methods with networks are left out unless they are named.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from datagen.cli.main import run
from datagen.faces.analyzers.mediapipe import MediaPipe
from datagen.methods import METHODS
from datagen.planning.donors import normal_shapes
from datagen.release.reader import Release
from datagen.sources import Record

RECIPE = str(Path(__file__).resolve().parent.parent / "recipes" / "london.yaml")
PAIRS = 318
INSIDE = slice(17, 68)  # the 68 points without the outline, which stays the target's


def release_of(method: str, folder: str, pairs: int) -> Release:
    """Make the pairs of one method, lossless and each with its control."""
    donor = ", donor: {match: [sex], pool_size: 20}" if METHODS.load(method).needs_donor else ""
    options = ["--inline", "--set", f"methods=[{{use: {method}, share: 1{donor}}}]"]
    options += ["--set", f"splits={{train: {pairs}}}", "--set", "encode={format: png}"]
    options += ["--set", "split.shares={train: 1}", "--set", "controls=1"]
    if run(["generate", RECIPE, "-o", f"{folder}/{method}", *options]):
        raise SystemExit(1)
    return Release(f"{folder}/{method}")


def psnr(squared: Any) -> float:
    """Return decibels of a mean squared difference."""
    return float(10 * np.log10(255**2 / max(float(squared), 1e-9)))


def shape(points: Any) -> Any:
    """Return the inner points of a face as a row, normalized by position, size and roll."""
    row = normal_shapes(np.asarray(points, np.float32).reshape(1, 68, 2))[0]
    return np.concatenate([row[:68][INSIDE], row[68:][INSIDE]])


def measure(release: Release, model: MediaPipe) -> dict[str, float]:
    """Return the figures of one method."""
    rows = release.manifest.set_index(["pair_id", "kind"])
    reals = release.manifest[release.manifest["kind"] == "real"]
    marks = dict(zip(reals["image_id"], reals["landmarks"], strict=True))
    found, whole, control, off, closer = [], [], [], [], []
    for pair in rows.index.unique("pair_id"):
        real, fake = (release.image(rows.loc[pair, kind]) for kind in ("real", "fake"))
        row = rows.loc[(pair, "fake")]
        squared = np.square(real.astype(np.float32) - fake).mean(axis=2)
        whole.append(psnr(squared.mean()))
        if (pair, "control") in rows.index:
            inside = release.mask(row) > 0
            kept = release.image(rows.loc[(pair, "control")])
            control.append(psnr(np.square(real.astype(np.float32) - kept)[inside].mean()))
        seen = model.analyze(fake, Record(image_id=pair, identity=""))
        found.append(len(seen) == 1)
        if not seen:
            continue
        stated = np.asarray(row["landmarks"], np.float32).reshape(68, 2)
        unit = float(np.linalg.norm(stated[45] - stated[36]))
        off.append(float(np.linalg.norm(seen[0].landmarks - stated, axis=1).mean()) / unit)
        if row["family"] == "face_swap" and row["donor_image_id"] in marks:
            donor = shape(marks[row["donor_image_id"]])
            own = shape(rows.loc[(pair, "real")]["landmarks"])
            made = shape(seen[0].landmarks)
            closer.append(np.linalg.norm(made - donor) < np.linalg.norm(own - donor))
    fakes = release.manifest[release.manifest["kind"] == "fake"]
    return {
        "found %": 100 * float(np.mean(found)),
        "change min": float(fakes["change"].min()),
        "change median": float(fakes["change"].median()),
        "attempts > 1 %": 100 * float((fakes["attempt"] > 0).mean()),
        "PSNR median": float(np.median(whole)),
        "control dB min": min(control, default=float("nan")),
        "landmarks off %": 100 * float(np.mean(off)),
        "closer to donor %": 100 * float(np.mean(closer)) if closer else float("nan"),
    }


def main(arguments: list[str] | None = None) -> None:
    """Print one line per method."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("methods", nargs="*", metavar="METHOD")
    parser.add_argument("--pairs", type=int, default=PAIRS)
    given = parser.parse_args(arguments)
    classical = [name for name in METHODS if not METHODS.load(name).learned]
    model = MediaPipe()
    model.open()
    table = {}
    with tempfile.TemporaryDirectory() as folder:
        for method in given.methods or classical:
            table[method] = measure(release_of(method, folder, given.pairs), model)
    print(pd.DataFrame(table).T.round(2).to_string())


if __name__ == "__main__":
    main()
