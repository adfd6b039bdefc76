"""Checks of option ranges, and draws from them with one uniform number each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from datagen.core.schema import Frozen

__all__ = ["between", "check_ranges", "pick", "plain", "whole"]


def check_ranges(options: Frozen, bounds: Mapping[str, tuple[float, float]]) -> None:
    """Raise ``ValueError`` for the first range that is not within its bounds."""
    for name, (low, high) in bounds.items():
        span: tuple[float, float] = getattr(options, name)
        if not low <= span[0] <= span[1] <= high:
            raise ValueError(
                f"{name}: must be a range within {low:g} and {high:g}, found {list(span)}"
            )


def plain(value: Any) -> float:
    """Return a float rounded to six decimals, which survives JSON unchanged."""
    return round(float(value), 6)


def between(draw: Any, span: tuple[float, float]) -> float:
    """Map a number from 0 to 1 to a range."""
    return plain(span[0] + draw * (span[1] - span[0]))


def whole(draw: Any, span: tuple[int, int]) -> int:
    """Map a number from [0, 1) to a whole number of a range, both ends included."""
    return span[0] + int(draw * (span[1] - span[0] + 1))


def pick(draw: float, choices: Sequence[Any]) -> Any:
    """Map a number from [0, 1) to one of ``choices``, all equally likely."""
    return choices[int(draw * len(choices))]
