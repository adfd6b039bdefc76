"""Small ONNX networks with the signatures of the published ones: real files and their cards.

They are computed and not trained, and still change a face as their kind does. The embedder keeps
the lowest frequencies of an aligned face (its cosine transform), which are its tone and its coarse
shape; a swap puts a donor's in the place of the target's and leaves the target's detail.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import yaml
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from datagen.networks.alignment.align import TEMPLATES
from datagen.weights.io_contract import Template

__all__ = [
    "AGE",
    "ENHANCER",
    "SWAP",
    "SWAP_BY_IMAGE",
    "SWAP_EMAP",
    "SWAP_MASK",
    "build_onnx",
    "constant",
    "node",
    "port",
    "write_network",
]

SWAP, SWAP_MASK, SWAP_EMAP = "small_swap", "small_swap_mask", "small_swap_emap"
SWAP_BY_IMAGE, ENHANCER, AGE = "small_swap_by_image", "small_enhancer", "small_age"

_EMBEDDER, _CONVERTER = "small_embedder", "small_converter"
_WAVES = 13  # 3 x 13 x 13 numbers of a face fit into an embedding of 512
_WIDTH = 512
_FINE = 44
_IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
_HALF = {"mean": [0.5], "std": [0.5]}

Array = NDArray[np.float64]


def build_onnx(folder: Path) -> dict[str, dict[str, Any]]:
    """Write all networks and cards into a folder that ``DATAGEN_WEIGHTS`` may name.

    Returns:
        For each method the options that use them; the constants of this module name the others.
    """
    _write_embedder(folder)
    _write_swap(folder, SWAP)
    _write_swap(folder, SWAP_MASK)
    _write_swap(folder, SWAP_EMAP)
    _write_swap_by_image(folder)
    _write_enhancer(folder)
    _write_age(folder)
    return {
        "onnx_swap": {"weights": SWAP, "batch": 4},
        "onnx_edit": {"weights": AGE, "batch": 4},
    }


def write_network(
    folder: Path,
    name: str,
    graph: tuple[list[Any], list[Any], list[Any], list[Any]],
    contract: dict[str, Any],
) -> Path:
    """Write a graph (nodes, inputs, outputs, constants) and the card of its contract."""
    nodes, inputs, outputs, constants = graph
    made = helper.make_graph(nodes, name, inputs, outputs, constants)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    path = folder / f"{name}.onnx"
    (folder / "cards").mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)
    card = {
        "id": name,
        "title": f"Computed network {name}",
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "size": path.stat().st_size,
        "license": "CC0-1.0",
        "notes": "Computed for tests; it has learned from nobody.",
        "network": contract,
    }
    (folder / "cards" / f"{name}.yaml").write_text(yaml.safe_dump(card), encoding="utf-8")
    return path


def constant(name: str, value: Any, dtype: Any = np.float32) -> Any:
    """Return an initializer."""
    return numpy_helper.from_array(np.asarray(value, dtype), name)


def node(kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> Any:
    """Return a node that makes one output."""
    return helper.make_node(kind, list(inputs), [output], **attributes)


def port(name: str, side: int, count: Any = 1, channels: int = 3) -> Any:
    """Return an input or output that is an image; ``count`` a name: a free axis."""
    return tensor(name, [count, channels, side, side])


def tensor(name: str, shape: list[Any]) -> Any:
    """Return an input or output of any shape."""
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _cosines(places: Array, waves: int) -> Array:
    return np.cos(np.pi * np.arange(waves) * places[:, None])


def _centers(side: int) -> Array:
    return (np.arange(side) + 0.5) / side


def _analysis(side: int, waves: int) -> Array:
    """Return the matrix from ``side`` pixels to ``waves`` cosines, which ``_cosines`` undoes."""
    weights = np.full((waves, 1), 2 / side)
    weights[0] = 1 / side
    return weights * _cosines(_centers(side), waves).T


def _taper(waves: int) -> Array:
    """Let the waves fade out, so that the cut does not ring."""
    return np.asarray(np.exp(-1.5 * np.square(np.arange(waves) / waves)))


def _low_pass(side: int, waves: int) -> Array:
    synthesis = _cosines(_centers(side), waves) * _taper(waves)
    return np.asarray(synthesis @ _analysis(side, waves))


def _between(template: Template, other: Template) -> Array:
    """Return scale and shift of x and of y from one aligned image to another, ``(2, 2)``."""
    own, theirs = TEMPLATES[template], TEMPLATES[other]
    return np.stack([np.polyfit(own[:, axis], theirs[:, axis], 1) for axis in (0, 1)])


def _oval(template: Template, side: int) -> Array:
    """Return 1 in the face and 0 beyond it, softly, ``(1, 1, side, side)``."""
    points = TEMPLATES[template].astype(np.float64)
    eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
    down = mouth[1] - eyes[1]
    wide = 1.2 * (points[1, 0] - points[0, 0])
    y, x = np.meshgrid(_centers(side), _centers(side), indexing="ij")
    far = np.hypot((x - eyes[0]) / wide, (y - eyes[1] - 0.4 * down) / (1.45 * down))
    share = np.clip((1.05 - far) / 0.4, 0, 1)
    return np.asarray((share * share * (3 - 2 * share))[None, None])


def _per_channel(values: Sequence[float]) -> Array:
    return np.broadcast_to(values, 3).reshape(1, 3, 1, 1)


def _both_ways(name: str, source: str, rows: str, columns: str) -> list[Any]:
    """Multiply each channel by one matrix from the left and by another from the right."""
    return [
        node("MatMul", [rows, source], f"{name}_rows"),
        node("MatMul", [f"{name}_rows", columns], name),
    ]


def _write_embedder(folder: Path) -> None:
    """Write an ArcFace (112 pixels, free batch, 512 numbers) and a converter."""
    analysis = _analysis(112, _WAVES)
    keep = np.eye(3 * _WAVES**2, _WIDTH)
    one = np.zeros(_WIDTH)
    one[-1] = 1  # tells a swap the scale of what has been brought to length 1
    nodes = [
        *_both_ways("waves", "input.1", "rows", "columns"),
        node("Flatten", ["waves"], "flat"),
        node("Gemm", ["flat", "keep", "one"], "embedding"),
    ]
    constants = [
        constant("rows", analysis),
        constant("columns", analysis.T),
        constant("keep", keep),
        constant("one", one),
    ]
    graph = (
        nodes,
        [port("input.1", 112, "n")],
        [tensor("embedding", ["n", _WIDTH])],
        constants,
    )
    face = {"template": "arcface_112_v2", "size": 112, **_HALF}
    write_network(folder, _EMBEDDER, graph, {"task": "embed", "face": face})
    graph = (
        [node("MatMul", ["input", "turn"], "output")],
        [tensor("input", ["n", _WIDTH])],
        [tensor("output", ["n", _WIDTH])],
        [constant("turn", _turn())],
    )
    write_network(folder, _CONVERTER, graph, {"task": "convert"})


def _turn() -> Array:
    """Return an orthogonal matrix: another system of coordinates for embeddings."""
    draw = np.random.Generator(np.random.Philox(key=5)).standard_normal((_WIDTH, _WIDTH))
    return np.asarray(np.linalg.qr(draw)[0])


def _write_swap(folder: Path, name: str) -> None:
    """Write a SimSwap (1x3x256x256 and 1x512), one with a mask, or one with inswapper's emap."""
    template: Template = "arcface_128" if name == SWAP_EMAP else "arcface_112_v1"
    side = 128 if name == SWAP_EMAP else 256
    scales = {"mean": [0.0], "std": [1.0]} if name == SWAP_EMAP else _IMAGENET
    (scale_x, shift_x), (scale_y, shift_y) = _between(template, "arcface_112_v2")
    fade = _taper(_WAVES)
    nodes = [
        node("Mul", ["target", "std"], "scaled"),
        node("Add", ["scaled", "mean"], "rgb"),
        *_both_ways("coarse", "rgb", "low", "low_t"),
        node("MatMul", ["source", "turn_back"], "own"),
        node("Slice", ["own", "last", "end", "axis"], "length"),
        node("Div", ["own", "length"], "whole"),
        node("Slice", ["whole", "first", "waves", "axis"], "known"),
        node("Reshape", ["known", "grid"], "donor_waves"),
        *_both_ways("donor_face", "donor_waves", "field_y", "field_x"),
        node("Mul", ["donor_face", "half"], "donor_half"),
        node("Add", ["donor_half", "half"], "donor"),
        node("Sub", ["donor", "coarse"], "apart"),
        node("Mul", ["apart", "oval"], "inside"),
        node("Add", ["rgb", "inside"], "sum"),
        node("Clip", ["sum", "zero", "unit"], "output"),
    ]
    low = _low_pass(side, round(_WAVES * scale_x))
    constants = [
        constant("std", _per_channel(scales["std"])),
        constant("mean", _per_channel(scales["mean"])),
        constant("low", low),
        constant("low_t", low.T),
        constant("first", [0], np.int64),
        constant("last", [_WIDTH - 1], np.int64),
        constant("end", [_WIDTH], np.int64),
        constant("waves", [3 * _WAVES**2], np.int64),
        constant("axis", [1], np.int64),
        constant("grid", [-1, 3, _WAVES, _WAVES], np.int64),
        constant("field_y", _cosines(scale_y * _centers(side) + shift_y, _WAVES) * fade),
        constant("field_x", (_cosines(scale_x * _centers(side) + shift_x, _WAVES) * fade).T),
        constant("half", 0.5),
        constant("oval", _oval(template, side)),
        constant("zero", 0.0),
        constant("unit", 1.0),
        constant("turn_back", _turn().T),
    ]
    outputs = [port("output", side)]
    contract: dict[str, Any] = {
        "task": "swap",
        "face": {"template": template, "size": side, **scales},
        "identity": "embedding",
        "embedder": _EMBEDDER,
    }
    if name == SWAP_EMAP:
        contract["emap"] = True
        constants.append(constant("emap", _turn()))
    else:
        contract["converter"] = _CONVERTER
    if name == SWAP_MASK:
        contract["mask_name"] = "mask"
        outputs.append(port("mask", side, channels=1))
        constants += [constant("steep", 25.0), constant("dark", -3.0)]
        nodes += [
            node("ReduceMean", ["coarse"], "luma", axes=[1], keepdims=1),
            node("Mul", ["luma", "steep"], "steeper"),
            node("Add", ["steeper", "dark"], "lit"),
            node("Sigmoid", ["lit"], "bright"),
            node("Mul", ["bright", "oval"], "mask"),
        ]
    inputs = [port("target", side), tensor("source", [1, _WIDTH])]
    write_network(folder, name, (nodes, inputs, outputs, constants), contract)


