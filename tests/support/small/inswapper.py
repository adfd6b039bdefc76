"""A small inswapper and the insightface pack whose embeddings it reads: real files, no learning.

The pack's recognizer keeps the lowest waves of an aligned face, turned by the pack's own matrix
(``tests/onnx_pack.py``). The swap turns them back with its ``emap``, draws the donor's face from
them at low resolution, and lays the target's detail over it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from datagen.networks.alignment.align import TEMPLATES
from tests.support.onnx_pack import WAVES, WIDTH, build_pack, cosines, turn
from tests.support.small.onnx import constant, node, port, tensor, write_network

__all__ = ["PACK", "SWAPPER", "build_inswapper", "swap_graph"]

SWAPPER, PACK = "inswapper_128", "insightface_buffalo_l"

_SIDE = 128
_COARSE = 16  # waves of the target that are replaced, across its aligned image

Array = NDArray[np.float64]


def build_inswapper(folder: Path, free: bool = False) -> dict[str, dict[str, Any]]:
    """Write network, pack and the cards of both.

    Args:
        folder: What ``DATAGEN_WEIGHTS`` may name.
        free: Whether the network takes any number of faces; the published file takes one.
    """
    contract = {
        "task": "swap",
        "face": {"template": "arcface_128", "size": _SIDE},
        "identity": "embedding",
        "embedder": "arcface_w600k_r50",
        "emap": True,
    }
    write_network(folder, SWAPPER, swap_graph("n" if free else 1), contract)
    build_pack(folder / "buffalo_l")
    card = {
        "id": PACK,
        "title": "Computed pack",
        "file": "buffalo_l",
        "form": "insightface",
        "license": "CC0-1.0",
        "notes": "Computed for tests; it has learned from nobody.",
    }
    (folder / "cards" / f"{PACK}.yaml").write_text(yaml.safe_dump(card), encoding="utf-8")
    return {"inswapper": {"batch": 4}}


def swap_graph(count: Any) -> tuple[list[Any], list[Any], list[Any], list[Any]]:
    """Return nodes, inputs, outputs and constants; the last constant is ``emap``.

    Args:
        count: Faces a call: a number, or the name of a free axis.
    """
    centers = (np.arange(_SIDE) + 0.5) / _SIDE
    fade = np.exp(-1.5 * np.square(np.arange(WAVES) / WAVES))
    columns, rows = (
        cosines(scale * centers + shift, WAVES) * fade for scale, shift in _to_recognizer()
    )
    low = _low_pass(centers)
    nodes = [
        node("MatMul", ["low", "target"], "low_rows"),
        node("MatMul", ["low_rows", "low_t"], "coarse"),
        node("Slice", ["source", "last", "end", "axis"], "length"),
        node("Div", ["source", "length"], "whole"),
        node("Slice", ["whole", "first", "last_wave", "axis"], "known"),
        node("Reshape", ["known", "grid"], "waves"),
        node("MatMul", ["field_y", "waves"], "field_rows"),
        node("MatMul", ["field_rows", "field_x"], "field"),
        node("Mul", ["field", "half"], "field_half"),
        node("Add", ["field_half", "half"], "donor"),
        node("Sub", ["donor", "coarse"], "apart"),
        node("Mul", ["apart", "oval"], "inside"),
        node("Add", ["target", "inside"], "sum"),
        node("Clip", ["sum", "zero", "one"], "output"),
    ]
    constants = [
        constant("low", low),
        constant("low_t", low.T),
        constant("first", [0], np.int64),
        constant("last", [WIDTH - 1], np.int64),
        constant("end", [WIDTH], np.int64),
        constant("last_wave", [3 * WAVES**2], np.int64),
        constant("axis", [1], np.int64),
        constant("grid", [-1, 3, WAVES, WAVES], np.int64),
        constant("field_y", rows),
        constant("field_x", columns.T),
        constant("half", 0.5),
        constant("zero", 0.0),
        constant("one", 1.0),
        constant("oval", _oval(centers)),
        constant("emap", turn().T),
    ]
    inputs = [port("target", _SIDE, count), tensor("source", [count, WIDTH])]
    return nodes, inputs, [port("output", _SIDE, count)], constants


def _to_recognizer() -> Array:
    """Return scale and shift of x and y from the swap's aligned image to the recognizer's."""
    own, theirs = TEMPLATES["arcface_128"], TEMPLATES["arcface_112_v2"]
    return np.stack([np.polyfit(own[:, axis], theirs[:, axis], 1) for axis in (0, 1)])


def _low_pass(centers: Array) -> Array:
    """Return the matrix that leaves the lowest waves of a line of pixels, softly cut."""
    synthesis = cosines(centers, _COARSE)
    weights = np.full(_COARSE, 2 / len(centers))
    weights[0] /= 2
    fade = np.exp(-1.5 * np.square(np.arange(_COARSE) / _COARSE))
    return np.asarray((synthesis * fade * weights) @ synthesis.T)


def _oval(centers: Array) -> Array:
    """Return 1 in the face and 0 beyond it, softly, ``(1, 1, side, side)``."""
    y, x = np.meshgrid(centers, centers, indexing="ij")
    far = np.hypot((x - 0.5) / 0.33, (y - 0.53) / 0.44)
    share = np.clip((1.05 - far) / 0.4, 0, 1)
    return np.asarray((share * share * (3 - 2 * share))[None, None])
