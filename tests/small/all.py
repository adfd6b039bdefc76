"""All small networks in one folder, with the options by which each learned method uses them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.small.autoencoder import build_autoencoders
from tests.small.diffusion import build_diffusion
from tests.small.faces import build_faces
from tests.small.faceswap import build_faceswap
from tests.small.inswapper import build_inswapper
from tests.small.onnx import build_onnx

__all__ = ["SmallWeights", "build_all"]

Build = Callable[[Path], dict[str, dict[str, Any]]]

# In this order: where two offer a method, the later one's options stand.
_BUILDERS: tuple[Build, ...] = (
    build_inswapper,
    build_onnx,
    build_autoencoders,
    build_diffusion,
    build_faces,
    build_faceswap,
)


@dataclass(frozen=True, slots=True)
class SmallWeights:
    """A folder for ``DATAGEN_WEIGHTS``.

    Attributes:
        options: Of each learned method.
    """

    folder: Path
    options: dict[str, dict[str, Any]]


def build_all(folder: Path) -> SmallWeights:
    """Write every small network and its card; keeps the real landmark model within reach.

    A folder that was built before is taken as it is.
    """
    done = folder / "options.json"
    if done.exists():
        return SmallWeights(folder, json.loads(done.read_text(encoding="utf-8")))
    options: dict[str, dict[str, Any]] = {}
    for build in _BUILDERS:
        options |= build(folder)
    real = Path(os.environ.get("DATAGEN_WEIGHTS", "")) / "face_landmarker.task"
    if real.is_file():
        (folder / real.name).symlink_to(real.resolve())
    done.write_text(json.dumps(options), encoding="utf-8")
    return SmallWeights(folder, options)
