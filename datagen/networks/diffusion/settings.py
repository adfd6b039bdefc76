"""Settings while a torch network is loaded or run: determinism, silence and clear errors."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any

from datagen.core.text import first_line
from datagen.errors import DeviceError, MissingExtraError
from datagen.networks.batch import OutOfMemoryError

__all__ = [
    "at_work",
    "check_device",
    "diffusers_class",
    "diffusers_library",
    "heard",
    "is_out_of_memory",
    "need_torch",
    "torch_dtype",
    "torch_facts",
]

_LIBRARIES = ("diffusers", "transformers", "huggingface_hub")
_CPU_IS_FULL = ("can't allocate memory", "not enough memory", "std::bad_alloc")


def need_torch(what: str) -> None:
    """Refuse to go on without the packages of the extra ``torch``; ``what`` needs them.

    Raises:
        MissingExtraError: ``torch`` or ``safetensors`` is not installed.
    """
    for package in ("torch", "safetensors"):
        try:
            __import__(package)
        except ModuleNotFoundError as error:
            if error.name != package:
                raise
            raise MissingExtraError(package, "torch", what) from None


def diffusers_library() -> ModuleType:
    """Import ``diffusers``.

    Raises:
        MissingExtraError: It, ``torch``, ``transformers`` or ``safetensors`` is not installed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for package in ("torch", "safetensors", "transformers", "diffusers"):
            try:
                __import__(package)
            except ModuleNotFoundError as error:
                if error.name != package:
                    raise
                raise MissingExtraError(package, "diffusers", "A diffusion network") from None
        import diffusers
    return diffusers


def diffusers_class(name: str) -> Any:
    """Return a class of ``diffusers``, whose module is imported at its first use."""
    library = diffusers_library()
    with heard():
        return getattr(library, name)


def check_device(device: str) -> None:
    """Refuse a missing device.

    Raises:
        DeviceError: ``cuda`` was requested, but torch finds no GPU.
    """
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise DeviceError(
            f"device: cuda was requested, but torch {torch.__version__} finds no GPU. Set "
            "device: cpu, or use a machine with a GPU and a torch that was built for it"
        )


def torch_dtype(device: str, precision: str) -> Any:
    """Return the type of weights; on a CPU always ``float32``."""
    import torch

    names = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
    return names["fp32" if device == "cpu" else precision]


class _Listener(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(record.getMessage())


@contextmanager
def heard() -> Iterator[list[str]]:
    """Collect log messages of the libraries in the yielded list, and hide warnings.

    They log each loading, each flagged image and much that a user cannot fix.
    """
    listener = _Listener()
    loggers = [logging.getLogger(name) for name in _LIBRARIES]
    before = [(one.handlers, one.propagate, one.level) for one in loggers]
    try:
        for one in loggers:
            one.handlers, one.propagate = [listener], False
            one.setLevel(logging.WARNING)
        with warnings.catch_warnings(), _without_bars():
            warnings.simplefilter("ignore")
            yield listener.heard
    finally:
        for one, (handlers, propagate, level) in zip(loggers, before, strict=True):
            one.handlers, one.propagate = handlers, propagate
            one.setLevel(level)


@contextmanager
def _without_bars() -> Iterator[None]:
    """Switch off the progress bars of the libraries."""
    with ExitStack() as stack:
        for library in _loaded_logging():
            if library.is_progress_bar_enabled():
                library.disable_progress_bar()
                stack.callback(library.enable_progress_bar)
        yield


def _loaded_logging() -> Iterator[Any]:
    for name in ("diffusers.utils.logging", "transformers.utils.logging"):
        if name in sys.modules:
            yield sys.modules[name]


@contextmanager
def at_work(device: str, threads: int) -> Iterator[None]:
    """Make torch deterministic on ``threads`` cores, without gradients; restored at the end.

    Raises:
        OutOfMemoryError: The batch does not fit into the device's memory.
    """
    import torch

    # cuBLAS reads it when its first handle is created.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    switches = cudnn.benchmark, cudnn.allow_tf32, matmul.allow_tf32
    filler: Any = torch.utils.deterministic
    filling = filler.fill_uninitialized_memory
    try:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(True)
        # A debugging aid that costs a tenth of the time.
        filler.fill_uninitialized_memory = False
        cudnn.benchmark = cudnn.allow_tf32 = matmul.allow_tf32 = False
        with torch.inference_mode(), heard():
            yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise OutOfMemoryError(f"{device}: {first_line(error)}") from None
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])
        filler.fill_uninitialized_memory = filling
        cudnn.benchmark, cudnn.allow_tf32, matmul.allow_tf32 = switches


def torch_facts(device: str, precision: str, threads: int) -> dict[str, Any]:
    """Return what the output bytes of a torch network depend on besides its input."""
    import torch

    on_gpu = device == "cuda"
    return {
        "device": torch.cuda.get_device_name() if on_gpu else device,
        "precision": precision if on_gpu else "fp32",
        "threads": threads,
        "runtime": f"torch {torch.__version__}",
    }


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether torch or Python ran out of memory; on a CPU only torch's message says so."""
    import torch

    if isinstance(error, torch.cuda.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in _CPU_IS_FULL)
