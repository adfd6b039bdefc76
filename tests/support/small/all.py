"""All small networks in one folder, with the options by which each learned method uses them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from filelock import FileLock

from tests.support.small.autoencoder import build_autoencoders
from tests.support.small.build import SmallWeights, read_options, write_options
from tests.support.small.diffusion import build_diffusion
from tests.support.small.enlarge import build_enlarger
from tests.support.small.faces import build_faces
from tests.support.small.faceswap import build_faceswap
from tests.support.small.inswapper import build_inswapper
from tests.support.small.onnx import build_onnx

__all__ = ["build_all"]

Build = Callable[[Path], dict[str, dict[str, Any]]]

# In this order: where two offer a method, the later one's options stand.
_BUILDERS: tuple[Build, ...] = (
    build_inswapper,
    build_onnx,
    build_enlarger,
    build_autoencoders,
    build_diffusion,
    build_faces,
    build_faceswap,
)


def build_all(folder: Path) -> SmallWeights:
    """Write every small network and its card; keeps the real landmark model within reach.

    A folder that was built before is taken as it is; of several processes, one builds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        return _built(folder)


def _built(folder: Path) -> SmallWeights:
    if (built := read_options(folder)) is not None:
        return built
    options: dict[str, dict[str, Any]] = {}
    for build in _BUILDERS:
        options |= build(folder)
    real = Path(os.environ.get("DATAGEN_WEIGHTS", "")) / "face_landmarker.task"
    if real.is_file():
        (folder / real.name).symlink_to(real.resolve())
    small = SmallWeights(folder, options)
    write_options(small)
    return small


if __name__ == "__main__":
    build_all(Path(sys.argv[1]))
