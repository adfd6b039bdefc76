"""ONNX networks with the published layers and random weights, for ``networks.py``.

The swaps are SimSwap's generator (Chen et al., ACM MM 2020): convolutions down to 32 x 32, blocks
whose normalized maps the identity scales and shifts, convolutions up. With nine blocks of 512
channels it has the parameters of ``simswap_256``, with six of 1024 those of ``inswapper_128``. The
recognizer is ArcFace's ResNet-50 (Deng et al., CVPR 2019). The enhancer has the widths of GFPGAN
(Wang et al., CVPR 2021) with a U-Net that only goes down: as many parameters, other layers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from datagen.core.rng import rng

__all__ = ["write_detector", "write_onnx"]

IDENTITY = 512
# Widths of GFPGAN's U-Net from 512 pixels down to 4, and of its StyleGAN2 from 4 up to 512.
ENCODER = (32, 64, 128, 256, 256, 256, 256, 256)
DECODER = (512, 512, 512, 512, 512, 256, 128, 64)


class Layers:
    """A graph builder; every method adds nodes and returns the name of their output.

    Attributes:
        parameters: Number of weights.
        work: Multiply-adds of the convolutions and dense layers for one face.
    """

    def __init__(self, name: str) -> None:
        from onnx import TensorProto, helper, numpy_helper

        self._helper, self._numpy, self._float = helper, numpy_helper, TensorProto.FLOAT
        self._name, self._draw = name, rng("networks", name)
        self._nodes: list[Any] = []
        self._kept: list[Any] = []
        self._names = 0
        self.parameters = self.work = 0

    def add(self, kind: str, *inputs: str, outputs: int = 1, **settings: Any) -> str:
        """Add a node; with several outputs the first is ``NAME_0``."""
        self._names += 1
        name = f"made_{self._names}"
        names = [name] if outputs == 1 else [f"{name}_{n}" for n in range(outputs)]
        self._nodes.append(self._helper.make_node(kind, list(inputs), names, **settings))
        return name

    def keep(self, value: Any, dtype: Any = np.float32, name: str = "") -> str:
        """Add an initializer."""
        self._names += 1
        array = np.asarray(value, dtype)
        self.parameters += array.size
        self._kept.append(self._numpy.from_array(array, name or f"kept_{self._names}"))
        return self._kept[-1].name  # type: ignore[no-any-return]

    def drawn(self, *shape: int, name: str = "") -> str:
        """Add weights that preserve the variance of activations (He et al., ICCV 2015)."""
        values = self._draw.standard_normal(shape, np.float32)
        return self.keep(values * np.float32((2 / np.prod(shape[1:])) ** 0.5), name=name)

    def conv(
        self, x: str, channels: tuple[int, int], side: int, kernel: int = 3, stride: int = 1
    ) -> str:
        """Convolve; ``side`` is the side of the output."""
        inside, outside = channels
        self.work += outside * inside * kernel**2 * side**2
        weight, bias = self.drawn(outside, inside, kernel, kernel), self.keep(np.zeros(outside))
        pads = [kernel // 2] * 4
        return self.add("Conv", x, weight, bias, strides=[stride, stride], pads=pads)

    def mirrored_conv(self, x: str, channels: tuple[int, int], side: int, kernel: int = 3) -> str:
        """Convolve with reflection padding."""
        inside, outside = channels
        self.work += outside * inside * kernel**2 * side**2
        edge = kernel // 2
        pads = self.keep([0, 0, edge, edge, 0, 0, edge, edge], np.int64)
        weight, bias = self.drawn(outside, inside, kernel, kernel), self.keep(np.zeros(outside))
        return self.add("Conv", self.add("Pad", x, pads, mode="reflect"), weight, bias)

    def dense(self, x: str, inside: int, outside: int) -> str:
        """Multiply a vector by a matrix."""
        self.work += inside * outside
        weight, bias = self.drawn(outside, inside), self.keep(np.zeros(outside))
        return self.add("Gemm", x, weight, bias, transB=1)

    def larger(self, x: str) -> str:
        """Double the side, bilinearly."""
        scales = self.keep([1, 1, 2, 2])
        how: dict[str, Any] = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
        return self.add("Resize", x, "", scales, **how)

    def leaky(self, x: str) -> str:
        """Apply a leaky ReLU of slope 0.2."""
        return self.add("LeakyRelu", x, alpha=0.2)

    def batch_norm(self, x: str, channels: int) -> str:
        """Normalize by constants."""
        values = [np.ones, np.zeros, np.zeros, np.ones]
        return self.add("BatchNormalization", x, *(self.keep(fill(channels)) for fill in values))

    def styled(self, x: str, identity: str, channels: int) -> str:
        """Normalize each map, then scale and shift it by the identity, in elementary nodes.

        Torch exports SimSwap's own class this way, and it costs a GPU more than a single node.
        """
        away = self.add("Sub", x, self.add("ReduceMean", x, axes=[2, 3]))
        squared = self.add("ReduceMean", self.add("Mul", away, away), axes=[2, 3])
        spread = self.add("Sqrt", self.add("Add", squared, self.keep([1e-8])))
        whole = self.add("Div", away, spread)
        style = self.dense(identity, IDENTITY, 2 * channels)
        shape = self.keep([-1, 2 * channels, 1, 1], np.int64)
        halves = self.add("Split", self.add("Reshape", style, shape), outputs=2, axis=1)
        more = self.add("Add", f"{halves}_0", self.keep([1.0]))
        return self.add("Add", self.add("Mul", whole, more), f"{halves}_1")

    def port(self, name: str, *shape: Any) -> Any:
        """Return an input or output; a named axis has any size."""
        return self._helper.make_tensor_value_info(name, self._float, list(shape))

    def save(self, path: Path, inputs: Sequence[Any], outputs: Mapping[str, Any]) -> None:
        """Write the file; ``outputs`` maps the names of nodes to their ports."""
        import onnx

        for made, port in outputs.items():
            self._nodes.append(self._helper.make_node("Identity", [made], [port.name]))
        ports = [list(inputs), list(outputs.values())]
        graph = self._helper.make_graph(self._nodes, self._name, *ports, self._kept)
        opset = [self._helper.make_opsetid("", 17)]
        onnx.save(self._helper.make_model(graph, opset_imports=opset, ir_version=8), str(path))


def _inswapper(layers: Layers, path: Path) -> None:
    _swap(layers, path, 128, (128, 256, 512, 1024), blocks=6)


def _simswap(layers: Layers, path: Path) -> None:
    _swap(layers, path, 256, (64, 128, 256, 512), blocks=9)


def _swap(layers: Layers, path: Path, side: int, widths: Sequence[int], blocks: int) -> None:
    inputs = [layers.port("target", 1, 3, side, side), layers.port("source", 1, IDENTITY)]
    x = layers.leaky(layers.mirrored_conv("target", (3, widths[0]), side, 7))
    steps = list(pairwise(widths))
    halvings, now = (side // 32).bit_length() - 1, side
    halved = [False] * (len(steps) - halvings) + [True] * halvings
    for step, halves in zip(steps, halved, strict=True):
        now //= 1 + halves
        x = layers.leaky(layers.conv(x, step, now, stride=1 + halves))
    widest = widths[-1]
    for _ in range(blocks):
        inner = layers.mirrored_conv(x, (widest, widest), now)
        inner = layers.add("Relu", layers.styled(inner, "source", widest))
        inner = layers.mirrored_conv(inner, (widest, widest), now)
        x = layers.add("Add", x, layers.styled(inner, "source", widest))
    for (outside, inside), halves in zip(reversed(steps), reversed(halved), strict=True):
        if halves:
            x, now = layers.larger(x), 2 * now
        x = layers.leaky(layers.conv(x, (inside, outside), now))
    x = layers.add("Sigmoid", layers.mirrored_conv(x, (widths[0], 3), side, 7))
    if side == 128:  # inswapper's emap is the last initializer of its file
        layers.drawn(IDENTITY, IDENTITY, name="emap")
    layers.save(path, inputs, {x: layers.port("output", 1, 3, side, side)})


def _recognizer(layers: Layers, path: Path) -> None:
    side, inside = 112, 64
    x = layers.conv("input.1", (3, inside), side)
    x = layers.add("PRelu", x, layers.keep(np.full((inside, 1, 1), 0.25)))
    for width, blocks in zip((64, 128, 256, 512), (3, 4, 14, 3), strict=True):
        for block in range(blocks):
            stride = 1 if block else 2
            inner = layers.conv(layers.batch_norm(x, inside), (inside, width), side)
            inner = layers.add("PRelu", inner, layers.keep(np.full((width, 1, 1), 0.25)))
            side //= stride
            inner = layers.conv(inner, (width, width), side, stride=stride)
            if not block:
                x = layers.conv(x, (inside, width), side, kernel=1, stride=stride)
            x, inside = layers.add("Add", x, inner), width
    flat = layers.add("Flatten", layers.batch_norm(x, inside))
    made = layers.dense(flat, inside * side**2, IDENTITY)
    inputs = [layers.port("input.1", "n", 3, 112, 112)]
    layers.save(path, inputs, {made: layers.port("683", "n", IDENTITY)})


def _converter(layers: Layers, path: Path) -> None:
    x, widths = "input", (IDENTITY, 1024, 2048, 1024)
    for inside, outside in pairwise(widths):
        x = layers.leaky(layers.dense(x, inside, outside))
    x = layers.dense(x, widths[-1], IDENTITY)
    inputs = [layers.port("input", 1, IDENTITY)]
    layers.save(path, inputs, {x: layers.port("output", 1, IDENTITY)})


def _enhancer(layers: Layers, path: Path) -> None:
    side, inside = 512, ENCODER[0]
    x, seen = layers.leaky(layers.conv("input", (3, inside), side, kernel=1)), []
    for width in ENCODER[1:]:
        x = layers.leaky(layers.conv(x, (inside, inside), side))
        side //= 2
        x, inside = layers.leaky(layers.conv(x, (inside, width), side, stride=2)), width
        seen.append((x, width))
    styles = 16 * IDENTITY
    latent = layers.dense(layers.add("Flatten", x), inside * side**2, styles)
    first = [layers.keep([value], np.int64) for value in (0, IDENTITY, 1)]
    style = layers.add("Slice", latent, *first)
    x, inside = layers.conv(x, (inside, DECODER[0]), side), DECODER[0]
    for width in DECODER[1:]:
        shown, channels = seen.pop()
        for part in ("Mul", "Add"):  # spatial feature transform: scale, then shift
            map_ = layers.leaky(layers.conv(shown, (channels, channels), side))
            x = layers.add(part, x, layers.conv(map_, (channels, inside), side))
        x, side = layers.larger(x), 2 * side
        for _ in range(2):
            x = layers.conv(layers.styled(x, style, inside), (inside, width), side)
            x, inside = layers.leaky(x), width
    x = layers.add("Tanh", layers.conv(x, (inside, 3), side, kernel=1))
    inputs = [layers.port("input", 1, 3, 512, 512)]
    layers.save(path, inputs, {x: layers.port("output", 1, 3, 512, 512)})


_WRITERS: Mapping[str, Callable[[Layers, Path], None]] = {
    "inswapper_128": _inswapper,
    "simswap_256": _simswap,
    "arcface_w600k_r50": _recognizer,
    "crossface_simswap": _converter,
    "gfpgan_1_4": _enhancer,
}


def write_onnx(card_id: str, path: Path) -> str:
    """Write the network in place of a shipped card's and return its description."""
    layers = Layers(card_id)
    _WRITERS[card_id](layers, path)
    return f"{layers.parameters / 1e6:.1f} M parameters, {layers.work / 1e9:.1f} G multiply-adds"


def write_detector(path: Path) -> None:
    """Write what insightface takes for a detector: a pack must have one, but no swap runs it."""
    layers = Layers("detector")
    x = layers.add("Flatten", layers.add("GlobalAveragePool", "input.1"))
    made = {layers.add("Identity", x): layers.port(f"out{n}", 1, 3) for n in range(9)}
    layers.save(path, [layers.port("input.1", 1, 3, "height", "width")], made)
