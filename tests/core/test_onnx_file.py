from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from datagen.core.onnx_file import check_onnx
from tests.support.ends import ends_soon


def model(*initializers: Any, nodes: Any = ()) -> onnx.ModelProto:
    given = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])]
    copy = helper.make_node("Identity", ["x"], ["y"])
    made = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])]
    graph = helper.make_graph([copy, *nodes], "g", given, made, list(initializers))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def elsewhere(location: str, name: str = "w", dims: tuple[int, ...] = (2,)) -> TensorProto:
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=dims)
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="offset", value="0")
    tensor.external_data.add(key="location", value=location)
    return tensor


def saved(path: Path, made: onnx.ModelProto) -> Path:
    path.write_bytes(made.SerializeToString())
    return path


def places(tensor: TensorProto) -> dict[str, onnx.ModelProto]:
    """Return models that hold a tensor in each of the places where one may be."""
    inner = helper.make_graph([helper.make_node("Identity", ["w"], ["z"])], "i", [], [], [tensor])
    branch = helper.make_node("If", ["x"], ["z"], then_branch=inner, else_branch=inner)
    constant = helper.make_node("Constant", [], ["c"], value=tensor)
    function = helper.make_function("f", "F", [], ["c"], [constant], [helper.make_opsetid("", 18)])
    in_function = model()
    in_function.functions.append(function)
    sparse = helper.make_node("Constant", [], ["c"])
    indices = numpy_helper.from_array(np.asarray([0]), "i")
    attribute = onnx.AttributeProto(name="sparse_value", type=onnx.AttributeProto.SPARSE_TENSOR)
    attribute.sparse_tensor.CopyFrom(
        onnx.SparseTensorProto(values=tensor, indices=indices, dims=[1])
    )
    sparse.attribute.append(attribute)
    many = helper.make_node("Custom", [], ["c"], tensors=[tensor])
    training = model()
    training.training_info.add().algorithm.initializer.append(tensor)
    return {
        "initializer": model(tensor),
        "branch": model(nodes=[branch]),
        "constant": model(nodes=[constant]),
        "function": in_function,
        "sparse": model(nodes=[sparse]),
        "many": model(nodes=[many]),
        "training": training,
    }


PLACES = list(places(TensorProto()))


@pytest.mark.parametrize("place", PLACES)
def test_a_tensor_elsewhere_is_found_in_every_place(tmp_path: Path, place: str) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "w.bin").write_bytes(bytes(8))
    good = saved(folder / "good.onnx", places(elsewhere("w.bin"))[place])
    assert check_onnx(good) == [folder / "w.bin"]
    (tmp_path / "secret").write_bytes(bytes(8))
    bad = saved(folder / "bad.onnx", places(elsewhere("../secret"))[place])
    with pytest.raises(ValueError, match="leads outside of its folder"):
        check_onnx(bad)


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("../../etc/passwd", "leads outside"),
        ("/etc/passwd", "leads outside"),
        ("sub/../../x", "leads outside"),
        ("link", "through a link"),
        ("folder", "missing"),
        ("gone.bin", "missing"),
        ("", "not the name of a file"),
        ("a\x00b", "not the name of a file"),
        ("..\\x", "not the name of a file"),
        ("*/_ORT_MEM_ADDR_/*", "no name of a file"),
        ("x" * 4000, "xxx"),
    ],
)
def test_a_location_that_is_not_below_is_refused(tmp_path: Path, location: str, words: str) -> None:
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / "folder").mkdir()
    path = saved(tmp_path / "m.onnx", model(elsewhere(location)))
    with pytest.raises((ValueError, OSError), match=words) as error:
        check_onnx(path)
    assert len(str(error.value)) < 300


