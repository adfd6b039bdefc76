from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from datagen.errors import CardError, RightsError
from datagen.rights import Decision, Purpose, Terms, check_rights, license_of, source_terms, today
from datagen.rights.gate import decide_source, decide_weights
from datagen.sources import SourceCard, load_card
from datagen.weights.card import WeightCard
from tests.sources.trees import CARDS, card

DAY = dt.date(2026, 6, 1)
RESEARCH = Purpose(use="research")
SHARED = Purpose(use="research", redistribute=True)
COMMERCIAL = Purpose(use="commercial")
USES = [RESEARCH, SHARED, COMMERCIAL, Purpose(use="commercial", redistribute=True)]


def made(license: str = "CC0-1.0", **consent: Any) -> SourceCard:
    plain: dict[str, Any] = {
        "basis": "signed",
        "alteration": True,
        "commercial": True,
        "redistribution": True,
        "words": "do as you like",
    }
    return card("folder", license=license, attribution="A. N.", consent={**plain, **consent})


def weights(license: str, name: str = "net") -> WeightCard:
    return WeightCard(id=name, title="A net", file="net.onnx", license=license)


def reasons(of: SourceCard, use: Purpose, day: dt.date = DAY) -> tuple[str, ...]:
    return decide_source(of, use, day).reasons


@pytest.mark.parametrize("use", USES)
def test_a_free_card_is_covered_for_every_use(use: Purpose) -> None:
    (decision,) = check_rights([made()], [], use, DAY)
    assert decision == Decision("source 'faces'", "Faces", "CC0-1.0", ())
    assert decision.covered


@pytest.mark.parametrize(
    ("license", "use", "wanted"),
    [
        ("CC-BY-NC-4.0", SHARED, ()),
        ("CC-BY-NC-4.0", COMMERCIAL, ("license CC-BY-NC-4.0 does not permit commercial use",)),
        ("CC-BY-ND-4.0", COMMERCIAL, ()),
        ("CC-BY-ND-4.0", SHARED, ("license CC-BY-ND-4.0 does not permit redistributing altered",)),
        ("unknown", RESEARCH, ("license unknown is not known to permit research use",)),
        (
            "GPL-3.0-only",
            SHARED,
            (
                "license GPL-3.0-only is not known to permit research use",
                "license GPL-3.0-only is not known to permit redistributing altered copies",
            ),
        ),
    ],
)
def test_a_license_that_does_not_cover_the_use(
    license: str, use: Purpose, wanted: tuple[str, ...]
) -> None:
    found = reasons(made(license), use)
    assert len(found) == len(wanted)
    for text, start in zip(found, wanted, strict=True):
        assert text.startswith(start)


def test_passing_on_needs_a_name_where_the_license_asks_for_one() -> None:
    nameless = made("CC-BY-4.0").model_copy(update={"attribution": " "})
    assert reasons(nameless, Purpose(use="research")) == ()
    (found,) = reasons(nameless, Purpose(use="research", redistribute=True))
    assert "the card's 'attribution' is empty" in found
    assert (
        reasons(
            nameless.model_copy(update={"license": "CC0-1.0"}),
            Purpose(use="research", redistribute=True),
        )
        == ()
    )


def test_a_license_that_is_not_known_names_the_near_ones() -> None:
    (found,) = reasons(made("CC-BY-4"), Purpose(use="research"))
    assert "Did you mean 'CC-BY-4.0'" in found


@pytest.mark.parametrize("stated", [False, "unknown"])
@pytest.mark.parametrize(
    ("clause", "uses"),
    [
        ("alteration", USES),
        ("commercial", [USES[2], USES[3]]),
        ("redistribution", [USES[1], USES[3]]),
    ],
)
def test_a_consent_that_does_not_cover_the_use(
    clause: str, uses: list[Purpose], stated: bool | str
) -> None:
    consent: dict[str, Any] = {clause: stated}
    of = made(**consent)
    word = "unknown" if stated == "unknown" else "false"
    for use in USES:
        wanted = (f"consent.{clause} is {word} (consent statement: 'do as you like')",)
        assert reasons(of, use) == (wanted if use in uses else ())


