from __future__ import annotations

import numpy as np
import pytest

from datagen.core.stats import auc
from datagen.mining.contrast import Contrast, Judged, contrast

PEOPLE, EACH = 40, 6


def judged(rng: np.random.Generator, gap: float, person_effect: float) -> tuple[Judged, Judged]:
    """Fakes in two halves and reals of the same people, whose scores go with the person."""
    person = np.repeat(np.arange(PEOPLE), EACH)
    own = rng.normal(0, person_effect, PEOPLE)[person]
    zeros = np.zeros(len(person), np.int64)
    first = np.arange(len(person)) % 2 == 0
    fakes = own + 1 - gap * first + rng.normal(size=len(person))
    reals = own + rng.normal(size=len(person))
    return Judged(fakes, person, zeros, first), Judged(reals, person, zeros)


def test_areas_are_those_of_each_half() -> None:
    fakes, reals = judged(np.random.default_rng(1), 0.7, 0.3)
    assert fakes.first is not None
    found = contrast(fakes, reals)
    assert found.aucs[0] == pytest.approx(auc(reals.score, fakes.score[fakes.first]))
    assert found.aucs[1] == pytest.approx(auc(reals.score, fakes.score[~fakes.first]))
    assert found.fakes == (120, 120)
    assert found.people == (PEOPLE, PEOPLE)
    assert found.interval(0.95)[1] < 0


def test_strata_are_compared_within_themselves() -> None:
    """Reals that score high under one damage do not lower the AUC under another."""
    person, stratum = np.arange(40) % 20, np.repeat([0, 1], 20)
    first = np.arange(40) % 2 == 0
    fakes = Judged(np.where(stratum, 0.9, 0.3), person, stratum, first)
    reals = Judged(np.where(stratum, 0.6, 0.1), person, stratum)
    found = contrast(fakes, reals)
    assert found.aucs == (1.0, 1.0)
    assert found.error == 0


@pytest.mark.parametrize("person_effect", [0.0, 2.0])
def test_the_error_is_that_of_repeated_draws_of_people(person_effect: float) -> None:
    found: list[Contrast] = []
    for seed in range(200):
        fakes, reals = judged(np.random.default_rng(seed), 0.5, person_effect)
        found.append(contrast(fakes, reals))
    spread = np.std([one.difference for one in found])
    assert np.mean([one.error for one in found]) == pytest.approx(spread, rel=0.15)


def test_equal_halves_seldom_seem_different() -> None:
    held = 0
    for seed in range(300):
        fakes, reals = judged(np.random.default_rng(1000 + seed), 0.0, 1.0)
        low, high = contrast(fakes, reals).interval(0.95)
        held += low <= 0 <= high
    assert 0.92 <= held / 300 <= 0.98


def test_copies_of_an_image_teach_nothing() -> None:
    """Ten copies of each image are not ten images: the error stays."""
    fakes, reals = judged(np.random.default_rng(5), 0.4, 0.5)
    assert fakes.first is not None
    once = contrast(fakes, reals)
    copies = np.repeat(np.arange(len(fakes.score)), 10)
    more = fakes.at(copies)._replace(first=fakes.first[copies])
    many = contrast(more, reals.at(copies))
    assert many.error == pytest.approx(once.error)


def test_fakes_without_halves_are_refused() -> None:
    fakes, reals = judged(np.random.default_rng(0), 0.0, 0.0)
    with pytest.raises(ValueError, match="which half"):
        contrast(fakes._replace(first=None), reals)
