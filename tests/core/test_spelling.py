from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datagen.core.spelling import folded, latin, spelling


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


@pytest.mark.parametrize(
    "name",
    [
        *("age", "AGE", "\u0430ge", "\u0410GE", "\u00e2ge", "\uff41ge", "a\u034fge", "a\u3164ge"),
        *("\u0251\u0261\u0435", "\u13aa\u13c0\u13ac", "\U0001d41a\U0001d420\U0001d41e", "\u03b1ge"),
    ],
)
def test_names_that_look_alike(name: str) -> None:
    assert latin(name) == "age"


def test_other_letters_stay() -> None:
    assert latin("Gr\u00f6\u00dfe 12 \u5e74") == "grosse 12 \u5e74"


@given(st.text())
def test_no_name_is_too_odd(name: str) -> None:
    assert latin(spelling(name)) == latin(name)
    assert latin(name) == folded(name) or not name.isascii()
