"""The library insightface: imported late, quietly, and without unneeded parts."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from datagen.core.onnx_file import check_onnx
from datagen.errors import MissingExtraError

__all__ = ["Library", "check_pack", "load_insightface", "quiet", "without_deprecations"]

# Renders face masks (of cloth). It imports albumentations, and that torch: over a second.
_RENDERER = "insightface.app.mask_renderer"


class Library(NamedTuple):
    """The parts of insightface and its dependencies that are used.

    Attributes:
        analysis: The class ``FaceAnalysis``, which loads packs.
        swapper: The class ``INSwapper``.
        runtime: The module ``onnxruntime``.
        broken: Exceptions raised by loading a file that is not a network of the wanted kind.
        version: Version of insightface.
    """

    analysis: Any
    swapper: Any
    runtime: Any
    broken: tuple[type[Exception], ...]
    version: str


def load_insightface(reason: str) -> Library:
    """Import the library.

    Args:
        reason: What needs it, as the start of a sentence.

    Raises:
        MissingExtraError: The library, or one of its dependencies, is not installed.
    """
    # If albumentations is imported after all, it must not look for a newer version online.
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    try:
        with quiet():
            insightface = _without_renderer()
            import onnxruntime
            from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
            from insightface.app import FaceAnalysis
            from insightface.model_zoo.inswapper import INSwapper
            from onnxruntime.capi import onnxruntime_pybind11_state as native
    except ImportError as error:
        package = (error.name or "insightface").partition(".")[0]
        raise MissingExtraError(package, "insightface", reason) from None
    broken = (
        *(AssertionError, IndexError, RuntimeError, ValueError, DecodeError),
        *(native.Fail, native.InvalidProtobuf, native.InvalidGraph, native.InvalidArgument),
    )
    return Library(FaceAnalysis, INSwapper, onnxruntime, broken, insightface.__version__)


def check_pack(folder: Path) -> None:
    """Check the networks of a pack before the library opens them.

    Raises:
        ValueError: One is no network, or keeps tensors in another file; see ``check_onnx``.
    """
    for path in sorted(folder.glob("*.onnx")):
        try:
            others = check_onnx(path)
        except ValueError as error:
            raise ValueError(f"{path.name}: {error}") from None
        if others:
            raise ValueError(f"{path.name} keeps tensors in {others[0].name!r}, unlike any pack")


def _without_renderer() -> Any:
    """Import insightface, since 2.0 without its renderer if that cannot be imported."""
    hidden = _RENDERER not in sys.modules
    if hidden:
        sys.modules[_RENDERER] = None  # type: ignore[assignment]
    try:
        import insightface

        return insightface
    except ImportError as error:
        if not hidden or error.name != _RENDERER:
            raise
    finally:
        if hidden:
            del sys.modules[_RENDERER]
    import insightface

    return insightface


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Suppress the library's output while it loads, and its deprecation warnings."""
    with contextlib.redirect_stdout(io.StringIO()), without_deprecations():
        yield


@contextlib.contextmanager
def without_deprecations() -> Iterator[None]:
    """Suppress deprecation warnings that the library causes in other packages."""
    with warnings.catch_warnings():
        for category in (DeprecationWarning, FutureWarning):
            warnings.filterwarnings("ignore", category=category, module=r"insightface\.")
        yield
