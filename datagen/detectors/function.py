"""Detectors that are Python callables: ``module:callable``."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from datagen.detectors.batched import Infer, Pixels
from datagen.detectors.config import DetectorConfig
from datagen.detectors.outputs import output_of
from datagen.detectors.postprocess import cause_of
from datagen.detectors.spec import DetectorSpec, look_in
from datagen.errors import DetectorError

__all__ = ["Called", "load_function", "made"]


def load_function(spec: DetectorSpec) -> Infer:
    """Import the callable of a spec; a class is instantiated once, without arguments.

    Raises:
        DetectorError: It does not load, or is not callable.
    """
    module_name, _, name = spec.target.partition(":")
    where = f"detector {spec.text}"
    try:
        found: Any = getattr(_module(spec, module_name), name)
    except (Exception, SystemExit) as error:
        raise DetectorError(f"{where}: does not load: {cause_of(error)}") from error
    found = made(found, where)
    if not callable(found):
        raise DetectorError(f"{where}: is of type {type(found).__name__}, which is not callable")
    return Called(found, spec.config)


class Called:
    """A callable of one array of images or clips, as a function of a list of them.

    Args:
        detector: The callable.
        config: Names its output, where it gives several.
    """

    def __init__(self, detector: Callable[[Any], object], config: DetectorConfig) -> None:
        self._detector = detector
        self._config = config

    def __call__(self, images: list[Pixels]) -> object:
        """Return the answers of the images.

        Raises:
            DetectorError: It is a module of torch, which does not take images as they are.
        """
        try:
            found = self._detector(np.stack(images))
        except Exception as error:
            if not _is_torch_module(self._detector):
                raise
            raise DetectorError(_torch_module(error)) from error
        return output_of(found, len(images), self._config)


def _is_torch_module(detector: object) -> bool:
    return any(
        one.__module__.startswith("torch.nn.") and one.__name__ == "Module"
        for one in type(detector).__mro__
    )


def _torch_module(error: Exception) -> str:
    return (
        "the detector is a torch.nn.Module, which cannot take images as they are given, "
        f"(n, height, width, 3) uint8 arrays ({cause_of(error)}). Wrap it: "
        "lambda batch: model(torch.from_numpy(batch).permute(0, 3, 1, 2).float() / 255), with "
        "model.eval() before; or save it as TorchScript or ONNX, which are given what "
        "--detector-config says"
    )


def made(detector: Any, where: str) -> Any:
    """Return the detector; a class is instantiated, without arguments.

    Raises:
        DetectorError: Its constructor fails.
    """
    if not isinstance(detector, type):
        return detector
    try:
        return detector()
    except (Exception, SystemExit) as error:
        raise DetectorError(
            f"{where}: does not load: {cause_of(error)}. A class is called once, "
            "without arguments; pass an object instead of it"
        ) from error


def _module(spec: DetectorSpec, name: str) -> ModuleType:
    for file in spec.files:
        if file.stem == name:
            return file.run("datagen_detector")
    look_in(spec.folder)
    return importlib.import_module(name)
