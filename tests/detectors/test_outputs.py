"""Several outputs of a detector, in every form: one is named, or the run is refused."""

from __future__ import annotations

import collections
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from datagen.detectors.batched import ArrayDetector
from datagen.detectors.config import DetectorConfig
from datagen.detectors.function import Called
from datagen.detectors.load import open_detector
from datagen.detectors.outputs import output_of
from datagen.detectors.spec import read_spec
from datagen.errors import DetectorError
from tests.detectors.made import onnx_mean
from tests.detectors.test_postprocess import pictures

VALUES = [10, 20, 30]
WANT = pytest.approx([value / 255 for value in VALUES], abs=1e-5)


def mean(batch: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(batch.mean(axis=(1, 2, 3), dtype=np.float64) / 255)


Named = collections.namedtuple("Named", ["features", "fake"])  # as networks return


@dataclass
class Output:
    features: Any
    fake: Any


def features(batch: NDArray[Any]) -> NDArray[Any]:
    return np.full((len(batch), 2), 0.5)


SEVERAL: dict[str, tuple[Any, Any]] = {
    "tuple": (lambda batch: (features(batch), mean(batch)), 1),
    "list": (lambda batch: [features(batch), mean(batch)], 1),
    "dict": (lambda batch: {"features": features(batch), "fake": mean(batch)}, "fake"),
    "namedtuple": (lambda batch: Named(features(batch), mean(batch)), "fake"),
    "dataclass": (lambda batch: Output(features(batch), mean(batch)), "fake"),
    "dict by place": (lambda batch: {"features": features(batch), "fake": mean(batch)}, 1),
    "a loss beside": (lambda batch: (np.float64(0.3), mean(batch)), 1),
    "dict in a tuple": (lambda batch: (mean(batch), {"features": features(batch)}), 0),
}


def scores(infer: Any, config: DetectorConfig) -> list[float | None]:
    detector = ArrayDetector(Called(infer, config), config)
    answers = detector.score(pictures(*VALUES), 8)
    assert {answer.detail for answer in answers} == {""}
    return [answer.score for answer in answers]


@pytest.mark.parametrize("form", SEVERAL)
def test_a_callable_with_several_outputs_needs_the_name_of_one(form: str) -> None:
    infer, name = SEVERAL[form]
    with pytest.raises(DetectorError, match=r"the detector gives 2 outputs: .*, e.g. output_name"):
        scores(infer, DetectorConfig())
    with pytest.raises(DetectorError, match="gives 2 outputs"):  # index is a place in an output
        scores(infer, DetectorConfig(index=1))
    assert scores(infer, DetectorConfig(output_name=name)) == WANT
    with pytest.raises(DetectorError, match=r"no output 'fakes'\..* It gives: "):
        scores(infer, DetectorConfig(output_name="fakes"))
    with pytest.raises(DetectorError, match="no output 2"):
        scores(infer, DetectorConfig(output_name=2))


def test_one_output_needs_no_name() -> None:
    assert scores(lambda batch: {"logits": mean(batch)}, DetectorConfig()) == WANT
    assert scores(lambda batch: (mean(batch),), DetectorConfig()) == WANT
    assert scores(lambda batch: list(mean(batch)), DetectorConfig()) == WANT
    assert scores(lambda batch: tuple(mean(batch)), DetectorConfig()) == WANT
    with pytest.raises(DetectorError, match="gives one output, which has no name"):
        scores(mean, DetectorConfig(output_name="logits"))


def test_a_list_of_answers_is_no_list_of_outputs() -> None:
    two = DetectorConfig(index=1)
    answers = [np.array([0.9, 0.1]), np.array([0.8, 0.2]), np.array([0.7, 0.3])]
    assert output_of(answers, 3, two) is answers
    assert scores(lambda batch: [np.array([0.0, one]) for one in mean(batch)], two) == WANT
    with pytest.raises(DetectorError, match=r"3 outputs: 0 \(1,\), 1 \(1,\), 2 \(1,\)"):
        output_of([np.zeros(1)] * 3, 1, DetectorConfig())


def test_no_output_at_all() -> None:
    with pytest.raises(DetectorError, match="gives no output"):
        scores(lambda batch: {}, DetectorConfig())


def test_answers_as_mappings_of_each_image_are_told() -> None:
    config = DetectorConfig()
    rows = [{"label": "fake", "score": 0.5}] * 3
    detector = ArrayDetector(Called(lambda batch: rows[: len(batch)], config), config)
    assert {answer.detail for answer in detector.score(pictures(*VALUES), 8)} == {
        "the answer for an image is a mapping (label, score): return one number per image"
    }


def test_an_output_of_transformers() -> None:
    utils: Any = pytest.importorskip("transformers.utils")
    torch: Any = pytest.importorskip("torch")

    @dataclass
    class Classified(utils.ModelOutput):  # type: ignore[misc]
        loss: Any = None
        logits: Any = None
        hidden_states: Any = None

    def infer(batch: NDArray[Any]) -> Any:
        return Classified(logits=torch.from_numpy(mean(batch)).requires_grad_())

    assert scores(infer, DetectorConfig()) == WANT
    both = DetectorConfig(output_name="logits")

    def more(batch: NDArray[Any]) -> Any:
        return Classified(logits=infer(batch).logits, hidden_states=torch.zeros(len(batch)))

    assert scores(more, both) == WANT
    with pytest.raises(DetectorError, match="2 outputs: logits"):
        scores(more, DetectorConfig())


def read(path: Path, **config: Any) -> list[float | None]:
    spec = read_spec(str(path), DetectorConfig.model_validate(config), allow_code=True)
    answers = open_detector(spec).score(pictures(*VALUES), 2)
    assert {answer.detail for answer in answers} == {""}
    return [answer.score for answer in answers]


def two_outputs(path: Path) -> Path:
    model = onnx.load(str(onnx_mean(path)))
    model.graph.node.append(helper.make_node("Neg", ["y"], ["negative"]))
    value = helper.make_tensor_value_info("negative", TensorProto.FLOAT, ["n", 1])
    model.graph.output.insert(0, value)
    onnx.save(model, path)
    return path


def test_an_onnx_network_with_several_outputs(tmp_path: Path) -> None:
    path = two_outputs(tmp_path / "net.onnx")
    with pytest.raises(DetectorError, match=r"net.onnx: the detector gives 2 outputs: negative"):
        read(path)
    with pytest.raises(DetectorError, match=r"no output 'z'.* It gives: negative tensor\(float\)"):
        read(path, output_name="z")
    assert read(path, output_name="y") == WANT
    assert read(path, output_name=1) == WANT
    fixed = two_outputs(tmp_path / "again.onnx")
    model = onnx.load(str(fixed))
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 2
    onnx.save(model, fixed)
    assert read(fixed, output_name="y") == WANT


def save(torch: Any, module: Any, path: Path, example: Any) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if path.suffix == ".pt":
            torch.jit.save(torch.jit.trace(module, example, strict=False), str(path))
        else:
            batch = torch.export.Dim("batch", min=1, max=64)
            program = torch.export.export(module, (example,), dynamic_shapes=({0: batch},))
            torch.export.save(program, str(path))
    return path


@pytest.mark.parametrize("suffix", ["pt", "pt2"])
@pytest.mark.parametrize("form", ["tuple", "dict"])
def test_a_network_of_torch_with_several_outputs(tmp_path: Path, suffix: str, form: str) -> None:
    torch: Any = pytest.importorskip("torch")

    class Two(torch.nn.Module):  # type: ignore[misc]
        def forward(self, x: Any) -> Any:
            found = x.mean(dim=(1, 2, 3))
            return (x.amax(dim=(2, 3)), found) if form == "tuple" else {"a": x + 1, "fake": found}

    path = save(torch, Two().eval(), tmp_path / f"net.{suffix}", torch.rand(2, 3, 40, 40))
    with pytest.raises(DetectorError, match=r"gives 2 outputs: (0|a) \("):
        read(path)
    assert read(path, output_name=1) == WANT
    if form == "dict":
        assert read(path, output_name="fake") == WANT


@pytest.mark.parametrize("suffix", ["pt", "pt2"])
@pytest.mark.parametrize("kind", ["float16", "bfloat16", "float64"])
def test_a_network_of_torch_in_another_precision(tmp_path: Path, suffix: str, kind: str) -> None:
    torch: Any = pytest.importorskip("torch")

    class Half(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.factor = torch.nn.Parameter(torch.ones(1, dtype=getattr(torch, kind)))

        def forward(self, x: Any) -> Any:
            return (x * self.factor).mean(dim=(1, 2, 3))

    example = torch.rand(2, 3, 40, 40).to(getattr(torch, kind))
    path = save(torch, Half().eval(), tmp_path / f"net.{suffix}", example)
    assert read(path) == pytest.approx([value / 255 for value in VALUES], abs=2e-3)


def test_an_onnx_network_in_half_precision(tmp_path: Path) -> None:
    path = onnx_mean(tmp_path / "net.onnx")
    model = onnx.load(str(path))
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.elem_type = TensorProto.FLOAT16
    onnx.save(model, path)
    assert read(path) == pytest.approx([value / 255 for value in VALUES], abs=2e-3)
