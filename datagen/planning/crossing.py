"""Crossing methods with degradations, so that neither is informative about the other."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any

from datagen.core.rng import rng
from datagen.planning.quota import Quota

__all__ = ["Crossing"]

_ORDERS = 6


class Crossing:
    """Which degradation the ``n``-th pair of one method gets, and at which severity.

    In every prefix, the count of degradation ``i`` differs by less than 1 from its share of the
    method's pairs. The count of a method differs by less than 1 from its share of all pairs, so
    every cell of the table of both is within 2 of its share.

    The order within a period is drawn anew for each period: a fixed order would correlate with
    controls, which are periodic too.

    Args:
        shares: Shares of the degradations, summing to 1.
        severities: Lowest and highest severity of each degradation, or ``None``.
        key: Seed, split and method, which name the random streams.
    """

    def __init__(
        self,
        shares: Sequence[Fraction],
        severities: Sequence[tuple[int, int] | None],
        key: tuple[str | int, ...],
    ) -> None:
        self._shares = tuple(shares)
        self._severities = tuple(severities)
        self._key = key
        self._start()

    def _start(self) -> None:
        self._orders = lru_cache(maxsize=_ORDERS)(self._make_order)
        self._blocks = lru_cache(maxsize=64)(self._draw_block)
        self._shuffles = lru_cache(maxsize=64)(self._draw_shuffle)

    def __getstate__(self) -> dict[str, Any]:
        return {name: self.__dict__[name] for name in ("_shares", "_severities", "_key")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._start()

    @cached_property
    def _period(self) -> int:
        return Quota(self._shares).period

    def at(self, rank: int) -> tuple[int, int | None]:
        """Return the degradation and severity of the method's pair ``rank``, counted from 0."""
        block, place = divmod(rank, self._period)
        number, backward = self._blocks(block)
        order, quota = self._orders(number)
        # A period read backward keeps the bound: the rest of a period is what its prefix left over.
        place = self._period - 1 - place if backward else place
        dealt = quota.choice(place)
        chosen = order[dealt]
        span = self._severities[chosen]
        if span is None:
            return chosen, None
        each = int(self._shares[chosen] * self._period)
        within = each - 1 - quota.rank(place) if backward else quota.rank(place)
        low, high = span
        round_, step = divmod(block * each + within, high - low + 1)
        return chosen, low + self._shuffles(chosen, round_)[step]

    def _make_order(self, number: int) -> tuple[tuple[int, ...], Quota]:
        draw = rng(*self._key, "order", number)
        order = tuple(int(place) for place in draw.permutation(len(self._shares)))
        return order, Quota([self._shares[place] for place in order])

    def _draw_block(self, block: int) -> tuple[int, bool]:
        draw = rng(*self._key, "block", block)
        return int(draw.integers(_ORDERS)), bool(draw.integers(2))

    def _draw_shuffle(self, chosen: int, round_: int) -> tuple[int, ...]:
        span = self._severities[chosen]
        if span is None:
            return ()
        draw = rng(*self._key, "severity", chosen, round_)
        return tuple(int(step) for step in draw.permutation(span[1] - span[0] + 1))
