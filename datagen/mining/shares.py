"""Shares that lean: toward what is weak, within bounds, and summing to the same exactly."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from datagen.errors import RecipeError

__all__ = ["MAX", "MIN", "lean"]

MIN, MAX = Fraction(1, 2), Fraction(2)
"""A new share lies between these multiples of the old one."""

_FINEST = 10_000  # the largest denominator that a recipe takes
_COARSEST = 100
_UNITS = 4  # of the smallest share, so that it can be leaned at all
_HALVINGS = 80


def lean(shares: Sequence[Fraction], pull: Sequence[float | None]) -> list[Fraction]:
    """Return new shares with the old sum, as near to ``share * pull`` as the bounds allow.

    Args:
        shares: Exact.
        pull: Above 0; how much more of each is wanted, up to a common factor. ``None`` keeps a
            share as it is.

    Raises:
        RecipeError: The shares have no common denominator that a recipe takes.
    """
    free = [n for n, share in enumerate(shares) if share and pull[n] is not None]
    if not free:
        return list(shares)
    unit = _units(shares)
    old = [int(shares[n] * unit) for n in free]
    goals = _goals(old, [float(pull[n] or 0) for n in free])
    new = list(shares)
    for n, count in zip(free, _whole(old, goals), strict=True):
        new[n] = Fraction(count, unit)
    return new


def _units(shares: Sequence[Fraction]) -> int:
    """Return the denominator in which shares are counted: old ones are whole numbers of it."""
    common = math.lcm(*(share.denominator for share in shares))
    if common > _FINEST:
        raise RecipeError(
            f"shares {', '.join(map(str, shares))} have no common denominator up to {_FINEST}: "
            "use rounder ones"
        )
    least = min(share for share in shares if share)
    wanted = max(Fraction(_COARSEST), _UNITS / least)
    return common * max(1, min(math.ceil(wanted / common), _FINEST // common))


def _bounds(old: int) -> tuple[int, int]:
    return math.ceil(old * MIN), math.floor(old * MAX)


def _goals(old: Sequence[int], pull: Sequence[float]) -> list[float]:
    """Scale the pulls by one factor so that what is within bounds sums to the old sum."""

    def at(factor: float) -> list[float]:
        return [
            min(max(count * force * factor, _bounds(count)[0]), _bounds(count)[1])
            for count, force in zip(old, pull, strict=True)
        ]

    low, high = 0.0, 2 * float(MAX) / min(pull)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if sum(at(middle)) < sum(old) else (low, middle)
    return at(high)


def _whole(old: Sequence[int], goals: Sequence[float]) -> list[int]:
    """Round to whole numbers within bounds with the old sum, the largest remainders up first."""
    found = [max(math.floor(goal), _bounds(n)[0]) for goal, n in zip(goals, old, strict=True)]
    order = sorted(range(len(old)), key=lambda n: (found[n] - goals[n], n))
    while (short := sum(old) - sum(found)) != 0:
        step = 1 if short > 0 else -1
        edge = 1 if short > 0 else 0
        for n in order if short > 0 else reversed(order):
            if short and found[n] != _bounds(old[n])[edge]:
                found[n] += step
                short -= step
    return found
