"""New shares for a recipe: reweighted within bounds, with exactly the same sum."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from datagen.errors import RecipeError

__all__ = ["MAX_FACTOR", "MIN_FACTOR", "reweight"]

MIN_FACTOR, MAX_FACTOR = Fraction(1, 2), Fraction(2)
"""A new share is between these multiples of the old one."""

_MAX_DENOMINATOR = 10_000  # the largest that a recipe accepts
_MIN_DENOMINATOR = 100
_MIN_UNITS = 4  # in the smallest share, so that it can change at all
_BISECTIONS = 80


def reweight(shares: Sequence[Fraction], weights: Sequence[float | None]) -> list[Fraction]:
    """Return new shares with the old sum, as close to ``share * weight`` as the bounds allow.

    Args:
        shares: The old shares.
        weights: A positive weight for each share, up to a common factor; ``None`` keeps the share.

    Raises:
        RecipeError: The shares have no common denominator that a recipe accepts.
    """
    free = [n for n, share in enumerate(shares) if share and weights[n] is not None]
    if not free:
        return list(shares)
    denominator = _denominator(shares)
    old = [int(shares[n] * denominator) for n in free]
    goals = _goals(old, [float(weights[n] or 0) for n in free])
    new = list(shares)
    for n, count in zip(free, _rounded(old, goals), strict=True):
        new[n] = Fraction(count, denominator)
    return new


def _denominator(shares: Sequence[Fraction]) -> int:
    """Return a common denominator of the shares that is fine enough to change them."""
    common = math.lcm(*(share.denominator for share in shares))
    if common > _MAX_DENOMINATOR:
        raise RecipeError(
            f"the shares {', '.join(map(str, shares))} have no common denominator up to "
            f"{_MAX_DENOMINATOR}: use rounder ones"
        )
    smallest = min(share for share in shares if share)
    wanted = max(Fraction(_MIN_DENOMINATOR), _MIN_UNITS / smallest)
    return common * max(1, min(math.ceil(wanted / common), _MAX_DENOMINATOR // common))


def _bounds(old: int) -> tuple[int, int]:
    return math.ceil(old * MIN_FACTOR), math.floor(old * MAX_FACTOR)


def _goals(old: Sequence[int], weights: Sequence[float]) -> list[float]:
    """Scale the weights by one factor so that the bounded products have the old sum."""

    def at(factor: float) -> list[float]:
        return [
            min(max(count * weight * factor, _bounds(count)[0]), _bounds(count)[1])
            for count, weight in zip(old, weights, strict=True)
        ]

    low, high = 0.0, 2 * float(MAX_FACTOR) / min(weights)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if sum(at(middle)) < sum(old) else (low, middle)
    return at(high)


def _rounded(old: Sequence[int], goals: Sequence[float]) -> list[int]:
    """Round to whole numbers within bounds with the old sum, the largest remainders up first."""
    found = [max(math.floor(goal), _bounds(n)[0]) for goal, n in zip(goals, old, strict=True)]
    order = sorted(range(len(old)), key=lambda n: (found[n] - goals[n], n))
    while (missing := sum(old) - sum(found)) != 0:
        step, bound = (1, 1) if missing > 0 else (-1, 0)
        for n in order if missing > 0 else reversed(order):
            if missing and found[n] != _bounds(old[n])[bound]:
                found[n] += step
                missing -= step
    return found
