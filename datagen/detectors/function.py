"""Detectors that are Python callables: ``module:callable``."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import numpy as np

from datagen.detectors.batched import Infer
from datagen.detectors.spec import DetectorSpec, look_in
from datagen.errors import DetectorError

__all__ = ["load_function", "made"]


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
        raise DetectorError(f"{where}: does not load: {type(error).__name__}: {error}") from error
    found = made(found, where)
    if not callable(found):
        raise DetectorError(f"{where}: is of type {type(found).__name__}, which is not callable")
    return lambda images: found(np.stack(images))


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
            f"{where}: does not load: {type(error).__name__}: {error}. A class is called once, "
            "without arguments; pass an object instead of it"
        ) from error


def _module(spec: DetectorSpec, name: str) -> ModuleType:
    for file in spec.files:
        if file.stem == name:
            return file.run("datagen_detector")
    look_in(spec.folder)
    return importlib.import_module(name)
