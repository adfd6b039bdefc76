"""A file that onnxruntime has opened: on the device that was asked for, and repeatable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from datagen.errors import DeviceError, MissingExtraError, WeightsError
from datagen.networks.batch import OutOfMemoryError

__all__ = ["Floats", "Port", "Session", "runtime_version"]

Floats = NDArray[np.float32]

_TYPES = {"tensor(float)": "float32", "tensor(float16)": "float16", "tensor(double)": "float64"}

# onnxruntime has no error class for a full memory, on any device; these are its words.
_FULL = (
    "failed to allocate memory",
    "smaller than requested bytes",
    "out of memory",
    "alloc_failed",
    "bad_alloc",
    "bad allocation",
)

# The default search times all algorithms and takes the quickest: other bytes at the next run.
_CUDA = {"cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "0"}


class Port(NamedTuple):
    """An input or an output of a network.

    Attributes:
        shape: ``None`` where an axis is free.
        kind: NumPy's name of its floats.
    """

    name: str
    shape: tuple[int | None, ...]
    kind: str

    def __str__(self) -> str:
        """Name and shape in one line."""
        axes = ", ".join("free" if side is None else str(side) for side in self.shape)
        return f"{self.name!r} [{axes}]"


class Session:
    """A network in onnxruntime.

    Args:
        path: An ONNX file.
        device: ``cpu`` or ``cuda``; never another one than was asked for.
        threads: Cores for one operator; there is no other parallelism.

    Raises:
        MissingExtraError: onnxruntime is not installed.
        DeviceError: There is no such device for this onnxruntime.
        WeightsError: Not an ONNX file, a damaged one, or one with inputs that are no floats.
    """

    def __init__(self, path: Path, device: str, threads: int) -> None:
        self.path = path
        self._device = device
        runtime, self._errors = _runtime()
        _check_device(runtime, device)
        options = runtime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.use_deterministic_compute = True
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 4  # what goes wrong is raised, and told once
        chosen = ["CPUExecutionProvider"]
        if device == "cuda":
            chosen.insert(0, ("CUDAExecutionProvider", _CUDA))  # type: ignore[arg-type]
        try:
            self._session = runtime.InferenceSession(str(path), options, providers=chosen)
        except self._errors as error:
            self._refuse_full_memory(error)
            raise WeightsError(
                f"{path}: onnxruntime cannot open it as an ONNX network: {_first_line(error)}. "
                "It is damaged, or another kind of file: get it again"
            ) from None
        self._check_given(device)
        self.inputs = [self._port(given) for given in self._session.get_inputs()]
        self.outputs = [self._port(given) for given in self._session.get_outputs()]

    def __call__(self, names: Sequence[str], feeds: Mapping[str, NDArray[Any]]) -> list[Floats]:
        """Return the named outputs.

        Raises:
            OutOfMemoryError: The device has no room for it.
            WeightsError: The network cannot take these inputs, whatever it declares.
        """
        try:
            outputs = self._session.run(list(names), dict(feeds))
        except MemoryError as error:
            raise OutOfMemoryError(str(error)) from None
        except self._errors as error:
            if _is_full(error):
                raise OutOfMemoryError(_first_line(error)) from None
            sizes = ", ".join(f"{name} {list(value.shape)}" for name, value in feeds.items())
            raise WeightsError(
                f"{self.path}: the network fails on inputs of the shapes that it declares "
                f"({sizes}): {_first_line(error)}. Where it was exported for one face, set batch: 1"
            ) from None
        return [np.asarray(output, np.float32) for output in outputs]

    def _port(self, given: Any) -> Port:
        kind = _TYPES.get(given.type)
        if kind is None:
            raise WeightsError(
                f"{self.path}: {given.name!r} is a {given.type}; a network of faces takes and "
                "gives floats. Export it so"
            )
        shape = tuple(side if isinstance(side, int) else None for side in given.shape)
        return Port(given.name, shape, kind)

    def _check_given(self, device: str) -> None:
        """Refuse what onnxruntime does when CUDA's libraries are not whole: it takes the CPU."""
        given = self._session.get_providers()
        if device == "cuda" and given[0] != "CUDAExecutionProvider":
            raise DeviceError(
                f"device: cuda was asked for and onnxruntime gave {given[0]}. Its GPU needs the "
                "CUDA and cuDNN of onnxruntime's release and a visible device; or set device: cpu"
            )

    def _refuse_full_memory(self, error: Exception) -> None:
        if _is_full(error):
            raise DeviceError(
                f"{self.path}: the network does not fit into the memory of {self._device} "
                f"({_first_line(error)}). Use a larger device, or give each worker a larger share"
            ) from None


def runtime_version() -> str:
    """Return the name and version of what runs the networks.

    Raises:
        MissingExtraError: onnxruntime is not installed.
    """
    return f"onnxruntime {_runtime()[0].__version__}"


def _runtime() -> tuple[Any, tuple[type[Exception], ...]]:
    try:
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as native
    except ImportError:
        raise MissingExtraError("onnxruntime", "onnx", "a network in an ONNX file") from None
    names = (
        "Fail",
        "InvalidArgument",
        "InvalidGraph",
        "InvalidProtobuf",
        "NoModel",
        "NoSuchFile",
        "NotImplemented",
        "RuntimeException",
        "EPFail",
    )
    return onnxruntime, tuple(getattr(native, name) for name in names)


def _check_device(runtime: Any, device: str) -> None:
    if device == "cuda" and "CUDAExecutionProvider" not in runtime.get_available_providers():
        raise DeviceError(
            "device: cuda was asked for, and the installed onnxruntime "
            f"{runtime.__version__} has no CUDA. Install onnxruntime-gpu in its place, or set "
            "device: cpu"
        )


def _is_full(error: Exception) -> bool:
    text = str(error).lower()
    return any(words in text for words in _FULL)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(". ") if lines else type(error).__name__