def test_a_second_location_does_not_hide_the_first(tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(bytes(8))
    for first, second in (("w.bin", "/etc/passwd"), ("/etc/passwd", "w.bin")):
        tensor = elsewhere(first)
        tensor.external_data.add(key="location", value=second)
        with pytest.raises(ValueError, match="leads outside"):
            check_onnx(saved(tmp_path / "m.onnx", model(tensor)))


def test_tensors_within_are_fine(tmp_path: Path) -> None:
    tensors = [
        numpy_helper.from_array(np.ones((300, 20), kind), f"w{number}")
        for number, kind in enumerate((np.float32, np.float16, np.int8, np.bool_, np.int64))
    ]
    tensors.append(helper.make_tensor("ints", TensorProto.INT64, [1000], [0] * 1000))
    tensors.append(helper.make_tensor("scalar", TensorProto.FLOAT, [], [1.0]))
    tensors.append(helper.make_tensor("none", TensorProto.FLOAT, [0, 5], []))
    tensors.append(helper.make_tensor("half", TensorProto.INT4, [64], [0] * 64))
    assert check_onnx(saved(tmp_path / "m.onnx", model(*tensors))) == []


HUGE = (1 << 20, 1 << 20)


def sparse_of(dims: tuple[int, ...]) -> onnx.ModelProto:
    made = model()
    values = numpy_helper.from_array(np.ones(1, np.float32), "s")
    indices = numpy_helper.from_array(np.zeros(1, np.int64), "i")
    made.graph.sparse_initializer.append(
        onnx.SparseTensorProto(values=values, indices=indices, dims=dims)
    )
    return made


@pytest.mark.parametrize(
    "made",
    [
        model(TensorProto(name="w", data_type=1, dims=HUGE)),
        model(TensorProto(name="w", data_type=1, dims=HUGE, raw_data=b"1234")),
        model(TensorProto(name="w", data_type=1, dims=[2**62, 2**62])),
        model(TensorProto(name="w", data_type=1, dims=[-1])),
        model(TensorProto(name="w", data_type=1, dims=[1] * 100)),
        model(elsewhere("w.bin", dims=HUGE)),
        sparse_of(HUGE),
    ],
    ids=range(7),
)
def test_a_tensor_larger_than_what_is_stored_is_refused(
    tmp_path: Path, made: onnx.ModelProto
) -> None:
    (tmp_path / "w.bin").write_bytes(bytes(8))
    with pytest.raises(ValueError, match="a tensor"):
        check_onnx(saved(tmp_path / "m.onnx", made))


def test_graphs_in_graphs_have_an_end(tmp_path: Path) -> None:
    message = b""
    for _ in range(60):  # an attribute with a graph, a node with it, a graph with that
        for tag in (b"\x32", b"\x2a", b"\x0a"):
            message = tag + _length(message)
    path = tmp_path / "m.onnx"
    path.write_bytes(b"\x3a" + _length(message))
    with pytest.raises(ValueError, match="nested more than"):
        check_onnx(path)


def _length(data: bytes) -> bytes:
    size, found = len(data), b""
    while size >= 0x80:
        found += bytes([size & 0x7F | 0x80])
        size >>= 7
    return found + bytes([size]) + data


@pytest.mark.parametrize(
    "content",
    [b"", b"\x00" * 64, b"PK\x03\x04" + b"x" * 100, b"\x80" * 50, b"\xff" * 50, b"#!/bin/sh\n"],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"empty|damaged|no graph|has the type"):
        check_onnx(path)


def test_files_with_wrong_bytes_are_checked_or_refused(tmp_path: Path) -> None:
    weights = numpy_helper.from_array(np.ones((20, 20), np.float32), "w")
    good = model(weights, elsewhere("w.bin", "v")).SerializeToString()
    (tmp_path / "w.bin").write_bytes(bytes(8))
    path, dice, refused = tmp_path / "m.onnx", random.Random(3), []
    with ends_soon():
        for _ in range(2000):
            data = bytearray(good)
            for _ in range(dice.randint(1, 4)):
                data[dice.randrange(len(data))] = dice.randrange(256)
            path.write_bytes(data)
            try:
                assert check_onnx(path) in ([], [tmp_path / "w.bin"])
            except (ValueError, OSError) as error:
                refused.append(str(error))
        assert len(refused) > 100
        assert max(map(len, refused)) < 400
