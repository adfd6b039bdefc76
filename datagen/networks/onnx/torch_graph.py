"""An ONNX file as a torch module, so that a loss can be derived through it.

Only the operators of convolutional embedders; import it only inside functions, because it imports
torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

from datagen.errors import MissingExtraError, WeightsError
from datagen.networks.onnx.session import check_file

__all__ = ["OPERATORS", "TorchGraph", "load_graph"]

Attributes: TypeAlias = "Mapping[str, Any]"
Given: TypeAlias = "Sequence[Tensor | None]"


def _conv(given: Given, how: Attributes) -> Tensor:
    image, kernel, bias = (*given, None)[:3]
    assert image is not None
    assert kernel is not None
    top, left, bottom, right = how.get("pads", [0, 0, 0, 0])
    steps, apart = how.get("strides", [1, 1]), how.get("dilations", [1, 1])
    if (top, left) != (bottom, right):
        image, top, left = functional.pad(image, (left, right, top, bottom)), 0, 0
    return functional.conv2d(image, kernel, bias, steps, (top, left), apart, how.get("group", 1))


def _gemm(given: Given, how: Attributes) -> Tensor:
    first, second, third = (*given, None)[:3]
    assert first is not None
    assert second is not None
    first = first.T if how.get("transA") else first
    second = second.T if how.get("transB") else second
    product: Tensor = how.get("alpha", 1.0) * (first @ second)
    return product if third is None else product + how.get("beta", 1.0) * third


def _prelu(given: Given, how: Attributes) -> Tensor:
    values, slope = given
    assert values is not None
    assert slope is not None
    return torch.where(values < 0, values * slope, values)


def _clip(given: Given, how: Attributes) -> Tensor:
    values, low, high = (*given, None, None)[:3]
    assert values is not None
    return torch.clamp(values, low, high)


def _mean(given: Given, how: Attributes) -> Tensor:
    (values,) = given
    assert values is not None
    return values.mean(dim=tuple(how["axes"]), keepdim=bool(how.get("keepdims", 1)))


def _flatten(given: Given, how: Attributes) -> Tensor:
    (values,) = given
    assert values is not None
    return values.reshape(math.prod(values.shape[: how.get("axis", 1)]), -1)


def _batch_norm(given: Given, how: Attributes) -> Tensor:
    values, weight, bias, mean, variance = given
    assert values is not None
    epsilon = how.get("epsilon", 1e-5)
    return functional.batch_norm(values, mean, variance, weight, bias, eps=epsilon)


def _of_two(operator: Callable[[Any, Any], Any]) -> Callable[[Given, Attributes], Tensor]:
    return lambda given, how: operator(*given)


# Function, and the attributes that it knows.
OPERATORS: Mapping[str, tuple[Callable[[Given, Attributes], Tensor], frozenset[str]]] = {
    "Add": (_of_two(torch.add), frozenset()),
    "BatchNormalization": (_batch_norm, frozenset({"epsilon", "momentum"})),
    "Clip": (_clip, frozenset()),
    "Conv": (_conv, frozenset({"pads", "strides", "dilations", "group", "kernel_shape"})),
    "Flatten": (_flatten, frozenset({"axis"})),
    "Gemm": (_gemm, frozenset({"alpha", "beta", "transA", "transB"})),
    "Mul": (_of_two(torch.mul), frozenset()),
    "PRelu": (_prelu, frozenset()),
    "ReduceMean": (_mean, frozenset({"axes", "keepdims"})),
    "Relu": (lambda given, how: torch.relu(given[0]), frozenset()),  # type: ignore[arg-type]
    "Sub": (_of_two(torch.sub), frozenset()),
}


class TorchGraph(nn.Module):
    """The nodes of a graph that one output depends on; its weights are constants.

    Args:
        model: An ``onnx.ModelProto`` with one input.
        output: Name of the output.

    Raises:
        WeightsError: The graph has an operator or attribute that is not among ``OPERATORS``.
    """

    def __init__(self, model: Any, output: str) -> None:
        from onnx import helper, numpy_helper

        super().__init__()
        graph = model.graph
        self._output = output
        self._nodes: list[tuple[str, list[str], str, dict[str, Any]]] = []
        needed, unknown = {output}, set()
        for node in reversed(graph.node):
            if not needed & set(node.output):
                continue
            how = {one.name: helper.get_attribute_value(one) for one in node.attribute}
            known = OPERATORS.get(node.op_type)
            if known is None or set(how) - known[1] or len(node.output) != 1:
                unknown.add(node.op_type)
            needed |= set(node.input)
            self._nodes.append((node.op_type, list(node.input), node.output[0], how))
        self._nodes.reverse()
        if unknown or not self._nodes:
            named = f"operators {', '.join(sorted(unknown))}" if unknown else f"no {output!r}"
            raise WeightsError(
                f"the network cannot be derived: it has {named}; known operators are "
                f"{', '.join(OPERATORS)}. Use another embedder"
            )
        self._names: dict[str, str] = {}
        for number, one in enumerate(graph.initializer):
            if one.name in needed:
                self._names[one.name] = f"constant_{number}"
                values = torch.from_numpy(numpy_helper.to_array(one).copy())
                self.register_buffer(f"constant_{number}", values)
        (self._input,) = [one.name for one in graph.input if one.name not in self._names]

    def forward(self, image: Tensor) -> Tensor:
        """Return the output for an input."""
        values: dict[str, Tensor | None] = {"": None, self._input: image}
        values |= {name: getattr(self, place) for name, place in self._names.items()}
        for kind, inputs, output, how in self._nodes:
            values[output] = OPERATORS[kind][0]([values[name] for name in inputs], how)
        found = values[self._output]
        assert found is not None
        return found


def load_graph(path: Path, output: str) -> TorchGraph:
    """Read an ONNX file.

    Raises:
        MissingExtraError: The package ``onnx`` is not installed.
        WeightsError: See ``check_file`` and ``TorchGraph``.
    """
    try:
        import onnx
    except ImportError:
        raise MissingExtraError("onnx", "onnx", "a loss through a network of ONNX") from None
    check_file(path)
    try:
        return TorchGraph(onnx.load(str(path)), output).eval()
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from None
