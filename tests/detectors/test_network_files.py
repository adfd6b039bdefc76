"""Networks that are not what their file name or the configuration says."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from datagen.detectors.batched import ArrayDetector
from datagen.detectors.config import DetectorConfig
from datagen.detectors.function import Called
from datagen.detectors.load import open_detector
from datagen.detectors.postprocess import cause_of
from datagen.detectors.spec import read_spec
from datagen.errors import DetectorError
from tests.detectors.made import onnx_mean
from tests.detectors.test_postprocess import pictures
from tests.detectors.test_score import score


def opened(path: Path, **config: Any) -> Any:
    spec = read_spec(str(path), DetectorConfig.model_validate(config), allow_code=True)
    return open_detector(spec)


def small_module(torch: Any) -> Any:
    class Net(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Conv2d(3, 1, 3)

        def forward(self, x: Any) -> Any:
            return self.layer(x).mean(dim=(1, 2, 3)).sigmoid()

    return Net().eval()


@pytest.mark.parametrize("suffix", ["pt", "pt2"])
@pytest.mark.parametrize("what", ["state dict", "module", "old format", "checkpoint"])
def test_weights_without_a_network_are_told(tmp_path: Path, suffix: str, what: str) -> None:
    torch: Any = pytest.importorskip("torch")
    path = tmp_path / f"net.{suffix}"
    layer = torch.nn.Linear(2, 1)
    saved = {
        "state dict": layer.state_dict(),
        "module": layer,
        "old format": layer.state_dict(),
        "checkpoint": {"epoch": 3, "model": layer.state_dict()},
    }[what]
    torch.save(saved, path, _use_new_zipfile_serialization=what != "old format")
    with pytest.raises(DetectorError, match=r"it was written by torch\.save") as error:
        opened(path)
    assert "torch.jit.script(model).save('model.pt') or torch.onnx.export" in str(error.value)
    assert error.value.path == str(path)


def test_formats_of_torch_under_each_others_name_are_told(tmp_path: Path) -> None:
    torch: Any = pytest.importorskip("torch")
    net, example = small_module(torch), torch.rand(2, 3, 40, 40)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.trace(net, example), str(tmp_path / "a.pt2"))
        torch.export.save(torch.export.export(net, (example,)), str(tmp_path / "b.pt2"))
    (tmp_path / "b.pt2").rename(tmp_path / "b.pt")
    onnx_mean(tmp_path / "c.pt")
    for name, words in (
        ("a.pt2", r"it is TorchScript: name it \*.pt"),
        ("b.pt", r"it is a program of torch.export: name it \*.pt2"),
        ("c.pt", r"it is an ONNX file: name it \*.onnx"),
    ):
        with pytest.raises(DetectorError, match=words):
            opened(tmp_path / name)


def with_shape(path: Path, *shape: int | str) -> Path:
    """Write a network whose input has another shape; only its declaration is read."""
    model = onnx.load(str(onnx_mean(path)))
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, list(shape))
    model.graph.input[0].CopyFrom(value)
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize(
    ("shape", "layout", "words"),
    [
        (("n", 40, 40, 3), None, "set layout: nhwc in --detector-config"),
        (("n", "h", "w", 3), None, ""),
        (("n", 3, 40, 40), "nhwc", "set layout: nchw in --detector-config"),
        (("n", 1, 40, 40), None, "it takes 1 channels, and images have 3"),
        (("n", 40, 40, 1), "nhwc", "it takes 1 channels"),
        (("n", 6, "h", "w"), None, "it takes 6 channels"),
    ],
)
def test_the_layout_is_compared_with_the_input(
    tmp_path: Path, shape: tuple[int | str, ...], layout: str | None, words: str
) -> None:
    path = with_shape(tmp_path / "net.onnx", *shape)
    if words:
        with pytest.raises(DetectorError, match=words):
            opened(path, layout=layout)
    else:
        opened(path, layout=layout)


@pytest.mark.parametrize("layout", [None, "nhwc"])
def test_the_layout_of_an_exported_program_is_compared_too(
    tmp_path: Path, layout: str | None
) -> None:
    torch: Any = pytest.importorskip("torch")

    class Last(torch.nn.Module):  # type: ignore[misc]
        def forward(self, x: Any) -> Any:
            return x.mean(dim=(1, 2, 3))

    path = tmp_path / "net.pt2"
    torch.export.save(torch.export.export(Last(), (torch.rand(2, 40, 40, 3),)), str(path))
    if layout is None:
        with pytest.raises(DetectorError, match="set layout: nhwc"):
            opened(path)
        return
    answers = opened(path, layout="nhwc").score(pictures(51, 51), 2)
    assert [answer.score for answer in answers] == pytest.approx([0.2, 0.2])


def test_an_input_of_whole_numbers_is_refused(tmp_path: Path) -> None:
    torch: Any = pytest.importorskip("torch")

    class Bytes(torch.nn.Module):  # type: ignore[misc]
        def forward(self, x: Any) -> Any:
            return x.float().mean(dim=(1, 2, 3)) / 255

    path = tmp_path / "net.pt2"
    example = torch.zeros(2, 3, 40, 40, dtype=torch.uint8)
    torch.export.save(torch.export.export(Bytes(), (example,)), str(path))
    with pytest.raises(DetectorError, match=r"takes torch.uint8, expected floating-point numbers"):
        opened(path)
    model = onnx.load(str(onnx_mean(tmp_path / "net.onnx")))
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8
    model.graph.node.insert(0, helper.make_node("Cast", ["x"], ["f"], to=TensorProto.FLOAT))
    model.graph.node[1].input[0] = "f"
    onnx.save(model, tmp_path / "net.onnx")
    with pytest.raises(DetectorError, match=r"one input of float32 or float16 .*tensor\(uint8\)"):
        opened(tmp_path / "net.onnx")


def test_an_output_of_mappings_is_told(tmp_path: Path) -> None:
    """Classifiers of scikit-learn give one mapping an image, unless asked not to."""
    path = tmp_path / "net.onnx"
    model = onnx.load(str(onnx_mean(path)))
    name = model.graph.output[0].name
    node = helper.make_node("ZipMap", [name], ["maps"], domain="ai.onnx.ml", classlabels_int64s=[0])
    model.graph.node.append(node)
    model.opset_import.append(helper.make_opsetid("ai.onnx.ml", 1))
    value = onnx.ValueInfoProto(name="maps")
    mapping = value.type.sequence_type.elem_type.map_type
    mapping.key_type = TensorProto.INT64
    mapping.value_type.tensor_type.elem_type = TensorProto.FLOAT
    model.graph.output[0].CopyFrom(value)
    path.write_bytes(model.SerializeToString())
    with pytest.raises(DetectorError, match="zipmap=False"):
        opened(path)


def test_a_module_of_torch_as_a_callable_is_told(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch: Any = pytest.importorskip("torch")
    config = DetectorConfig()
    with pytest.raises(DetectorError, match=r"is a torch.nn.Module.*Wrap it: lambda batch"):
        ArrayDetector(Called(small_module(torch), config), config).score(pictures(1), 1)
    (tmp_path / "mine.py").write_text(
        "import torch\nnet = torch.nn.Sequential(torch.nn.Conv2d(3, 1, 3))\n"
    )
    options = ("--split", "test", "--plugin", str(tmp_path / "mine.py"))
    assert score(small, "mine:net", tmp_path / "s.parquet", *options) == 2
    assert "torch.nn.Module" in capsys.readouterr().err
    model = small_module(torch)
    wrapped = Called(
        lambda batch: model(torch.from_numpy(batch).permute(0, 3, 1, 2).float() / 255), config
    )
    (answer,) = ArrayDetector(wrapped, config).score(pictures(7), 1)
    assert answer.status == "ok"


INTERPRETER = (
    "The following operation failed in the TorchScript interpreter.\n"
    "Traceback of TorchScript (most recent call last):\n"
    '  File "net.py", line 3, in forward\n'
    "RuntimeError: AssertionError: expected frames\n"
)


def test_the_cause_of_an_error_in_torchscript_is_its_last_line() -> None:
    told = cause_of(RuntimeError(INTERPRETER))
    assert told == "RuntimeError: RuntimeError: AssertionError: expected frames"
    assert cause_of(ValueError("first\nsecond")) == "ValueError: first"
    assert cause_of(KeyboardInterrupt()) == "KeyboardInterrupt"


def test_the_first_line_with_words_of_an_error_is_told() -> None:
    config = DetectorConfig()

    def infer(batch: np.ndarray) -> Any:
        raise RuntimeError("\n\n  \n  size mismatch\nmore")

    (answer,) = ArrayDetector(Called(infer, config), config).score(pictures(1), 1)
    assert answer.detail == "RuntimeError: size mismatch"
