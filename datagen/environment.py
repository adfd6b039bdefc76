"""What the bytes of a release depend on beside the recipe: versions and the machine."""

from __future__ import annotations

import platform
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version

__all__ = ["machine", "pixel_libraries"]

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


@lru_cache(maxsize=1)
def pixel_libraries() -> dict[str, str]:
    """Return name and version of each library that touches pixels."""
    return {name: _version(name) for name in _PIXELS}


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
