"""Albumentations, imported on first use: the import takes seconds and queries the network."""

from __future__ import annotations

import importlib
import os
import re
import warnings
from collections.abc import Mapping
from typing import Any

__all__ = ["albumentations", "checked", "functional"]

# Parts of pydantic messages that are meant for programmers.
_NOISE = re.compile(
    r" \[type=.*?input_type=\w+\]| For further information visit \S+| for InitSchema"
)


def albumentations() -> Any:
    """Import the package without its check for a newer version."""
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
    return importlib.import_module("albumentations")


def functional(name: str) -> Any:
    """Import ``albumentations.augmentations.<name>.functional``, e.g. ``pixel`` or ``blur``."""
    albumentations()
    return importlib.import_module(f"albumentations.augmentations.{name}.functional")


def checked(kind: type[Any], arguments: Mapping[str, Any]) -> Any:
    """Return a transform or composition; what is only a warning in albumentations is an error.

    Raises:
        ValueError: An argument is unknown or has a wrong value.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        try:
            return kind(**arguments)
        except (UserWarning, TypeError, ValueError) as problem:
            detail = _NOISE.sub("", " ".join(str(problem).split()))
            raise ValueError(f"arguments of {kind.__name__}: {detail}") from None