def test_an_unknown_basis_is_refused_for_research_too() -> None:
    assert reasons(made(basis="unknown"), RESEARCH) == ("consent.basis is unknown",)


def test_platform_terms_need_grounds() -> None:
    (text,) = reasons(made(basis="platform_terms", grounds=" "), RESEARCH)
    assert text.startswith("consent.basis is platform_terms, which needs 'grounds'")
    assert reasons(made(basis="platform_terms", grounds="Our lawyers, 2026-01-01"), RESEARCH) == ()


def test_a_consent_holds_to_the_end_of_its_last_day() -> None:
    of = made(expires=DAY)
    assert reasons(of, RESEARCH, DAY) == ()
    after = DAY + dt.timedelta(days=1)
    assert reasons(of, RESEARCH, after) == ("consent expired on 2026-06-01",)


def test_today_is_a_date_in_utc() -> None:
    before = dt.datetime.now(dt.UTC).date()
    assert before <= today() <= dt.datetime.now(dt.UTC).date()


def test_the_london_set_is_for_research_and_for_nothing_else() -> None:
    london = load_card(CARDS / "london.yaml")
    assert check_rights([london], [], RESEARCH, DAY)[0].covered
    for use, clause in ((COMMERCIAL, "commercial"), (SHARED, "redistribution")):
        with pytest.raises(RightsError) as caught:
            check_rights([london], [], use, DAY)
        text = str(caught.value)
        assert "source 'london' (Face Research Lab London Set)" in text
        assert (
            f"consent.{clause} is false (consent statement: 'used in lab-based and web-based"
            in text
        )
        assert "license" not in text.split("\n")[1]


@pytest.mark.parametrize("name", ["ffhq", "celeba", "faceforensics"])
def test_sets_without_consent_are_refused_until_the_user_states_grounds(name: str) -> None:
    with pytest.raises(RightsError, match=f"source '{name}'.*consent"):
        check_rights([load_card(CARDS / f"{name}.yaml")], [], RESEARCH, DAY)


def test_every_source_and_clause_is_named_at_once() -> None:
    first = made("CC-BY-NC-ND-4.0", commercial=False, redistribution=False, expires=DAY)
    second = card(
        "folder", id="other", title="Others", license="unknown", consent={"basis": "unknown"}
    )
    use = Purpose(use="commercial", redistribute=True)
    with pytest.raises(RightsError) as caught:
        check_rights([first, second], [weights("unknown")], use, DAY + dt.timedelta(days=1))
    head, *lines = str(caught.value).split("\n")
    assert head == "the purpose (use: commercial, redistribute: true) is not covered:"
    words = "(consent statement: 'do as you like')"
    assert lines[:-1] == [
        "  - source 'faces' (Faces): license CC-BY-NC-ND-4.0 does not permit commercial use",
        "  - source 'faces' (Faces): license CC-BY-NC-ND-4.0 does not permit redistributing "
        "altered copies",
        f"  - source 'faces' (Faces): consent.commercial is false {words}",
        f"  - source 'faces' (Faces): consent.redistribution is false {words}",
        "  - source 'faces' (Faces): consent expired on 2026-06-01",
        "  - source 'other' (Others): license unknown is not known to permit commercial use",
        "  - source 'other' (Others): license unknown is not known to permit redistributing "
        "altered copies",
        "  - source 'other' (Others): consent.basis is unknown",
        "  - source 'other' (Others): consent.alteration is unknown",
        "  - source 'other' (Others): consent.commercial is unknown",
        "  - source 'other' (Others): consent.redistribution is unknown",
        "  - weights 'net' (A net): license unknown is not known to permit commercial use",
        "  - weights 'net' (A net): license unknown is not known to permit redistributing "
        "altered copies",
    ]
    assert "state the terms and their grounds" in lines[-1]


