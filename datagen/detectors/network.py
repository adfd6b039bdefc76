"""Detectors that are network files: ONNX, TorchScript and ``torch.export``."""

from __future__ import annotations

import contextlib
import io
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datagen.detectors.batched import Infer, Pixels
from datagen.detectors.config import CONFIG
from datagen.detectors.network_files import why_it_does_not_load
from datagen.detectors.outputs import choose, output_of
from datagen.detectors.postprocess import cause_of
from datagen.detectors.preprocess import network_input
from datagen.detectors.spec import DetectorSpec
from datagen.errors import DetectorError, MissingExtraError

__all__ = ["Network", "open_exported", "open_onnx", "open_torchscript"]

_CHANNELS = 3
_LAYOUTS = ("nchw", "nhwc", "ncthw", "ntchw", "nthwc")
_FLOATS = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
_MAX_SIDE = 8192
_MAX_INPUT = 3 * _MAX_SIDE**2  # numbers: the largest image, or many small ones


@dataclass(frozen=True, slots=True)
class Network:
    """An opened network.

    Attributes:
        infer: Runs it on images of one size.
        size: Fixed height and width of its input; ``None`` where any size works.
    """

    infer: Infer
    size: tuple[int, int] | None = None


def open_onnx(spec: DetectorSpec) -> Network:
    """Open a file for onnxruntime.

    Raises:
        MissingExtraError: onnxruntime is not installed.
        DetectorError: The file does not hold a network with one image input.
    """
    try:
        import onnxruntime
    except ImportError:
        raise MissingExtraError("onnxruntime", "onnx", "An .onnx detector") from None
    wanted = "CUDAExecutionProvider" if spec.config.device == "cuda" else "CPUExecutionProvider"
    if wanted not in onnxruntime.get_available_providers():
        raise DetectorError(
            f"detector {spec.text}: device: cuda: this onnxruntime has no {wanted}; install "
            "onnxruntime-gpu, or set device: cpu"
        )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # errors are raised, and need not be logged as well
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # where it tells of another try
            session = onnxruntime.InferenceSession(spec.target, options, providers=[wanted])
        inputs = [(one.name, one.type, list(one.shape)) for one in session.get_inputs()]
        outputs = {one.name: f"{one.type} {list(one.shape)}" for one in session.get_outputs()}
    except Exception as error:  # also names that are not UTF-8
        raise _does_not_load(spec, error) from error
    axes = len(_layout(spec))
    if len(inputs) != 1 or len(inputs[0][2]) != axes or inputs[0][1] not in _FLOATS:
        found = ", ".join(f"{name[:80]} {kind} {shape[:8]}" for name, kind, shape in inputs[:8])
        raise DetectorError(
            f"detector {spec.text}: must have one input of float32 or float16 with {axes} axes; "
            f"found {found or 'none'}. Export it so, or score with a callable that runs it",
            path=spec.target,
        )
    name, kind, shape = inputs[0]
    _check_input(spec, shape)
    output = _onnx_output(spec, outputs)

    def run(batch: NDArray[np.float32]) -> Any:
        return session.run([output], {name: batch.astype(_FLOATS[kind], copy=False)})[0]

    fixed = shape[0] if isinstance(shape[0], int) else None
    return Network(_infer(spec, _in_fixed_batches(run, fixed)), _fixed_size(spec, shape))


def _onnx_output(spec: DetectorSpec, outputs: dict[str, str]) -> str:
    """Return the name of the output with the answers, which must be numbers."""
    try:
        output: str = choose(outputs, spec.config)
    except DetectorError as error:
        raise DetectorError(f"detector {spec.text}: {error}", path=spec.target) from None
    if not outputs[output].startswith("tensor("):
        raise DetectorError(
            f"detector {spec.text}: its output {output[:80]} is of the type "
            f"{outputs[output][:80]}, expected an array of numbers: export it without mappings "
            "(skl2onnx: zipmap=False)",
            path=spec.target,
        )
    return output


def open_torchscript(spec: DetectorSpec) -> Network:
    """Open a TorchScript file.

    Raises:
        MissingExtraError: torch is not installed.
        DetectorError: The file does not load.
    """
    torch = _torch(spec)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", DeprecationWarning
            )  # about the format of the user's file
            module = torch.jit.load(spec.target, map_location=spec.config.device).eval()
    except Exception as error:
        raise _does_not_load(spec, error) from error
    return Network(_infer(spec, _on_torch(torch, module, spec, _kind_of(torch, module))))


def open_exported(spec: DetectorSpec) -> Network:
    """Open a file of ``torch.export.save``; its batch axis must be dynamic or a fixed size.

    Raises:
        MissingExtraError: torch is not installed.
        DetectorError: The file does not load.
    """
    torch = _torch(spec)
    try:
        program = torch.export.load(spec.target)
        module = program.module().to(spec.config.device)
        example = _first_input(program)
        shape = [_axis(side) for side in example.shape]
    except Exception as error:
        raise _does_not_load(spec, error) from error
    if not example.dtype.is_floating_point:
        raise DetectorError(
            f"detector {spec.text}: its input takes {example.dtype}, expected floating-point "
            "numbers: export it so, or score with a callable that runs it",
            path=spec.target,
        )
    _check_input(spec, shape)
    run = _on_torch(torch, module, spec, example.dtype)
    fixed = shape[0] if isinstance(shape[0], int) else None
    return Network(_infer(spec, _in_fixed_batches(run, fixed)), _fixed_size(spec, shape))


