"""An ONNX file opened by onnxruntime: deterministic, and only on the requested device."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from datagen.core.onnx_file import check_onnx
from datagen.core.text import first_line
from datagen.errors import DeviceError, MissingExtraError, WeightsError
from datagen.networks.batch import OutOfMemoryError

__all__ = ["Floats", "Port", "Session", "check_file", "runtime_version"]

Floats = NDArray[np.float32]

_TYPES = {"tensor(float)": "float32", "tensor(float16)": "float16", "tensor(double)": "float64"}

# onnxruntime has no error class for exhausted memory; these are parts of its messages.
_FULL = (
    "failed to allocate memory",
    "smaller than requested bytes",
    "out of memory",
    "alloc_failed",
    "bad_alloc",
    "bad allocation",
)

# The default search picks the fastest algorithm by timing, so bytes would differ between runs.
_CUDA = {"cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "0"}


class Port(NamedTuple):
    """An input or an output of a network.

    Attributes:
        name: Name in the file.
        shape: Length of each axis, ``None`` where it is free.
        kind: NumPy's name of its floating-point type.
    """

    name: str
    shape: tuple[int | None, ...]
    kind: str

    def __str__(self) -> str:
        """Return name and shape in one line."""
        axes = ", ".join("free" if side is None else str(side) for side in self.shape)
        return f"{self.name!r} [{axes}]"


class Session:
    """A network in onnxruntime.

    Args:
        path: Path of an ONNX file.
        device: ``cpu`` or ``cuda``; no other device is used instead.
        threads: CPU cores per operator; there is no other parallelism.

    Raises:
        MissingExtraError: onnxruntime is not installed.
        DeviceError: This onnxruntime has no such device.
        WeightsError: The file is not an ONNX file, is damaged, or has inputs that are not floats.
    """

    def __init__(self, path: Path, device: str, threads: int) -> None:
        self.path = path
        self._device = device
        runtime, self._errors = _runtime()
        _check_device(runtime, device)
        check_file(path)
        options = runtime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.use_deterministic_compute = True
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 4  # errors are raised, and need not be logged as well
        chosen = ["CPUExecutionProvider"]
        if device == "cuda":
            chosen.insert(0, ("CUDAExecutionProvider", _CUDA))  # type: ignore[arg-type]
        try:
            with contextlib.redirect_stdout(io.StringIO()):  # where it tells of another try
                self._session = runtime.InferenceSession(str(path), options, providers=chosen)
        except self._errors as error:
            self._refuse_full_memory(error)
            raise _unusable(path, _first_line(error)) from None
        self._check_given(device)
        try:
            self.inputs = [self._port(given) for given in self._session.get_inputs()]
            self.outputs = [self._port(given) for given in self._session.get_outputs()]
        except UnicodeDecodeError as error:
            raise _unusable(path, f"a name in it is not UTF-8 ({error.reason})") from None

    def __call__(self, names: Sequence[str], feeds: Mapping[str, NDArray[Any]]) -> list[Floats]:
        """Return the named outputs.

        Raises:
            OutOfMemoryError: The inputs do not fit into the device's memory.
            WeightsError: The network fails on inputs of the declared shapes.
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
                f"({sizes}): {_first_line(error)}. If it was exported for one face, set batch: 1"
            ) from None
        return [np.asarray(output, np.float32) for output in outputs]

    def _port(self, given: Any) -> Port:
        kind = _TYPES.get(given.type)
        if kind is None:
            raise WeightsError(
                f"{self.path}: {given.name!r} is a {given.type}, but inputs and outputs must be "
                "floats. Export it that way"
            )
        shape = tuple(side if isinstance(side, int) else None for side in given.shape)
        return Port(given.name, shape, kind)

    def _check_given(self, device: str) -> None:
        """Refuse the CPU, which onnxruntime silently uses if CUDA's libraries are incomplete."""
        given = self._session.get_providers()
        if device == "cuda" and given[0] != "CUDAExecutionProvider":
            raise DeviceError(
                f"device: cuda was requested, but onnxruntime uses {given[0]}. It needs the "
                "CUDA and cuDNN versions of its release and a visible GPU; or set device: cpu"
            )

    def _refuse_full_memory(self, error: Exception) -> None:
        if _is_full(error):
            raise DeviceError(
                f"{self.path}: the network does not fit into the memory of {self._device} "
                f"({_first_line(error)}). Use a larger device, or give each worker a larger share"
            ) from None


def runtime_version() -> str:
    """Return the name and version of the runtime.

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
    return onnxruntime, (UnicodeDecodeError, *(getattr(native, name) for name in names))


def _check_device(runtime: Any, device: str) -> None:
    if device == "cuda" and "CUDAExecutionProvider" not in runtime.get_available_providers():
        raise DeviceError(
            "device: cuda was requested, but the installed onnxruntime "
            f"{runtime.__version__} has no CUDA support. Install onnxruntime-gpu instead, or set "
            "device: cpu"
        )


def check_file(path: Path) -> None:
    """Refuse a file before a library reads it.

    Raises:
        WeightsError: It is no ONNX network, or keeps tensors in another file.
    """
    try:
        others = check_onnx(path)
    except (OSError, ValueError) as error:
        raise _unusable(path, str(error)) from None
    if others:
        raise WeightsError(
            f"{path}: keeps tensors in another file, {others[0].name!r}, which the digest of its "
            "card does not cover. Save the network as one file, and name that in a card",
            path=path,
        )


def _unusable(path: Path, problem: str) -> WeightsError:
    return WeightsError(
        f"{path}: onnxruntime cannot open it as an ONNX network: {problem}. It is damaged, or "
        "another kind of file: get it again",
        path=path,
    )


def _is_full(error: Exception) -> bool:
    text = str(error).lower()
    return any(words in text for words in _FULL)


def _first_line(error: Exception) -> str:
    return first_line(error).rstrip(". ")
