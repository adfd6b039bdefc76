"""A narrower range: cut on the easy side, within bounds, with ends that a person can read."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Literal, TypeAlias

__all__ = ["MIN_CUT", "Side", "cut_for", "narrow", "narrow_whole"]

Side: TypeAlias = Literal["low", "high", "middle"]
"""Where it is hard, and what is kept."""

MIN_CUT = 0.05
"""A smaller cut is not worth a new range."""

_MAX_CUT = 0.5
_MIN_VALUES = 2
_BEST = 0.02  # as for shares: what is detected better than this error counts as this
_DIGITS = 2  # a new end is a multiple of a hundredth to a thousandth of the width


def cut_for(hard: float, easy: float) -> float:
    """Return which share of a range to cut off, 0 to 0.5.

    As for shares, what is wanted of each half goes with the square of its error; without the cut
    the hard half has a half of the range, with it a half of what is left.

    Args:
        hard: AUC of the half that is kept.
        easy: AUC of the other.
    """
    squares = [max(1 - auc, _BEST) ** 2 for auc in (hard, easy)]
    wanted = squares[0] / sum(squares)
    return min(max(1 - 0.5 / wanted, 0.0), _MAX_CUT)


def narrow(low: float, high: float, side: Side, cut: float) -> tuple[float, float]:
    """Return ``[low, high]`` less a share of its width, rounded so that rather less is cut.

    Args:
        low: Of the range, at least half of which stays.
        high: Likewise.
        side: Where it is hard.
        cut: 0 to 0.5, of the width.
    """
    old = (Decimal(repr(float(low))), Decimal(repr(float(high))))
    width = old[1] - old[0]
    if width <= 0:
        return low, high
    part = width * Decimal(repr(min(cut, _MAX_CUT))) / (2 if side == "middle" else 1)
    step = Decimal(1).scaleb(width.adjusted() - _DIGITS)
    new_low, new_high = low, high
    if side != "low":
        up = ((old[0] + part) / step).to_integral_value(ROUND_FLOOR) * step
        new_low = max(low, float(up))
    if side != "high":
        down = ((old[1] - part) / step).to_integral_value(ROUND_CEILING) * step
        new_high = min(high, float(down))
    return new_low, new_high


def narrow_whole(low: int, high: int, side: Side, cut: float) -> tuple[int, int]:
    """Return a range of whole numbers, both included, less a share of them.

    At least half of them stay, and at least two.
    """
    values = high - low + 1
    spare = max(values - max(_MIN_VALUES, math.ceil(values / 2)), 0)
    gone = min(math.floor(values * cut + 0.5), spare)
    if side == "middle":
        return low + gone // 2, high - gone // 2
    return (low, high - gone) if side == "low" else (low + gone, high)
