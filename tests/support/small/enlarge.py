"""A small network that doubles images of any size, as ESRGAN does, with traces of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tests.support.small.onnx import constant, node, tensor, write_network

__all__ = ["ENLARGER", "build_enlarger"]

ENLARGER = "small_enlarger"
_FACTOR = 2
_HIDDEN = 8


def build_enlarger(folder: Path) -> dict[str, dict[str, Any]]:
    """Write the network and its card under ``folder``.

    Returns:
        Options by name of method.
    """
    draw = np.random.Generator(np.random.Philox(key=8))
    tent = np.outer([1.0, 2.0, 1.0], [1.0, 2.0, 1.0]) / 16
    nodes = [
        node(
            "Resize",
            ["image", "", "scales"],
            "large",
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        ),
        node("Pad", ["large", "pads"], "wide", mode="reflect"),
        node("Conv", ["wide", "tent"], "smooth", group=3),
        node("Conv", ["wide", "first"], "hidden"),
        node("Relu", ["hidden"], "kept"),
        node("Conv", ["kept", "second"], "traces"),
        node("Add", ["smooth", "traces"], "sum"),
        node("Clip", ["sum", "bottom", "top"], "enlarged"),
    ]
    first = draw.standard_normal((_HIDDEN, 3, 3, 3))
    first -= first.mean(axis=(2, 3), keepdims=True)  # nothing where the image is flat
    constants = [
        constant("scales", [1, 1, _FACTOR, _FACTOR]),
        constant("pads", [0, 0, 1, 1, 0, 0, 1, 1], np.int64),
        constant("tent", np.tile(tent, (3, 1, 1, 1))),
        constant("first", first),
        constant("second", 0.1 * draw.standard_normal((3, _HIDDEN, 1, 1))),
        constant("bottom", 0.0),
        constant("top", 1.0),
    ]
    contract = {
        "task": "enhance",
        "face": {"template": "ffhq_512", "size": 128, "name": "image"},
        "output_name": "enlarged",
        "enlarges": _FACTOR,
    }
    inputs = [tensor("image", ["batch", 3, "height", "width"])]
    outputs = [tensor("enlarged", ["batch", 3, "high", "wide_out"])]
    write_network(folder, ENLARGER, (nodes, inputs, outputs, constants), contract)
    return {"gan_upsample": {"weights": ENLARGER, "batch": 4}}
