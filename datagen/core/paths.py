"""Folders for what is kept between runs: the cache and the weights."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["cache_folder", "weights_folder"]


def cache_folder() -> Path:
    """Return ``DATAGEN_CACHE``, by default ``~/.cache/datagen``."""
    named = os.environ.get("DATAGEN_CACHE")
    return Path(named).expanduser() if named else Path.home() / ".cache" / "datagen"


def weights_folder() -> Path:
    """Return ``DATAGEN_WEIGHTS``, by default ``~/.cache/datagen/weights``."""
    named = os.environ.get("DATAGEN_WEIGHTS")
    return Path(named).expanduser() if named else Path.home() / ".cache" / "datagen" / "weights"
