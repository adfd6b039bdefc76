"""What is around a run: versions, the machine, and the folder for what is kept between runs."""

from __future__ import annotations

import os
import platform
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["cache_folder", "machine", "pixel_libraries"]

# The libraries that touch pixels, plans or the bytes of files.
_PIXELS = (
    "albumentations",
    "av",
    "datagen",
    "numpy",
    "opencv-python-headless",
    "pillow",
    "pyarrow",
)

# Those that touch pixels only where a recipe has a network.
_NETWORKS = ("diffusers", "insightface", "onnxruntime", "torch", "transformers")


def cache_folder() -> Path:
    """Return ``DATAGEN_CACHE``, by default ``~/.cache/datagen``."""
    named = os.environ.get("DATAGEN_CACHE")
    return Path(named).expanduser() if named else Path.home() / ".cache" / "datagen"


@lru_cache(maxsize=2)
def pixel_libraries(networks: bool = False) -> dict[str, str]:
    """Return name and version of each library that touches pixels, or ``absent``.

    Args:
        networks: Whether networks make some of them.
    """
    names = _PIXELS + _NETWORKS if networks else _PIXELS
    return {name: _version(name) for name in names}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def machine() -> dict[str, str]:
    """Return the interpreter, the system and the processor's architecture and features."""
    return {
        "python": platform.python_version(),
        "system": platform.system(),
        "architecture": platform.machine(),
        "cpu_features": _cpu_features(),
    }


def _cpu_features() -> str:
    # The level at which OpenCV and NumPy choose their kernels.
    import cv2

    return str(cv2.getCPUFeaturesLine())