def _write_swap_by_image(folder: Path) -> None:
    """Write a UniFace: two images of one size, so that their names alone tell them apart."""
    low = _low_pass(256, _FINE)
    nodes = [
        node("Sub", ["source", "target"], "apart"),
        *_both_ways("coarse", "apart", "low", "low_t"),
        node("Mul", ["coarse", "oval"], "inside"),
        node("Add", ["target", "inside"], "sum"),
        node("Clip", ["sum", "bottom", "top"], "output"),
    ]
    constants = [
        constant("low", low),
        constant("low_t", low.T),
        constant("oval", _oval("ffhq_512", 256)),
        constant("bottom", -1.0),
        constant("top", 1.0),
    ]
    face = {"template": "ffhq_512", "size": 256, **_HALF}
    contract = {
        "task": "swap",
        "face": {**face, "name": "target"},
        "identity": "image",
        "identity_face": {**face, "name": "source"},
        "output": [-1.0, 1.0],
    }
    inputs = [port("source", 256, "n"), port("target", 256, "n")]
    graph = (nodes, inputs, [port("output", 256, "n")], constants)
    write_network(folder, SWAP_BY_IMAGE, graph, contract)


def _blur(name: str, source: str, sigma: float) -> tuple[list[Any], list[Any]]:
    """Return nodes and constants of a Gaussian that mirrors at the image's edge."""
    reach = round(2.5 * sigma)
    bell = np.exp(-0.5 * np.square(np.arange(-reach, reach + 1) / sigma))
    bell /= bell.sum()
    nodes = [
        node("Pad", [source, f"{name}_pads"], f"{name}_wide", mode="reflect"),
        node("Conv", [f"{name}_wide", f"{name}_down"], f"{name}_half", group=3),
        node("Conv", [f"{name}_half", f"{name}_along"], name, group=3),
    ]
    constants = [
        constant(f"{name}_pads", [0, 0, reach, reach, 0, 0, reach, reach], np.int64),
        constant(f"{name}_down", np.tile(bell[:, None], (3, 1, 1, 1))),
        constant(f"{name}_along", np.tile(bell[None, :], (3, 1, 1, 1))),
    ]
    return nodes, constants


