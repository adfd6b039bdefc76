"""Detectors that are Python callables: ``module:callable``."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import numpy as np

from datagen.detectors.batched import Infer
from datagen.detectors.spec import DetectorSpec, look_in
from datagen.errors import DetectorError

__all__ = ["load_function"]


def load_function(spec: DetectorSpec) -> Infer:
    """Import the callable of a spec; a class is instantiated once, without arguments.

    Raises:
        DetectorError: It does not load, or is not callable.
    """
    module_name, _, name = spec.target.partition(":")
    where = f"--detector {spec.text}"
    try:
        found: Any = getattr(_module(spec, module_name), name)
        if isinstance(found, type):
            found = found()
    except (Exception, SystemExit) as error:
        raise DetectorError(f"{where}: does not load: {type(error).__name__}: {error}") from error
    if not callable(found):
        raise DetectorError(f"{where}: is of type {type(found).__name__}, which is not callable")
    return lambda images: found(np.stack(images))


def _module(spec: DetectorSpec, name: str) -> ModuleType:
    for file in spec.files:
        if file.stem == name:
            return file.run("datagen_detector")
    look_in(spec.folder)
    return importlib.import_module(name)
