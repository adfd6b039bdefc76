"""Albumentations, imported at its first use: its import takes seconds, and asks the network."""

from __future__ import annotations

import importlib
import os
import re
import warnings
from collections.abc import Mapping
from typing import Any

__all__ = ["albumentations", "checked", "functional"]

# What pydantic adds for programmers.
_NOISE = re.compile(
    r" \[type=.*?input_type=\w+\]| For further information visit \S+| for InitSchema"
)


def albumentations() -> Any:
    """Import the package itself, without its search for a newer version."""
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
    return importlib.import_module("albumentations")


def functional(name: str) -> Any:
    """Import ``albumentations.augmentations.<name>.functional``, e.g. ``pixel`` or ``blur``."""
    albumentations()
    return importlib.import_module(f"albumentations.augmentations.{name}.functional")


def checked(kind: type[Any], arguments: Mapping[str, Any]) -> Any:
    """Make a transform or a composition; what albumentations only warns of is an error.

    Raises:
        ValueError: An argument that ``kind`` does not know, or a value that it does not take.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        try:
            return kind(**arguments)
        except (UserWarning, TypeError, ValueError) as problem:
            told = _NOISE.sub("", " ".join(str(problem).split()))
            raise ValueError(f"arguments of {kind.__name__}: {told}") from None
