"""The foreign kinds: fakes that no method of ``datagen.methods`` had a part in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from datagen.faces.face import FaceCrop

from .blends import mean_morph, self_blend_paper, splice, swap_clone
from .repaint import navier_stokes, telea
from .resampled import Enlarger, Taef2Coder, bicubic

__all__ = ["CHOOSE", "FOREIGN_VERSION", "KINDS", "REPORT", "Kind", "Made", "opened"]

FOREIGN_VERSION = 1
"""Raised when the images of a kind change: test sets and scores are then made anew."""

CHOOSE = ("splice", "telea", "navier_stokes", "bicubic")
"""The kinds on which configurations may be chosen."""


@dataclass(frozen=True, slots=True)
class Made:
    """What a kind made of a face.

    Attributes:
        real: The real, which went through all that the fake went through but the manipulation.
        fake: The fake.
        control: The face's own content in place of the donor's; ``None`` where the processing is
            the manipulation.
    """

    real: Any
    fake: Any
    control: Any | None = None


Make = Callable[[FaceCrop, FaceCrop, np.random.Generator], tuple[Any, Any, Any | None]]


@dataclass(frozen=True, slots=True)
class Kind:
    """One foreign kind.

    Attributes:
        name: Its name in rows and tables.
        open: Returns the function that makes it.
        file: The weight file that it needs, in ``DATAGEN_WEIGHTS``.
    """

    name: str
    open: Callable[[], Make]
    file: str = ""


def _plain(make: Make) -> Callable[[], Make]:
    return lambda: make


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("swap_clone", _plain(swap_clone)),
        Kind("mean_morph", _plain(mean_morph)),
        Kind("splice", _plain(splice)),
        Kind("self_blend_paper", _plain(self_blend_paper)),
        Kind("telea", _plain(telea)),
        Kind("navier_stokes", _plain(navier_stokes)),
        Kind("bicubic", _plain(bicubic)),
        Kind("esrgan", lambda: Enlarger("esrgan_slim_x4.onnx"), "esrgan_slim_x4.onnx"),
        Kind("real_esrgan", lambda: Enlarger("realesrgan_x4plus.onnx"), "realesrgan_x4plus.onnx"),
        Kind("taef2", Taef2Coder, "taef2.safetensors"),
    )
}
REPORT = tuple(name for name in KINDS if name not in CHOOSE)
"""The kinds that are only reported."""


def opened(kind: Kind) -> Callable[[FaceCrop, FaceCrop, np.random.Generator], Made]:
    """Return the function that makes a kind; the face and the donor are crops of equal size."""
    make = kind.open()

    def made(face: FaceCrop, donor: FaceCrop, rng: np.random.Generator) -> Made:
        return Made(*make(face, donor, rng))

    return made
