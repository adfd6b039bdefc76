"""Versions of the libraries and the machine that a run used."""

from __future__ import annotations

import platform
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version

__all__ = ["machine", "pixel_libraries"]

# Libraries that affect pixels, plans or the bytes of files.
_PIXELS = (
    "albumentations",
    "av",
    "datagen",
    "numpy",
    "opencv-python-headless",
    "pillow",
    "pyarrow",
)

# Libraries that affect pixels only where a recipe uses a network.
_NETWORKS = ("diffusers", "insightface", "onnxruntime", "torch", "transformers")


@lru_cache(maxsize=2)
def pixel_libraries(networks: bool = False) -> dict[str, str]:
    """Return name and version (or ``absent``) of each library that affects pixels.

    Args:
        networks: Whether networks make some of the pixels.
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
