"""Files that tests need and the repository does not contain: photographs and networks.

``DATAGEN_LONDON`` names the folder of the London set, ``DATAGEN_GRID`` that of videos of the GRID
corpus, ``DATAGEN_WEIGHTS`` that of the weight files. A test whose file is missing is skipped and
names it; with ``DATAGEN_REQUIRE_ASSETS=1`` it fails, so that a machine that should have them cannot
pass by skipping.
"""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from datagen.core.arrays import Image

__all__ = ["grid", "london", "london_photo", "weights"]


def london(name: str = "people.csv") -> Path:
    """Return a file of the London set, or skip."""
    return _asset("DATAGEN_LONDON", name, "the Face Research Lab London Set")


def grid(name: str = "id2.mpg") -> Path:
    """Return a video of the GRID corpus, or skip."""
    return _asset("DATAGEN_GRID", name, "videos of the GRID corpus")


def weights(name: str) -> Path:
    """Return a weight file, or skip."""
    return _asset("DATAGEN_WEIGHTS", name, "the weight files")


def london_photo(image_id: str = "001_03", size: int = 675) -> Image:
    """Return a photograph of the set, RGB, scaled to a side of ``size`` pixels, or skip."""
    data = np.frombuffer(london(f"{image_id}.jpg").read_bytes(), np.uint8)
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert decoded is not None
    scaled = cv2.resize(decoded, (size, size), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(scaled[:, :, ::-1])


def _asset(variable: str, name: str, what: str) -> Path:
    folder = os.environ.get(variable)
    path = Path(folder or ".") / name
    if folder and path.exists():
        return path
    reason = f"{path if folder else name} is missing: point {variable} at {what}"
    if os.environ.get("DATAGEN_REQUIRE_ASSETS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
