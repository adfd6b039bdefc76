"""Networks with the published signatures open under the cards that ship for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest

from datagen.weights.catalog import read_shipped_card

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

Shapes: TypeAlias = dict[str, list[int]]

SOURCE, FACE = [1, 512], [1, 3, 256, 256]
SIGNATURES: dict[str, tuple[Shapes, Shapes]] = {
    "inswapper_128": (
        {"target": [1, 3, 128, 128], "source": SOURCE},
        {"output": [1, 3, 128, 128]},
    ),
    "simswap_256": ({"source": SOURCE, "target": FACE}, {"output": FACE}),
    "hyperswap_1a_256": (
        {"source": SOURCE, "target": FACE},
        {"output": FACE, "mask": [1, 1, 256, 256]},
    ),
    "blendswap_256": ({"source": [1, 3, 112, 112], "target": FACE}, {"output": FACE}),
    "uniface_256": ({"source": FACE, "target": FACE}, {"output": FACE}),
    "codeformer": (
        {"input": [1, 3, 512, 512], "weight": [1]},
        {"output": [1, 3, 512, 512]},
    ),
    "gpen_bfr_512": ({"input": [1, 3, 512, 512]}, {"output": [1, 3, 512, 512]}),
    "crossface_simswap": ({"input": SOURCE}, {"output": SOURCE}),
}


def _write(path: Path, inputs: Shapes, outputs: Shapes) -> None:
    """Write a network whose outputs are constants."""
    from onnx import TensorProto, helper, numpy_helper

    def port(name: str, shape: list[int]) -> Any:
        kind = TensorProto.DOUBLE if name == "weight" else TensorProto.FLOAT
        return helper.make_tensor_value_info(name, kind, shape)

    values = [numpy_helper.from_array(np.zeros(s, np.float32), f"_{n}") for n, s in outputs.items()]
    graph = helper.make_graph(
        [helper.make_node("Identity", [f"_{name}"], [name]) for name in outputs],
        "signature",
        [port(name, shape) for name, shape in inputs.items()],
        [port(name, shape) for name, shape in outputs.items()],
        values,
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path
    )


@pytest.mark.parametrize("name", SIGNATURES)
def test_the_shipped_contract_fits_the_published_signature(name: str, tmp_path: Path) -> None:
    from datagen.networks.onnx.network import OnnxNetwork
    from datagen.networks.onnx.session import Session

    inputs, outputs = SIGNATURES[name]
    _write(tmp_path / "net.onnx", inputs, outputs)
    contract = read_shipped_card(name).network
    assert contract is not None
    opened = OnnxNetwork(name, contract, Session(tmp_path / "net.onnx", "cpu", 1))
    faces = [port.name for port in opened.inputs]
    assert {*faces, *contract.fixed} == set(inputs)
    if contract.task == "swap":
        assert faces == ["target", "source"]
    made = opened(*[np.zeros(inputs[name], np.float32) for name in faces])
    assert [list(array.shape) for array in made] == list(outputs.values())
