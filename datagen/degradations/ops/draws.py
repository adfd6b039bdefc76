"""Ranges of options: checked, and drawn from with one uniform number each, whatever they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from datagen.core.schema import Frozen

__all__ = ["between", "check_ranges", "pick", "plain", "whole"]


def check_ranges(options: Frozen, bounds: Mapping[str, tuple[float, float]]) -> None:
    """Raise ``ValueError`` naming the first range that is not within its bounds."""
    for name, (low, high) in bounds.items():
        span: tuple[float, float] = getattr(options, name)
        if not low <= span[0] <= span[1] <= high:
            raise ValueError(f"{name}: want a range within {low:g} and {high:g}")


def plain(value: Any) -> float:
    """Return a float of six decimals, which JSON gives back unchanged."""
    return round(float(value), 6)


def between(draw: Any, span: tuple[float, float]) -> float:
    """Turn a number from 0 to 1 into one of a range."""
    return plain(span[0] + draw * (span[1] - span[0]))


def whole(draw: Any, span: tuple[int, int]) -> int:
    """Turn a number from 0 to 1, without 1, into a whole one of a range, both ends included."""
    return span[0] + int(draw * (span[1] - span[0] + 1))


def pick(draw: float, choices: Sequence[Any]) -> Any:
    """Turn a draw from [0, 1) into one of ``choices``, with even odds."""
    return choices[int(draw * len(choices))]
