from __future__ import annotations

import math

import pytest

from datagen.rights.adults import ADULT_AGE, is_adult, refuse_age
from datagen.sources.card import SourceCard, Stated


def card(adults_only: Stated) -> SourceCard:
    consent = {"basis": "unknown", "adults_only": adults_only}
    return SourceCard.model_validate(
        {"id": "faces", "title": "Faces", "license": "MIT", "consent": consent, "layout": "folder"}
    )


@pytest.mark.parametrize(
    ("years", "adult"), [(ADULT_AGE, True), (17.99, False), (100, True), (math.nan, False)]
)
def test_an_adult_is_18_or_older(years: float, adult: bool) -> None:
    assert is_adult(years) is adult


@pytest.mark.parametrize("adults_only", [True, False, "unknown"])
def test_a_stated_age_decides_whatever_the_card_says(adults_only: Stated) -> None:
    assert refuse_age(card(adults_only), 17.5) == ("under_age", "17.5 years")
    assert refuse_age(card(adults_only), 18.0) is None


def test_without_an_age_the_card_must_say_adults_only() -> None:
    assert refuse_age(card(True), None) is None
    assert refuse_age(card(False), None) == ("age_unknown", "")
    assert refuse_age(card("unknown"), None) == ("age_unknown", "")
