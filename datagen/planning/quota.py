"""Assigning positions to shares: exact in every prefix, in constant time at any position."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from datagen.errors import RecipeError

__all__ = ["Quota", "largest_remainders"]

_MAX_PERIOD = 100_000


class Quota:
    """An endless periodic sequence of choices.

    In every prefix of ``n`` positions, the count of choice ``i`` differs by less than 1 from
    ``n * share[i]``. The sequence is the earliest-deadline-first schedule of the windows
    ``floor(j / share)`` to ``ceil((j + 1) / share)``, which always exists (Baruah, Cohen, Plaxton,
    Varvel 1996).

    Args:
        shares: Exact shares that sum to 1; a share of 0 is never chosen.
    """

    def __init__(self, shares: Sequence[Fraction]) -> None:
        if sum(shares, Fraction(0)) != 1:
            raise ValueError("shares must sum to 1")
        self.shares = tuple(shares)
        self.period = math.lcm(*(share.denominator for share in shares))
        if self.period > _MAX_PERIOD:
            raise RecipeError(
                f"shares {', '.join(map(str, shares))} have no common denominator up to "
                f"{_MAX_PERIOD:,}: use simpler fractions"
            )

    @cached_property
    def _table(self) -> NDArray[np.int32]:
        counts = [0] * len(self.shares)
        table = np.empty(self.period, np.int32)
        for position in range(self.period):
            table[position] = chosen = self._earliest(counts, position)
            counts[chosen] += 1
        return table

    def _earliest(self, counts: list[int], position: int) -> int:
        best, best_deadline = -1, Fraction(0)
        for choice, share in enumerate(self.shares):
            if share == 0 or counts[choice] >= share * (position + 1):
                continue
            deadline = -(-(counts[choice] + 1) // share)
            if best < 0 or deadline < best_deadline:
                best, best_deadline = choice, Fraction(deadline)
        return best

    @cached_property
    def _ranks(self) -> NDArray[np.int32]:
        ranks = np.empty(self.period, np.int32)
        for choice in range(len(self.shares)):
            places = np.flatnonzero(self._table == choice)
            ranks[places] = np.arange(len(places))
        return ranks

    def choice(self, position: int) -> int:
        """Return the choice at ``position``, counted from 0."""
        return int(self._table[position % self.period])

    def rank(self, position: int) -> int:
        """Return the number of earlier positions with the same choice as this one."""
        whole, rest = divmod(position, self.period)
        per_period = self.shares[self.choice(position)] * self.period
        return whole * int(per_period) + int(self._ranks[rest])

    def counts(self, positions: int) -> list[int]:
        """Return the number of each choice in the first ``positions``."""
        whole, rest = divmod(positions, self.period)
        in_rest = np.bincount(self._table[:rest], minlength=len(self.shares))
        return [
            whole * int(share * self.period) + int(count)
            for share, count in zip(self.shares, in_rest, strict=True)
        ]


def largest_remainders(
    total: int, shares: Sequence[Fraction], carried: Sequence[Fraction] | None = None
) -> list[int]:
    """Divide ``total`` among ``shares`` by largest remainders; ties go to the earlier share.

    Args:
        total: Number of things to divide.
        shares: Shares that sum to 1.
        carried: What each share is still owed from earlier divisions.
    """
    owed = [total * share for share in shares]
    if carried is not None:
        owed = [amount + rest for amount, rest in zip(owed, carried, strict=True)]
    counts = [max(0, math.floor(amount)) for amount in owed]
    while sum(counts) < total:
        gaps = [amount - have for amount, have in zip(owed, counts, strict=True)]
        counts[gaps.index(max(gaps))] += 1
    while sum(counts) > total:  # only where a negative debt was clipped to 0
        gaps = [
            amount - have if have else Fraction(total + 1)
            for amount, have in zip(owed, counts, strict=True)
        ]
        counts[gaps.index(min(gaps))] -= 1
    return counts
