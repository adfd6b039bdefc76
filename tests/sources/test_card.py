from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from datagen.errors import CardError
from datagen.sources import SOURCES, load_card
from datagen.sources.card import Consent

from .trees import CARDS, card

GOOD = """
id: mine
title: Mine
license: CC-BY-4.0
consent: {basis: signed, alteration: true, words: "may be altered", expires: 2031-12-31}
layout: folder
"""


def _refused(tmp_path: Path, text: str) -> str:
    path = tmp_path / "card.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CardError) as caught:
        load_card(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_reads_a_card_with_unknown_as_default(tmp_path: Path) -> None:
    path = tmp_path / "card.yaml"
    path.write_text(GOOD, encoding="utf-8")
    loaded = load_card(path)
    assert loaded.consent.alteration is True
    assert loaded.consent.commercial == "unknown"
    assert loaded.consent.redistribution == "unknown"
    assert loaded.consent.adults_only == "unknown"
    assert str(loaded.consent.expires) == "2031-12-31"
    assert (loaded.identity, loaded.faces) == ("known", "largest")


def test_unknown_key_is_refused_with_the_near_one(tmp_path: Path) -> None:
    message = _refused(tmp_path, GOOD.replace("alteration", "alterations"))
    assert "consent.alterations: unknown key. Did you mean 'alteration'?" in message


def test_missing_key_is_named(tmp_path: Path) -> None:
    assert "license: missing" in _refused(tmp_path, GOOD.replace("license: CC-BY-4.0\n", ""))


@pytest.mark.parametrize("basis", ["guessed", "none", "''"])
def test_basis_is_one_of_the_listed(tmp_path: Path, basis: str) -> None:
    assert "consent.basis" in _refused(tmp_path, GOOD.replace("signed", basis))


def test_a_date_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    assert "not valid YAML" in _refused(tmp_path, GOOD.replace("2031-12-31", "2031-02-30"))


@pytest.mark.parametrize("clause", ["alteration", "commercial", "redistribution"])
def test_a_permission_needs_words_or_grounds(clause: str) -> None:
    with pytest.raises(ValueError, match="needs 'words'"):
        Consent.model_validate({"basis": "signed", clause: True, "words": "  "})
    for reason in ("words", "grounds"):
        given = Consent.model_validate({"basis": "signed", clause: True, reason: "agreed"})
        assert getattr(given, clause) is True


def test_a_no_needs_no_words() -> None:
    assert Consent(basis="signed", commercial=False).words == ""


@pytest.mark.parametrize("name", ["London", "../x", "", "a b", "é"])
def test_id_is_plain(name: str) -> None:
    with pytest.raises(ValueError, match="id"):
        card("folder", id=name)


def test_digest_follows_the_content() -> None:
    assert card("folder").digest() == card("folder").digest()
    assert card("folder").digest() != card("folder", title="Other").digest()
    assert len(card("folder").digest()) == 64


def test_the_cards_that_ship_load_and_name_a_layout() -> None:
    names = sorted(path.stem for path in CARDS.glob("*.yaml"))
    assert {"celeba", "faceforensics", "ffhq", "london"} <= set(names)
    for name in names:
        loaded = load_card(CARDS / f"{name}.yaml")
        assert loaded.id == name
        assert SOURCES.load(loaded.layout).layout == loaded.layout


def test_london_ships_as_its_consent_says() -> None:
    loaded = load_card(CARDS / "london.yaml")
    consent = loaded.consent
    assert (loaded.license, consent.basis) == ("CC-BY-4.0", "signed")
    assert "in their original or altered forms" in consent.words
    assert (consent.alteration, consent.adults_only) == (True, True)
    assert (consent.commercial, consent.redistribution) == (False, False)
    assert "10.6084/m9.figshare.5047666.v5" in loaded.attribution


@pytest.mark.parametrize("name", ["celeba", "faceforensics", "ffhq"])
def test_scraped_sets_ship_with_unknown_consent(name: str) -> None:
    consent = load_card(CARDS / f"{name}.yaml").consent
    assert consent.basis == "unknown"
    assert {consent.alteration, consent.commercial, consent.redistribution} == {"unknown"}
    assert consent.adults_only is not True


def test_a_permission_is_no_text(tmp_path: Path) -> None:
    said = _refused(tmp_path, GOOD.replace("alteration: true", "alteration: 'true'"))
    assert "consent.alteration" in said


@pytest.mark.parametrize("text", ['"MIT\\n"', '"MIT\\u202e"', '"MIT\\r\\n## Owner"'])
def test_a_license_stands_on_one_line(tmp_path: Path, text: str) -> None:
    said = _refused(tmp_path, GOOD.replace("CC-BY-4.0", text))
    assert "license: must be one line of visible characters" in said


def test_an_id_is_short(tmp_path: Path) -> None:
    assert "id" in _refused(tmp_path, GOOD.replace("id: mine", f"id: {'m' * 65}"))


def test_a_card_without_the_clause_of_analysis_keeps_its_digest() -> None:
    plain = {"basis": "signed", "alteration": True, "words": "may be altered"}
    assert card("folder").digest() == card("folder", consent={**plain, "analysis": None}).digest()
    assert card("folder").digest() != card("folder", consent={**plain, "analysis": True}).digest()
    assert card("folder").digest().startswith("912b749fd89e3bf6")


def test_analysis_needs_grounds_and_follows_from_alteration() -> None:
    with pytest.raises(ValidationError, match="needs 'words'"):
        card("folder", consent={"basis": "signed", "analysis": True})
    for stated in (False, "unknown"):
        with pytest.raises(ValidationError, match="alteration is true, and analysis is not"):
            card(
                "folder",
                consent={"basis": "signed", "alteration": True, "analysis": stated, "words": "x"},
            )