def _torch(spec: DetectorSpec) -> Any:
    try:
        import torch
    except ImportError:
        raise MissingExtraError("torch", "torch", f"Detector {spec.text}") from None
    if spec.config.device == "cuda" and not torch.cuda.is_available():
        raise DetectorError(
            f"detector {spec.text}: device: cuda: torch finds no GPU; set device: cpu"
        )
    return torch


def _first_input(program: Any) -> Any:
    name = program.graph_signature.user_inputs[0]
    node = next(node for node in program.graph.nodes if node.name == name)
    return node.meta["val"]


def _axis(side: Any) -> int | None:
    return side if isinstance(side, int) else None  # a symbol where it is dynamic


def _kind_of(torch: Any, module: Any) -> Any:
    """Return the type of a module's weights: a network in half precision takes such input."""
    kinds = (one.dtype for one in module.parameters() if one.dtype.is_floating_point)
    return next(kinds, torch.float32)


def _on_torch(
    torch: Any, module: Any, spec: DetectorSpec, kind: Any
) -> Callable[[NDArray[np.float32]], Any]:
    def run(batch: NDArray[np.float32]) -> Any:
        with torch.inference_mode():
            found = module(torch.from_numpy(batch).to(spec.config.device, kind))
        return output_of(found, len(batch), spec.config, network=True)

    return run


def _infer(spec: DetectorSpec, run: Callable[[NDArray[np.float32]], Any]) -> Infer:
    def infer(images: list[Pixels]) -> Any:
        return run(network_input(images, spec.config))

    return infer


def _in_fixed_batches(
    run: Callable[[NDArray[np.float32]], Any], fixed: int | None
) -> Callable[[NDArray[np.float32]], Any]:
    """Feed a network with a fixed batch size: the last batch is filled by repeating an image."""
    if fixed is None:
        return run

    def padded(batch: NDArray[np.float32]) -> Any:
        found = []
        for start in range(0, len(batch), fixed):
            part = batch[start : start + fixed]
            fill = np.repeat(part[-1:], fixed - len(part), axis=0)
            found.append(np.asarray(run(np.concatenate([part, fill])))[: len(part)])
        return np.concatenate(found)

    return padded


def _check_input(spec: DetectorSpec, shape: Any) -> None:
    """Refuse an input larger than any image; images are resized to it."""
    if len(shape) != len(_layout(spec)):
        raise DetectorError(
            f"detector {spec.text}: its input has the shape {list(shape)}: expected "
            f"{len(_layout(spec))} axes, {_layout(spec)}",
            path=spec.target,
        )
    sides = [side for side in shape if isinstance(side, int)]
    if not all(1 <= side <= _MAX_SIDE for side in sides) or math.prod(sides) > _MAX_INPUT:
        raise DetectorError(
            f"detector {spec.text}: its input has the shape {list(shape)}: at most {_MAX_SIDE} a "
            f"side and {_MAX_INPUT:,} numbers are given to a network",
            path=spec.target,
        )
    _check_channels(spec, shape)


def _check_channels(spec: DetectorSpec, shape: Any) -> None:
    """Compare the axis of the channels with the layout, as far as the network fixes it."""
    layout = _layout(spec)
    found = shape[layout.index("c")]
    if not isinstance(found, int) or found == _CHANNELS:
        return
    cure = f"it takes {found} channels, and images have {_CHANNELS}"
    for other in _LAYOUTS:
        if len(other) == len(layout) and shape[other.index("c")] == _CHANNELS:
            cure = f"its channels are at another place: set layout: {other} in {CONFIG}"
    raise DetectorError(
        f"detector {spec.text}: its input has the shape {list(shape)}: {cure}", path=spec.target
    )


def _layout(spec: DetectorSpec) -> str:
    return spec.config.layout or "nchw"


def _fixed_size(spec: DetectorSpec, shape: Any) -> tuple[int, int] | None:
    sides = [shape[_layout(spec).index(axis)] for axis in "hw"]
    own = (sides[0], sides[1]) if all(isinstance(side, int) for side in sides) else None
    wanted = spec.config.size
    if own is not None and wanted is not None and own != tuple(wanted):
        raise DetectorError(
            f"--detector-config: size: {list(wanted)}, but {spec.text} takes only images of "
            f"{list(own)}"
        )
    return own


def _does_not_load(spec: DetectorSpec, error: Exception) -> DetectorError:
    why = why_it_does_not_load(spec.kind, Path(spec.target)) or cause_of(error)
    return DetectorError(f"detector {spec.text}: does not load: {why}", path=spec.target)
