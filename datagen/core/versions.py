"""Versions of the libraries and the machine that a run used."""

from __future__ import annotations

import platform
import re
from functools import cache, lru_cache
from importlib.metadata import PackageNotFoundError, version

__all__ = ["machine", "opencv_name", "pillow_name", "pixel_libraries"]

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


@cache
def pillow_name(codec: str, library: str) -> str:
    """Name Pillow and its codec library, e.g. ``pillow 12.0.0 (libwebp 1.6.0)``."""
    import PIL
    from PIL import features

    return f"pillow {PIL.__version__} ({library} {features.version(codec) or 'unknown'})"


@cache
def opencv_name(codec: str) -> str:
    """Name OpenCV and its codec library, e.g. ``opencv 4.12.0 (libjpeg-turbo 3.1.2-70)``."""
    import cv2

    line = re.search(rf"^\s*{codec}:\s*(.+)$", cv2.getBuildInformation(), re.MULTILINE)
    built = "unknown" if line is None else line[1]
    found = re.fullmatch(r"(?:build-|.*/)?([\w.+-]+) \(ver ([\w.-]+)\)", built.strip())
    library = built.strip() if found is None else f"{found[1]} {found[2]}"
    return f"opencv {cv2.__version__} ({library})"
