"""Which of two halves of the fakes a detector finds harder, with people as clusters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Contrast", "Judged", "contrast"]

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


class Judged(NamedTuple):
    """Images that a detector has judged, as arrays of one length.

    Attributes:
        score: The higher, the more it looks like a fake.
        person: Codes from 0.
        stratum: Codes; a fake is compared with the reals of its own.
        first: Which fakes belong to the first half; of reals, which serve both, ``None``.
    """

    score: Floats
    person: Whole
    stratum: Whole
    first: NDArray[np.bool_] | None = None

    def at(self, places: NDArray[Any]) -> Judged:
        """Return those at some places, or where a flag is set, without their halves."""
        return Judged(self.score[places], self.person[places], self.stratum[places])


@dataclass(frozen=True, slots=True)
class Contrast:
    """How two halves differ.

    Attributes:
        aucs: Of the first half and of the second.
        fakes: In each.
        people: In each.
        error: Standard error of the difference of the AUCs.
    """

    aucs: tuple[float, float]
    fakes: tuple[int, int]
    people: tuple[int, int]
    error: float

    @property
    def difference(self) -> float:
        """First less second: below 0, the first half is the harder one."""
        return self.aucs[0] - self.aucs[1]

    def interval(self, level: float) -> tuple[float, float]:
        """Return the interval of the difference by the t distribution."""
        from scipy.special import stdtrit

        reach = float(stdtrit(min(self.people) - 1, (1 + level) / 2)) * self.error
        return self.difference - reach, self.difference + reach


def contrast(fakes: Judged, reals: Judged) -> Contrast:
    """Compare the AUC of the first half of the fakes with that of the second.

    Nonparametric, for clustered data (Obuchowski, Biometrics 53, 1997): what each image adds to
    the difference is summed over its person first. Ties count half.

    Args:
        fakes: With ``first``; each half has some.
        reals: Some in each stratum that has fakes.
    """
    if fakes.first is None:
        raise ValueError("the fakes must say which half each belongs to")
    own = np.zeros(1 + int(max(fakes.person.max(), reals.person.max())))
    areas, counts, people = [], [], []
    for sign in (1, -1):
        half = fakes.at(fakes.first == (sign > 0))
        area, of_fakes, of_reals = _area(half, reals)
        own += sign * np.bincount(half.person, of_fakes, len(own))
        own += sign * np.bincount(reals.person, of_reals, len(own))
        areas.append(area)
        counts.append(len(half.score))
        people.append(len(np.unique(half.person)))
    least = min(people)
    spread = np.sqrt((own**2).sum() * (least / (least - 1) if least > 1 else np.inf))
    return Contrast(
        (areas[0], areas[1]), (counts[0], counts[1]), (people[0], people[1]), float(spread)
    )


def _area(fakes: Judged, reals: Judged) -> tuple[float, Floats, Floats]:
    """Return the AUC within strata, and what each fake and each real adds to it beyond its mean."""
    placed, shown = np.zeros(len(fakes.score)), np.zeros(len(reals.score))
    for stratum in np.unique(fakes.stratum):
        here, there = fakes.stratum == stratum, reals.stratum == stratum
        mine, theirs = fakes.score[here], reals.score[there]
        placed[here] = _below(mine, theirs)
        below = 1 - _below(theirs, mine)
        shown[there] = (below - below.mean()) * len(mine) / len(theirs)
    area, count = float(placed.mean()), len(fakes.score)
    return area, (placed - area) / count, shown / count


def _below(values: Floats, others: Floats) -> Floats:
    """Return for each value the share of ``others`` below it, equal ones counted half."""
    others = np.sort(others)
    both = np.searchsorted(others, values, "left") + np.searchsorted(others, values, "right")
    return np.asarray(both / (2 * len(others)), np.float64)
