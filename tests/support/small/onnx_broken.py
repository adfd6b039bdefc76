"""Networks with something wrong, each with the card of a sound one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml
from onnx import TensorProto, helper

from tests.support.small.onnx import constant, node, port, tensor, write_network

__all__ = ["build_broken", "recard"]

_SIDE = 64
_CONTRACT: dict[str, Any] = {
    "task": "edit",
    "face": {"template": "ffhq_512", "size": _SIDE, "mean": [0.0], "std": [1.0]},
}


def build_broken(folder: Path) -> None:
    """Write ``broken_nan``, ``broken_black``, … and their cards."""
    _write_nan(folder)
    _write_black(folder)
    _write_for_one(folder)
    _write(folder, "broken_mean", [node("ReduceMean", ["input"], "output", axes=[0], keepdims=1)])
    _write_pairs(folder)
    _write_hungry(folder)
    _write_whole_numbers(folder)
    _write_embedder(folder, "broken_embedder", 512)
    _write_embedder(folder, "broken_narrow", 256)


def recard(folder: Path, name: str, new: str, **changes: Any) -> None:
    """Write another card of a file: ``changes`` of the contract; ``face`` merges, None drops."""
    card = yaml.safe_load((folder / "cards" / f"{name}.yaml").read_text(encoding="utf-8"))
    contract = card["network"]
    for key, value in changes.items():
        if value is None:
            del contract[key]
        elif isinstance(value, dict) and key in contract:
            contract[key] = {**contract[key], **value}
        else:
            contract[key] = value
    card["id"] = new
    (folder / "cards" / f"{new}.yaml").write_text(yaml.safe_dump(card), encoding="utf-8")


def _write(folder: Path, name: str, nodes: list[Any], *constants: Any) -> None:
    ports = [port("input", _SIDE, "n")], [port("output", _SIDE, "n")]
    write_network(folder, name, (nodes, *ports, list(constants)), _CONTRACT)


def _write_nan(folder: Path) -> None:
    """Take the root of what is below 0 for a bright face."""
    nodes = [
        node("ReduceMean", ["input"], "mean", axes=[1, 2, 3], keepdims=1),
        node("Sub", ["most", "mean"], "left"),
        node("Sqrt", ["left"], "root"),
        node("Mul", ["root", "input"], "output"),
    ]
    _write(folder, "broken_nan", nodes, constant("most", 0.6))


def _write_black(folder: Path) -> None:
    _write(
        folder,
        "broken_black",
        [node("Mul", ["input", "nothing"], "output")],
        constant("nothing", 0),
    )


def _write_for_one(folder: Path) -> None:
    """Declare a free batch and reshape to one face, as careless exports do."""
    shape = constant("shape", [1, 3, _SIDE, _SIDE], np.int64)
    _write(folder, "broken_for_one", [node("Reshape", ["input", "shape"], "output")], shape)


def _write_pairs(folder: Path) -> None:
    """Take two faces at once and no other number."""
    ports = [port("input", _SIDE, 2)], [port("output", _SIDE, 2)]
    nodes = [node("Identity", ["input"], "output")]
    write_network(folder, "broken_pairs", (nodes, *ports, []), _CONTRACT)


def _write_hungry(folder: Path) -> None:
    """Ask for 128 TiB and more from four faces on: no machine has so many addresses."""
    nodes = [
        node("Shape", ["input"], "shape"),
        node("Slice", ["shape", "first", "second", "first"], "count"),
        node("Cast", ["count"], "faces", to=TensorProto.FLOAT),
        node("Sub", ["faces", "one"], "others"),
        node("Mul", ["others", "fifteen"], "exponent"),
        node("Min", ["exponent", "most"], "bounded"),
        node("Pow", ["two", "bounded"], "numbers"),
        node("Cast", ["numbers"], "length", to=TensorProto.INT64),
        node("ConstantOfShape", ["length"], "memory"),
        node("ReduceMax", ["memory"], "nothing", keepdims=0),
        node("Add", ["input", "nothing"], "brighter"),
        node("Mul", ["brighter", "darker"], "output"),
    ]
    constants = [
        constant("first", [0], np.int64),
        constant("second", [1], np.int64),
        constant("one", 1.0),
        constant("two", 2.0),
        constant("fifteen", 15.0),
        constant("most", 50.0),
        constant("darker", 0.8),
    ]
    _write(folder, "broken_hungry", nodes, *constants)


def _write_whole_numbers(folder: Path) -> None:
    given = helper.make_tensor_value_info("input", TensorProto.UINT8, ["n", 3, _SIDE, _SIDE])
    nodes = [node("Cast", ["input"], "output", to=TensorProto.FLOAT)]
    outputs = [port("output", _SIDE, "n")]
    write_network(folder, "broken_uint8", (nodes, [given], outputs, []), _CONTRACT)


def _write_embedder(folder: Path, name: str, width: int) -> None:
    """Give an embedding that is 0 for a black face."""
    nodes = [
        node("GlobalAveragePool", ["input"], "mean"),
        node("Flatten", ["mean"], "three"),
        node("MatMul", ["three", "spread"], "output"),
    ]
    graph = (
        nodes,
        [port("input", _SIDE, "n")],
        [tensor("output", ["n", width])],
        [constant("spread", np.ones((3, width)))],
    )
    write_network(folder, name, graph, {**_CONTRACT, "task": "embed"})
