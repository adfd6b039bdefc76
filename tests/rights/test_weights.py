from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from datagen.errors import RightsError
from datagen.rights import Purpose, Terms, check_rights, combine, weight_terms
from datagen.rights.attribution import attribution_document
from datagen.rights.gate import decide_weights
from datagen.weights import WeightCard
from tests.support.onnx_pack import build_pack

DAY = dt.date(2026, 6, 1)
RESEARCH = Purpose(use="research")
COMMERCIAL = Purpose(use="commercial")
SHARED = Purpose(use="research", redistribute=True)
GROUNDS = "Our lawyers, 2026-01-01:\n  'you may sell what it makes'"


def card(license: str = "unknown", **changes: Any) -> WeightCard:
    plain = {"id": "net", "title": "A net", "file": "net.onnx", "license": license}
    return WeightCard.model_validate(plain | changes)


def permits(**stated: Any) -> dict[str, Any]:
    return {"research": True, "grounds": GROUNDS, **stated}


def test_the_terms_of_weights_are_those_of_their_license() -> None:
    found = weight_terms(card("CC-BY-NC-SA-4.0"), RESEARCH)
    alike = frozenset({"CC-BY-NC-SA-4.0"})
    assert found == Terms(True, False, True, ("CC-BY-NC-SA-4.0",), ("A net",), alike)
    free = weight_terms(card("CC0-1.0"), RESEARCH)
    assert free == Terms(True, True, True, ("CC0-1.0",))


def test_of_alternatives_the_one_that_fits_the_use_is_taken() -> None:
    either = card("CC-BY-NC-4.0 OR CC-BY-ND-4.0")
    assert weight_terms(either, COMMERCIAL).licenses == ("CC-BY-ND-4.0",)
    assert weight_terms(either, SHARED).licenses == ("CC-BY-NC-4.0",)


@pytest.mark.parametrize("use", [RESEARCH, COMMERCIAL, SHARED])
def test_unknown_refuses_every_purpose(use: Purpose) -> None:
    assert weight_terms(card(), use).purposes() == []
    (first, *_) = decide_weights(card(), use, DAY).reasons
    assert first.startswith("license unknown is not known to permit")


def test_what_the_user_states_goes_before_the_license() -> None:
    stated = card(permits=permits(commercial=True))
    assert weight_terms(stated, RESEARCH).purposes() == ["research", "commercial"]
    decision = decide_weights(stated, COMMERCIAL, DAY)
    assert decision.covered
    assert decision.license == "unknown"
    (reason,) = decide_weights(stated, SHARED, DAY).reasons
    assert reason.startswith(
        "the stated terms do not permit redistributing altered copies (stated by "
        "the user of the weights: Our lawyers, 2026-01-01"
    )


def test_what_the_user_states_may_be_stricter_than_the_license() -> None:
    strict = card("MIT", permits=permits(research=False))
    assert weight_terms(strict, RESEARCH).purposes() == []
    assert "do not permit research use" in decide_weights(strict, RESEARCH, DAY).reasons[0]


def test_an_image_is_under_the_terms_of_face_and_network() -> None:
    face = Terms(True, True, True, ("CC-BY-4.0",), ("Faces",))
    both = combine([face, weight_terms(card("LicenseRef-InsightFace-NC"), RESEARCH)])
    assert both.purposes() == ["research"]
    assert both.licenses == ("CC-BY-4.0", "LicenseRef-InsightFace-NC")
    assert both.attribution == ("Faces", "A net")


def test_grounds_are_quoted_in_the_attribution() -> None:
    stated = card(permits=permits(commercial=True), citation="Roe, 2024")
    decisions = check_rights([], [stated], COMMERCIAL, DAY)
    lines = attribution_document([], [stated], decisions, "commercial use").decode().splitlines()
    assert lines[-4:] == [
        "- License: unknown",
        "- Terms that replace the license: research yes, commercial yes, redistribution no",
        "- Grounds: stated by the user of the weights: Our lawyers, 2026-01-01: 'you may sell what "
        "it makes'",
        "- Citation: Roe, 2024",
    ]


class TestPacks:
    """A pack's own license file, signed by a key that the library trusts here."""

    @pytest.fixture
    def pack(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        pytest.importorskip("insightface")
        from insightface.model_zoo import model_license

        from tests.rights.signing import write_trusted_keys

        write_trusted_keys(tmp_path / "library")
        monkeypatch.setattr(model_license.resources, "files", lambda package: tmp_path / "library")
        monkeypatch.setenv("DATAGEN_WEIGHTS", str(tmp_path))
        return build_pack(tmp_path / "models" / "buffalo_l")

    @staticmethod
    def _card(**changes: Any) -> WeightCard:
        return card("LicenseRef-InsightFace-NC", form="insightface", file="buffalo_l", **changes)

    def test_without_a_license_file_the_public_terms_hold(self, pack: Path) -> None:
        assert decide_weights(self._card(), RESEARCH, DAY).covered
        assert decide_weights(self._card(), COMMERCIAL, DAY).reasons == (
            "license LicenseRef-InsightFace-NC does not permit commercial use",
        )

    def test_a_bought_license_is_honored_and_recorded(self, pack: Path) -> None:
        from tests.rights.signing import sign

        sign(pack)
        decisions = check_rights([], [self._card()], COMMERCIAL, DAY)
        words = "license file T-1, verified by insightface: commercial use of buffalo_l by"
        assert decisions[0].grounds.startswith(words)
        assert weight_terms(self._card(), COMMERCIAL).purposes() == ["research", "commercial"]
        text = attribution_document([], [self._card()], decisions, "commercial use").decode()
        assert f"- Grounds: {words} Detectors Ltd" in text
        with pytest.raises(
            RightsError, match="are not known to permit redistributing altered copies"
        ):
            check_rights([], [self._card()], Purpose(use="commercial", redistribute=True), DAY)

    def test_what_the_user_states_goes_before_the_license_file(self, pack: Path) -> None:
        from tests.rights.signing import sign

        sign(pack)
        stated = self._card(permits=permits(commercial=True, redistribute=True))
        assert decide_weights(stated, Purpose(use="commercial", redistribute=True), DAY).covered

    @pytest.mark.parametrize("stated", [None, permits(commercial=True)])
    def test_an_expired_license_refuses_every_purpose_and_says_why(
        self, pack: Path, stated: dict[str, Any] | None
    ) -> None:
        from tests.rights.signing import sign

        sign(pack, valid_until="2025-06-01T00:00:00Z")
        with pytest.raises(RightsError) as caught:
            check_rights([], [self._card(permits=stated)], RESEARCH, DAY)
        for part in (str(pack), "is invalid", "expired at 2025-06-01"):
            assert part in str(caught.value)
        assert weight_terms(self._card(), RESEARCH).purposes() == []
