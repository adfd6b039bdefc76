"""Networks of strangers in ONNX files: what they refer to and ask for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from datagen.detectors.config import DetectorConfig
from datagen.detectors.spec import read_spec
from datagen.errors import DetectorError
from tests.detectors.made import expected, onnx_mean, read_rows
from tests.detectors.test_score import score


def with_outside(path: Path, location: str) -> Path:
    """Write a network whose answer is multiplied by a number that is stored in another file."""
    model = onnx.load(str(onnx_mean(path)))
    graph = model.graph
    graph.node[-1].output[0] = "mean"
    graph.node.append(helper.make_node("Mul", ["mean", "factor"], ["y"]))
    factor = onnx.TensorProto(name="factor", data_type=onnx.TensorProto.FLOAT, dims=[1])
    factor.data_location = onnx.TensorProto.EXTERNAL
    factor.external_data.add(key="location", value=location)
    graph.initializer.append(factor)
    path.write_bytes(model.SerializeToString())
    return path


def number(value: float) -> bytes:
    return np.float32(value).tobytes()


@pytest.mark.parametrize("location", ["../factor.bin", "/etc/passwd", "link", "*/_ORT_MEM_ADDR_/*"])
def test_tensors_outside_of_the_folder_are_refused(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], location: str
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "factor.bin").write_bytes(number(0.5))
    (folder / "link").symlink_to(tmp_path / "factor.bin")
    path = with_outside(folder / "net.onnx", location)
    assert score(small, str(path), tmp_path / "s.parquet") == 2
    assert "does not load: it keeps tensors in" in " ".join(capsys.readouterr().err.split())
    with pytest.raises(DetectorError) as error:
        read_spec(str(path), DetectorConfig())
    assert error.value.path == str(path)


def test_tensors_beside_it_are_read_and_count_in_the_digest(small: Path, tmp_path: Path) -> None:
    path, beside, to = tmp_path / "net.onnx", tmp_path / "factor.bin", tmp_path / "s.parquet"
    beside.write_bytes(number(0.5))
    with_outside(path, "factor.bin")
    assert score(small, str(path), to, "--split", "test") == 0
    want = expected(small)
    found = read_rows(to)["score"]
    assert found.to_list() == pytest.approx([want[str(name)] / 2 for name in found.index], abs=1e-5)
    first = read_spec(str(path), DetectorConfig()).digest
    beside.write_bytes(number(0.25))
    assert read_spec(str(path), DetectorConfig()).digest != first


def test_names_of_the_file_are_not_printed_by_its_library(
    small: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    model = onnx.load(str(onnx_mean(tmp_path / "net.onnx")))
    name = "y\x1b]0;title\x07"
    model.graph.node[-1].output[0] = model.graph.output[0].name = name
    model.graph.output[0].type.tensor_type.shape.dim[-1].dim_value = 1 << 31  # it has another size
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    capfd.readouterr()
    score(small, str(tmp_path / "net.onnx"), tmp_path / "s.parquet")
    assert "onnxruntime" not in (said := capfd.readouterr().err)
    assert "\x1b" not in said


@pytest.mark.parametrize(
    "shape",
    [
        {"side": 1 << 20},
        {"side": 8193},
        {"batch": 1 << 40},
        {"batch": 0},
        {"side": 4000, "batch": 100},
    ],
)
def test_an_input_larger_than_any_image_is_refused(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], shape: dict[str, Any]
) -> None:
    path = onnx_mean(tmp_path / "net.onnx", **shape)
    assert score(small, str(path), tmp_path / "s.parquet", "--split", "test") == 2
    told = " ".join(capsys.readouterr().err.split())
    assert "its input has the shape" in told or "does not load" in told


def test_a_tensor_of_more_values_than_are_stored_is_refused_at_once(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = onnx_mean(tmp_path / "net.onnx")
    model = onnx.load(str(path))
    huge = numpy_helper.from_array(np.ones(1, np.float32), "huge")
    huge.dims[:] = [1 << 20, 1 << 20]
    model.graph.initializer.append(huge)
    path.write_bytes(model.SerializeToString())
    assert score(small, str(path), tmp_path / "s.parquet") == 2
    assert "a tensor says that it has" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("part", [b"side", b"x\x12"])
def test_names_that_are_no_text_are_an_error_of_ours(
    small: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], part: bytes
) -> None:
    path = onnx_mean(tmp_path / "net.onnx")
    path.write_bytes(path.read_bytes().replace(part, b"\x96" + part[1:]))
    assert score(small, str(path), tmp_path / "s.parquet") == 2
    told = capfd.readouterr()
    assert told.err.startswith("error: detector ")
    assert "does not load" in told.err
    assert "onnxruntime:" not in told.err
    assert "EP Error" not in told.out + told.err
