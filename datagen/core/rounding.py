"""The one precision of drawn numbers."""

from __future__ import annotations

import numpy as np

__all__ = ["DIGITS", "rounded"]

DIGITS = 6
"""Decimals of every number that is drawn: what the manifest states is what was executed."""


def rounded(value: float | np.floating) -> float:
    """Return a drawn number as it is executed and written to the manifest."""
    return round(float(value), DIGITS)
