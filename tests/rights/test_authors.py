from __future__ import annotations

import datetime as dt

import pytest

from datagen.errors import RightsError
from datagen.rights import (
    Purpose,
    check_rights,
    license_of,
    needs_attribution,
    stated_attribution,
)
from datagen.sources import SourceCard

SHARED = Purpose(use="research", redistribute=True)
KEPT = Purpose(use="research")


@pytest.mark.parametrize("text", [None, "", "  ", "unknown", "Unknown", "-", "?", "N/A", "(none)"])
def test_who_is_nobody(text: str | None) -> None:
    assert stated_attribution(text) == ""


def test_who_is_somebody() -> None:
    assert stated_attribution(" Jane Doe ") == "Jane Doe"
    assert stated_attribution("Unknown Pictures Ltd.") == "Unknown Pictures Ltd."


def test_which_licenses_ask_for_a_name() -> None:
    for name in ("CC-BY-4.0", "CC-BY-NC-SA-4.0", "MIT"):
        assert needs_attribution(license_of(name), SHARED)
        assert not needs_attribution(license_of(name), KEPT)
    assert not needs_attribution(license_of("CC0-1.0"), SHARED)
    assert not needs_attribution(license_of("CC0-1.0 OR CC-BY-4.0"), SHARED)


@pytest.mark.parametrize("nobody", ["", " ", "unknown", "-"])
def test_a_card_that_names_nobody_is_refused(nobody: str) -> None:
    consent = {"basis": "signed", "alteration": True, "redistribution": True, "words": "yes"}
    body = {"id": "faces", "title": "Faces", "license": "CC-BY-4.0", "layout": "folder"}
    card = SourceCard.model_validate({**body, "consent": consent, "attribution": nobody})
    day = dt.date(2026, 1, 1)
    with pytest.raises(RightsError, match="is empty or names no one"):
        check_rights([card], [], SHARED, day)
    check_rights([card], [], KEPT, day)
