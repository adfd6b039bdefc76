"""Which pairs of a release a report shows, and in which order."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd

__all__ = ["DEGRADED", "STRONGEST", "WEAKEST", "choose", "evenly", "shares"]

WEAKEST, STRONGEST, DEGRADED = "weakest", "strongest", "most degraded"
"""Why a pair comes first; the others are spread over the release."""

_EXTREME_EVERY = 6  # one in this many of a method's pairs is the weakest, and so on
# One in this many of a method's other pairs is chosen among those with a control.
_CONTROL_EVERY = 3


def choose(fakes: pd.DataFrame, count: int, with_control: Collection[str]) -> dict[str, str]:
    """Return the ids of the pairs to show, in their order, with why a pair comes first.

    The pairs whose change is the least visible come first, then those with the greatest, then
    those that a degradation changed most, then the rest: each method has its share of all.

    Args:
        fakes: Rows of the fakes with ``pair_id``, ``method``, ``change_released`` and ``psnr``, in
            the order of the release.
        count: Most pairs to choose.
        with_control: Ids of the pairs that have a control.
    """
    sizes = fakes["method"].value_counts().sort_index()
    chosen: list[tuple[int, int, str, str]] = []
    for method, share in shares({str(name): int(n) for name, n in sizes.items()}, count).items():
        rows = fakes[fakes["method"] == method]
        picked = _of_method(rows, share, with_control)
        order = {reason: number for number, reason in enumerate((WEAKEST, STRONGEST, DEGRADED, ""))}
        ranks: dict[str, int] = {}
        for pair_id, reason in picked.items():
            ranks[reason] = ranks.get(reason, -1) + 1
            chosen.append((order[reason], ranks[reason], pair_id, reason))
    chosen.sort(key=lambda one: one[:2])
    return {pair_id: reason for _, _, pair_id, reason in chosen}


def shares(sizes: Mapping[str, int], count: int) -> dict[str, int]:
    """Divide a number evenly, where none can take more than it has.

    Args:
        sizes: How many each has.
        count: How many are wanted of all together.
    """
    found = dict.fromkeys(sizes, 0)
    left = min(count, sum(sizes.values()))
    while left:
        open_ = [name for name in sizes if found[name] < sizes[name]]
        each, more = divmod(left, len(open_))
        for number, name in enumerate(open_):
            given = min(each + (number < more), sizes[name] - found[name])
            found[name] += given
            left -= given
    return found


def evenly(rows: pd.DataFrame, count: int) -> pd.DataFrame:
    """Return rows spread over a table, the first and the last among them."""
    positions = np.unique(np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int))
    return rows.iloc[positions]


def _of_method(rows: pd.DataFrame, share: int, with_control: Collection[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    extremes = share // _EXTREME_EVERY or (1 if share > 3 else 0)
    known = rows[rows["change_released"].notna()]
    ranked = known.sort_values("change_released", kind="stable")
    degraded = rows[rows["psnr"].notna()].sort_values("psnr", kind="stable")
    for reason, order in (
        (WEAKEST, ranked),
        (STRONGEST, ranked.iloc[::-1]),
        (DEGRADED, degraded),
    ):
        fresh = [str(name) for name in order["pair_id"] if str(name) not in found]
        found |= dict.fromkeys(fresh[:extremes], reason)
    rest = rows[~rows["pair_id"].isin(list(found))]
    left = share - len(found)
    controlled = rest[rest["pair_id"].isin(list(with_control))]
    some = evenly(controlled, min(left, max(1, left // _CONTROL_EVERY)))
    others = evenly(rest.drop(some.index), left - len(some))
    names = pd.concat([some, others]).sort_index()["pair_id"]
    return found | dict.fromkeys(map(str, names), "")