def _write_enhancer(folder: Path) -> None:
    """Write a GFPGAN (1x3x512x512): here an unsharp mask; CodeFormer's ``weight`` scales it."""
    nodes, constants = _blur("soft", "input", 2.5)
    nodes += [
        node("Sub", ["input", "soft"], "detail"),
        node("Mul", ["detail", "weight"], "more"),
        node("Add", ["input", "more"], "sum"),
        node("Clip", ["sum", "bottom", "top"], "output"),
    ]
    constants += [constant("bottom", -1.0), constant("top", 1.0)]
    contract = {
        "task": "enhance",
        "face": {"template": "ffhq_512", "size": 512, **_HALF},
        "output": [-1.0, 1.0],
        "fixed": {"weight": 0.9},
    }
    inputs = [port("input", 512), tensor("weight", [1])]
    graph = (nodes, inputs, [port("output", 512)], constants)
    write_network(folder, ENHANCER, graph, contract)


def _folds(template: Template, side: int) -> Array:
    """Return how dark the skin is drawn: forehead lines, folds beside the mouth, bags."""
    right, left, nose, mouth_right, mouth_left = TEMPLATES[template].astype(np.float64)
    unit = left[0] - right[0]

    def at(point: Array, x: float, y: float) -> Array:
        return np.asarray(point + unit * np.array([x, y]))

    lines = [
        *(
            (at(right, -0.1, -lift), at(left, 0.1, -lift), -0.05, 0.02)
            for lift in (0.62, 0.76, 0.9)
        ),
        (at(nose, -0.22, -0.05), at(mouth_right, -0.12, 0.1), 0.05, 0.025),
        (at(nose, 0.22, -0.05), at(mouth_left, 0.12, 0.1), -0.05, 0.025),
        *((at(eye, -0.26, 0.2), at(eye, 0.26, 0.2), 0.06, 0.035) for eye in (right, left)),
    ]
    drawn = [_line(start, end, sag * unit, width * unit, side) for start, end, sag, width in lines]
    return np.asarray(np.max(drawn, axis=0)[None, None])


