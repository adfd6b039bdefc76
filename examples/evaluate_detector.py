"""From nothing to an evaluated detector: ``python examples/evaluate_detector.py``."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import datagen as dg

RECIPE = Path(__file__).parents[1] / "recipes" / "quickstart.yaml"


def detector(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return how smooth each image is, from 0 to 1: a naive guess at the probability of fake."""
    gray = images.mean(axis=3)
    return np.asarray(np.exp(-np.abs(np.diff(gray, axis=2)).mean(axis=(1, 2)) / 10))


few = {"sources.0.options.identities": 24, "splits.train": 16, "splits.val": 4, "splits.test": 24}
recipe = dg.load_recipe(RECIPE, overrides=few)
print(dg.plan(recipe, inline=True).to_frame())
release = dg.generate(recipe, "example-out", inline=True)
result = dg.evaluate(release, dg.score(release, detector, split="test"))
print(f"AUC {result.metrics['auc']:.3f}, 95 % interval {result.intervals['auc']}")
result.to_html("example-out.html")
