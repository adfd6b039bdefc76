"""Detectors that are Python callables: ``module:callable``."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

import numpy as np

from datagen.core.digests import sha256_bytes
from datagen.detectors.batched import Infer
from datagen.detectors.spec import DetectorSpec, PythonFile, look_in
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
        if file.module == name:
            return _from_text(file)
    look_in(spec.folder)
    return importlib.import_module(name)


def _from_text(file: PythonFile) -> ModuleType:
    name = f"datagen_detector_{sha256_bytes(file.text.encode())[:16]}"
    if name not in sys.modules:
        module = ModuleType(name)
        module.__file__ = file.name
        sys.modules[name] = module
        try:
            exec(compile(file.text, file.name, "exec"), module.__dict__)  # noqa: S102  # the user's own
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]