def _line(start: Array, end: Array, sag: float, width: float, side: int) -> Array:
    """Draw a soft line that sags and fades out at both ends, ``(side, side)``."""
    y, x = np.meshgrid(_centers(side), _centers(side), indexing="ij")
    way = end - start
    along = ((x - start[0]) * way[0] + (y - start[1]) * way[1]) / (way @ way)
    across = ((x - start[0]) * -way[1] + (y - start[1]) * way[0]) / np.sqrt(way @ way)
    across -= sag * 4 * along * (1 - along)
    fade = np.clip(np.minimum(along, 1 - along) / 0.25, 0, 1)
    return np.asarray(fade * np.exp(-0.5 * np.square(across / width)))


def _write_age(folder: Path) -> None:
    """Write an aging network (256 pixels, free batch): duller, rougher, with folds."""
    fine, constants = _blur("fine", "input", 1.5)
    wide, more = _blur("wide", "input", 5.0)
    nodes = [
        *fine,
        *wide,
        node("Sub", ["input", "fine"], "grain"),
        node("Sub", ["fine", "wide"], "relief"),
        node("Mul", ["grain", "rougher"], "grain_more"),
        node("Mul", ["relief", "deeper"], "relief_more"),
        node("Conv", ["input", "dull"], "duller"),
        node("Add", ["duller", "grain_more"], "rough"),
        node("Add", ["rough", "relief_more"], "uneven"),
        node("Add", ["uneven", "top"], "light"),
        node("Mul", ["light", "folds"], "lit"),
        node("Sub", ["lit", "top"], "old"),
        node("Sub", ["old", "input"], "apart"),
        node("Mul", ["apart", "oval"], "inside"),
        node("Add", ["input", "inside"], "sum"),
        node("Clip", ["sum", "bottom", "top"], "output"),
    ]
    dull = 0.7 * np.eye(3) + 0.3 / 3
    constants += [
        *more,
        constant("rougher", 0.7),
        constant("deeper", 0.5),
        constant("dull", dull[:, :, None, None]),
        constant("folds", 0.94 - 0.2 * _folds("ffhq_512", 256)),
        constant("oval", _oval("ffhq_512", 256)),
        constant("bottom", -1.0),
        constant("top", 1.0),
    ]
    contract = {
        "task": "edit",
        "face": {"template": "ffhq_512", "size": 256, **_HALF},
        "output": [-1.0, 1.0],
    }
    graph = (nodes, [port("input", 256, "n")], [port("output", 256, "n")], constants)
    write_network(folder, AGE, graph, contract)