def test_weights_count_too() -> None:
    nc = weights("LicenseRef-InsightFace-NC")
    assert decide_weights(nc, RESEARCH, DAY).covered
    assert decide_weights(nc, COMMERCIAL, DAY).reasons == (
        "license LicenseRef-InsightFace-NC does not permit commercial use",
    )
    with pytest.raises(RightsError, match=r"weights 'net' \(A net\): license"):
        check_rights([made()], [nc], COMMERCIAL, DAY)
    decisions = check_rights([made()], [weights("Apache-2.0")], COMMERCIAL, DAY)
    assert [decision.subject for decision in decisions] == ["source 'faces'", "weights 'net'"]


def test_a_license_that_is_no_expression_is_the_cards_fault() -> None:
    with pytest.raises(CardError, match="is not an SPDX expression"):
        check_rights([made("CC-BY/4.0")], [], RESEARCH, DAY)


@pytest.mark.parametrize("use", USES)
def test_the_use_is_covered_by_a_yes_alone(use: Purpose) -> None:
    assert use.covered_by(Terms(True, True, True, ()))
    assert not use.covered_by(Terms(None, None, True, ()))
    assert not use.covered_by(Terms(False, False, True, ()))
    assert use.covered_by(Terms(True, True, None, ())) == (not use.redistribute)
    assert use.covered_by(license_of("CC-BY-NC-4.0")) == (not use.commercial)


def test_the_terms_of_an_image_are_its_license_and_the_cards_consent() -> None:
    of = made("CC-BY-4.0", redistribution="unknown")
    of = of.model_copy(update={"attribution": " The set "})
    found = source_terms(of, None, None, Purpose(use="research"))
    assert found == Terms(True, True, None, ("CC-BY-4.0",), ("The set",))
    own = source_terms(of, "CC-BY-NC-SA-2.0", "Jane Doe", Purpose(use="research"))
    assert own == Terms(
        True,
        False,
        None,
        ("CC-BY-NC-SA-2.0",),
        ("The set", "Jane Doe"),
        frozenset({"CC-BY-NC-SA-2.0"}),
    )


@pytest.mark.parametrize(("stated", "answer"), [(False, False), ("unknown", None)])
def test_without_alteration_nothing_is_permitted(stated: bool | str, answer: bool | None) -> None:
    found = source_terms(made(alteration=stated), None, None, Purpose(use="research"))
    assert (found.research, found.commercial, found.redistribute) == (answer, answer, answer)
    assert found.purposes() == []


def analyzed(of: SourceCard, use: Purpose = RESEARCH) -> tuple[str, ...]:
    return decide_source(of, use, DAY, analysis=True).reasons


def test_finding_faces_needs_a_permission_of_its_own_or_that_to_alter_them() -> None:
    said = {"grounds": "the list of the corpus", "words": "", "commercial": "unknown"}
    seen = made(basis="unknown", alteration="unknown", analysis=True, **said)
    assert analyzed(seen) == ()
    assert analyzed(seen, SHARED) == ()
    assert analyzed(seen, COMMERCIAL) == ("consent.commercial is unknown",)
    assert reasons(seen, RESEARCH) == ("consent.basis is unknown", "consent.alteration is unknown")
    assert analyzed(made()) == ()
    assert analyzed(made(alteration="unknown"))[0].startswith("consent.alteration is unknown")
    for stated, shown in ((False, "false"), ("unknown", "unknown")):
        refused = made(alteration="unknown", analysis=stated, words="no")
        assert analyzed(refused) == (f"consent.analysis is {shown} (consent statement: 'no')",)


def test_finding_faces_asks_license_and_expiry_too() -> None:
    seen: dict[str, Any] = {"alteration": "unknown", "analysis": True, "grounds": "stated"}
    assert analyzed(made("unknown", **seen)) == (
        "license unknown is not known to permit research use",
    )
    late = made(expires=dt.date(2026, 5, 31), **seen)
    assert analyzed(late) == ("consent expired on 2026-05-31",)
    with pytest.raises(RightsError, match="consent expired"):
        check_rights([late], [], RESEARCH, DAY, analysis=True)
