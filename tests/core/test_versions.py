from __future__ import annotations

import platform
from importlib.metadata import version

import cv2
import numpy as np
import pytest

from datagen import __version__
from datagen.core import versions as environment
from datagen.core.versions import machine, pixel_libraries


def test_the_libraries_that_touch_pixels_are_named_with_their_versions() -> None:
    found = pixel_libraries()
    assert set(found) == {
        "albumentations",
        "av",
        "datagen",
        "numpy",
        "opencv-python-headless",
        "pillow",
        "pyarrow",
    }
    assert found["numpy"] == np.__version__
    assert found["datagen"] == __version__ == version("datagen")
    assert "absent" not in {found[name] for name in found if name != "av"}


def test_a_library_that_is_not_there_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "_PIXELS", ("no-such-library", "numpy"))
    assert pixel_libraries.__wrapped__() == {
        "no-such-library": "absent",
        "numpy": np.__version__,
    }


def test_the_machine_is_described() -> None:
    assert machine() == {
        "python": platform.python_version(),
        "system": platform.system(),
        "architecture": platform.machine(),
        "cpu_features": cv2.getCPUFeaturesLine(),
    }
    assert all(machine().values())
