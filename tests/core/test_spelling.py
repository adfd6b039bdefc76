from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datagen.core.spelling import folded, spelling


@pytest.mark.parametrize(
    "name",
    [
        *("José", "Jose\u0301", "José ", " José", "José\u00a0", "José\u200b", "\ufeffJosé"),
        *("Jo\u00adsé", "José\t"),
    ],
)
def test_spellings_of_one_name(name: str) -> None:
    assert spelling(name) == "José"


@pytest.mark.parametrize(("one", "other"), [("José", "Jose"), ("anna", "Anna"), ("01", "1")])
def test_other_names(one: str, other: str) -> None:
    assert spelling(one) != spelling(other)


def test_runs_of_blanks_are_one() -> None:
    assert spelling("Anna  Maria") == spelling("Anna\u2003Maria") == "Anna Maria"


@given(st.text())
def test_it_is_a_form_and_folding_is_coarser(name: str) -> None:
    assert spelling(spelling(name)) == spelling(name)
    for form in ("NFC", "NFD"):
        assert spelling(unicodedata.normalize(form, name)) == spelling(name)
    assert folded(spelling(name)) == folded(name)
    assert folded(f" {name} ") == folded(name)
