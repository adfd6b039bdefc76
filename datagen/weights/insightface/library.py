"""The library insightface: imported late, quietly, and without the parts that are not needed."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

from datagen.errors import MissingExtraError

__all__ = ["Library", "load_insightface", "quiet", "without_deprecations"]

# Draws masks of cloth on faces. It loads albumentations, and that torch: a second and more.
_RENDERER = "insightface.app.mask_renderer"


class Library(NamedTuple):
    """What is used of insightface and of what it stands on.

    Attributes:
        analysis: Its class ``FaceAnalysis``, which loads packs.
        swapper: Its class ``INSwapper``.
        runtime: The module ``onnxruntime``.
        broken: What loading a file raises when it is not a network of the kind that is wanted.
        version: Of insightface.
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
        MissingExtraError: The library, or a package that it needs, is not installed.
    """
    # Where albumentations comes along after all, it would ask the network for a newer version.
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


def _without_renderer() -> Any:
    """Import insightface; since 2.0 it does without the renderer when that cannot be imported."""
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
    """Swallow what the library prints while it loads, and its deprecations."""
    with contextlib.redirect_stdout(io.StringIO()), without_deprecations():
        yield


@contextlib.contextmanager
def without_deprecations() -> Iterator[None]:
    """Swallow what other packages say of the library's ways to use them."""
    with warnings.catch_warnings():
        for category in (DeprecationWarning, FutureWarning):
            warnings.filterwarnings("ignore", category=category, module=r"insightface\.")
        yield
