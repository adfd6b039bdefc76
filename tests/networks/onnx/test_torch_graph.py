"""An ONNX graph in torch gives what onnxruntime gives, and can be derived."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from datagen.errors import WeightsError
from datagen.networks.onnx.torch_graph import OPERATORS, TorchGraph, load_graph
from tests.support.assets import weights


def model_of(nodes: list[Any], constants: dict[str, Any], shape: list[int]) -> Any:
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)],
        [
            numpy_helper.from_array(np.asarray(value, np.float32), k)
            for k, value in constants.items()
        ],
    )
    opsets = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def drawn(*shape: int) -> Any:
    return np.random.Generator(np.random.Philox(key=4)).normal(size=shape).astype(np.float32)


CASES: dict[str, tuple[dict[str, Any], dict[str, Any], list[int]]] = {
    "Add": ({}, {"a": drawn(3, 1, 1)}, [2, 3, 4, 5]),
    "Sub": ({}, {"a": drawn(1)}, [2, 3, 4, 5]),
    "Mul": ({}, {"a": drawn(1)}, [2, 3, 4, 5]),
    "PRelu": ({}, {"a": drawn(3, 1, 1)}, [2, 3, 4, 5]),
    "Relu": ({}, {}, [2, 3]),
    "Clip": ({}, {"low": -0.2, "high": 0.5}, [2, 3, 4, 5]),
    "Conv": (
        {"pads": [0, 1, 1, 2], "strides": [2, 1], "group": 2, "kernel_shape": [3, 2]},
        {"kernel": drawn(6, 2, 3, 2), "bias": drawn(6)},
        [2, 4, 9, 8],
    ),
    "BatchNormalization": (
        {"epsilon": 1e-3},
        {name: np.abs(drawn(3)) + 0.5 for name in ("w", "b", "m", "v")},
        [2, 3, 4, 5],
    ),
    "Flatten": ({"axis": 1}, {}, [2, 3, 4, 5]),
    "Gemm": (
        {"alpha": 0.5, "beta": 2.0, "transA": 1, "transB": 1},
        {"b": drawn(6, 5), "c": drawn(6)},
        [5, 4],
    ),
    "ReduceMean": ({"axes": [2, 3], "keepdims": 0}, {}, [2, 3, 4, 5]),
}


@pytest.mark.parametrize("kind", sorted(OPERATORS))
def test_an_operator_is_that_of_onnxruntime(kind: str) -> None:
    how, constants, shape = CASES[kind]
    node = helper.make_node(kind, ["image", *constants], ["out"], **how)
    model, image = model_of([node], constants, shape), drawn(*shape)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    (expected,) = session.run(["out"], {"image": image})
    made = TorchGraph(model, "out")(torch.from_numpy(image)).numpy()
    np.testing.assert_allclose(made, expected, atol=1e-5)


@pytest.mark.parametrize(("name", "side"), [("mobileface", 112), ("faceres", 224)])
def test_an_embedder_is_that_of_onnxruntime_and_can_be_derived(name: str, side: int) -> None:
    path = weights(f"{name}.onnx")
    image = np.random.Generator(np.random.Philox(key=1)).uniform(0, 255, (2, 3, side, side))
    session = onnxruntime.InferenceSession(str(path))
    (expected,) = session.run(["embedding"], {"image": image.astype(np.float32)})
    given = torch.from_numpy(image.astype(np.float32)).requires_grad_()
    made = load_graph(path, "embedding")(given)
    np.testing.assert_allclose(made.detach().numpy(), expected, atol=2e-4 * np.abs(expected).max())
    made.square().sum().backward()
    assert given.grad is not None
    assert given.grad.isfinite().all()
    assert given.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("kind", "how", "named"),
    [("Tanh", {}, "Tanh"), ("Conv", {"auto_pad": "SAME_UPPER"}, "Conv")],
)
def test_what_is_not_known_is_refused_by_name(
    kind: str, how: dict[str, Any], named: str, tmp_path: Path
) -> None:
    constants = {"kernel": drawn(2, 3, 3, 3)} if kind == "Conv" else {}
    node = helper.make_node(kind, ["image", *constants], ["out"], **how)
    path = tmp_path / "net.onnx"
    onnx.save(model_of([node], constants, [1, 3, 8, 8]), str(path))
    with pytest.raises(
        WeightsError, match=rf"net.onnx.*cannot be derived: it has operators {named}"
    ):
        load_graph(path, "out")
    with pytest.raises(WeightsError, match="no 'other'"):
        load_graph(path, "other")


@pytest.mark.parametrize("location", ["net.bin", "../net.bin", "/etc/hostname"])
def test_tensors_in_another_file_are_refused(location: str, tmp_path: Path) -> None:
    """The digest of the card covers one file only."""
    made = model_of([helper.make_node("Add", ["image", "one"], ["out"])], {}, [1, 2])
    tensor = TensorProto(name="one", data_type=TensorProto.FLOAT, dims=[1, 2])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    made.graph.initializer.append(tensor)
    (tmp_path / "net.bin").write_bytes(bytes(8))
    path = tmp_path / "net.onnx"
    path.write_bytes(made.SerializeToString())
    with pytest.raises(WeightsError, match="keeps tensors in another file"):
        load_graph(path, "out")
    path.write_bytes(b"nothing of ONNX")
    with pytest.raises(WeightsError, match="cannot open it as an ONNX network"):
        load_graph(path, "out")
