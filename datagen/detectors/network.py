"""Detectors that are network files: ONNX, TorchScript and ``torch.export``."""

from __future__ import annotations

import contextlib
import io
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Image
from datagen.detectors.batched import Infer
from datagen.detectors.preprocess import network_input
from datagen.detectors.spec import DetectorSpec
from datagen.errors import DetectorError, MissingExtraError

__all__ = ["Network", "open_exported", "open_onnx", "open_torchscript"]

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
    options.log_severity_level = 4  # its warnings quote names of the file as they are
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # errors are raised, and need not be logged as well
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # where it tells of another try
            session = onnxruntime.InferenceSession(spec.target, options, providers=[wanted])
        inputs = [(one.name, one.type, list(one.shape)) for one in session.get_inputs()]
    except Exception as error:  # also names that are not UTF-8
        raise _does_not_load(spec, error) from error
    if len(inputs) != 1 or len(inputs[0][2]) != 4 or inputs[0][1] != "tensor(float)":
        found = ", ".join(f"{name[:80]} {kind} {shape[:8]}" for name, kind, shape in inputs[:8])
        raise DetectorError(
            f"detector {spec.text}: want one float32 input with 4 axes, found {found or 'none'}",
            path=spec.target,
        )
    name, _, shape = inputs[0]
    _check_input(spec, shape)

    def run(batch: NDArray[np.float32]) -> Any:
        return session.run(None, {name: batch})[0]

    fixed = shape[0] if isinstance(shape[0], int) else None
    return Network(_infer(spec, _in_fixed_batches(run, fixed)), _fixed_size(spec, shape))


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
    return Network(_infer(spec, _on_torch(torch, module, spec.config.device)))


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
        shape = [_axis(side) for side in _first_input(program)]
    except Exception as error:
        raise _does_not_load(spec, error) from error
    _check_input(spec, shape)
    run = _on_torch(torch, module, spec.config.device)
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
    return node.meta["val"].shape


def _axis(side: Any) -> int | None:
    return side if isinstance(side, int) else None  # a symbol where it is dynamic


def _on_torch(torch: Any, module: Any, device: str) -> Callable[[NDArray[np.float32]], Any]:
    def run(batch: NDArray[np.float32]) -> Any:
        with torch.inference_mode():
            found = module(torch.from_numpy(batch).to(device))
        first = found[0] if isinstance(found, tuple | list) else found
        return first.float().cpu().numpy()

    return run


def _infer(spec: DetectorSpec, run: Callable[[NDArray[np.float32]], Any]) -> Infer:
    def infer(images: list[Image]) -> Any:
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
    sides = [side for side in shape if isinstance(side, int)]
    if not all(1 <= side <= _MAX_SIDE for side in sides) or math.prod(sides) > _MAX_INPUT:
        raise DetectorError(
            f"detector {spec.text}: its input has the shape {list(shape)}: at most {_MAX_SIDE} a "
            f"side and {_MAX_INPUT:,} numbers are given to a network",
            path=spec.target,
        )


def _fixed_size(spec: DetectorSpec, shape: Any) -> tuple[int, int] | None:
    sides = shape[1:3] if spec.config.layout == "nhwc" else shape[2:4]
    own = (sides[0], sides[1]) if all(isinstance(side, int) for side in sides) else None
    wanted = spec.config.size
    if own is not None and wanted is not None and own != tuple(wanted):
        raise DetectorError(
            f"--detector-config: size: {list(wanted)}, but {spec.text} takes only images of "
            f"{list(own)}"
        )
    return own


def _does_not_load(spec: DetectorSpec, error: Exception) -> DetectorError:
    line = (str(error).strip().splitlines() or [""])[0][:300]
    return DetectorError(
        f"detector {spec.text}: does not load: {type(error).__name__}: {line}", path=spec.target
    )
