from __future__ import annotations

import contextlib
import itertools
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datagen.errors import CardError
from datagen.rights import Terms, combine, license_of
from datagen.rights.terms import Answer


@pytest.mark.parametrize(
    ("license", "answers", "attribution", "share_alike"),
    [
        ("CC0-1.0", (True, True, True), False, False),
        ("LicenseRef-PDM", (True, True, True), False, False),
        ("LicenseRef-US-Gov", (True, True, True), False, False),
        ("MIT", (True, True, True), True, False),
        ("Apache-2.0", (True, True, True), True, False),
        ("BSD-2-Clause", (True, True, True), True, False),
        ("BSD-3-Clause", (True, True, True), True, False),
        ("CC-BY-4.0", (True, True, True), True, False),
        ("CC-BY-2.0", (True, True, True), True, False),
        ("CC-BY-SA-3.0", (True, True, True), True, True),
        ("CC-BY-NC-4.0", (True, False, True), True, False),
        ("CC-BY-NC-SA-4.0", (True, False, True), True, True),
        ("CC-BY-ND-2.5", (True, True, False), True, False),
        ("CC-BY-NC-ND-1.0", (True, False, False), True, False),
        ("LicenseRef-CelebA", (True, False, False), True, False),
        ("LicenseRef-FaceForensics", (True, False, False), True, False),
        ("LicenseRef-InsightFace-NC", (True, False, False), True, False),
        ("LicenseRef-GPEN-NC", (True, False, False), True, False),
        ("LicenseRef-ResearchRAIL-MS", (True, False, False), True, False),
        ("LicenseRef-S-Lab-1.0", (True, False, True), True, False),
        ("LicenseRef-NVIDIA-Source-Code-NC", (True, False, True), True, False),
        ("LicenseRef-FLUX-1-dev-NC", (True, False, True), False, False),
        ("LicenseRef-CreativeML-OpenRAIL-M", (True, True, True), False, False),
        ("LicenseRef-CreativeML-OpenRAIL-PP-M", (True, True, True), False, False),
        ("LicenseRef-OpenRAIL-MS", (True, True, True), False, False),
    ],
)
def test_what_a_license_permits(
    license: str, answers: tuple[bool, bool, bool], attribution: bool, share_alike: bool
) -> None:
    found = license_of(license)
    assert (found.research, found.commercial, found.redistribute) == answers
    assert found.attribution is attribution
    assert found.share_alike == (frozenset({license}) if share_alike else frozenset())
    assert found.expression == license


@pytest.mark.parametrize(
    "license",
    [
        "unknown",
        "LicenseRef-Unknown",
        "NOASSERTION",
        "NONE",
        "LicenseRef-Something",
        "GPL-3.0-only",
        "CC-BY-5.0",
        "CC-BY-4.0+",
        "GPL-2.0-only WITH Classpath-exception-2.0",
    ],
)
def test_what_is_not_in_the_table_is_not_known(license: str) -> None:
    found = license_of(license)
    assert (found.research, found.commercial, found.redistribute) == (None, None, None)


@pytest.mark.parametrize(
    "license", ["MIT AND", "(((", "MIT/Apache-2.0", "AND", "MIT OR (", " ", ""]
)
def test_what_is_no_expression_is_refused(license: str) -> None:
    with pytest.raises(CardError, match="license"):
        license_of(license)


@pytest.mark.parametrize(
    ("expression", "answers"),
    [
        ("CC-BY-4.0 AND CC-BY-NC-4.0", (True, False, True)),
        ("CC-BY-4.0 OR CC-BY-NC-4.0", (True, True, True)),
        ("CC-BY-4.0 AND CC-BY-ND-4.0 AND CC0-1.0", (True, True, False)),
        ("CC-BY-4.0 AND GPL-3.0-only", (None, None, None)),
        ("CC-BY-NC-4.0 AND GPL-3.0-only", (None, False, None)),
        ("CC-BY-4.0 OR GPL-3.0-only", (True, True, True)),
        ("CC-BY-NC-ND-4.0 OR GPL-3.0-only", (True, False, False)),
        ("CC-BY-NC-4.0 AND (MIT OR GPL-3.0-only)", (True, False, True)),
        ("MIT OR CC-BY-NC-4.0 AND CC-BY-ND-4.0", (True, True, True)),
        ("(MIT OR CC-BY-NC-4.0) AND CC-BY-ND-4.0", (True, True, False)),
    ],
)
def test_and_is_strict_and_or_is_generous(expression: str, answers: tuple[Answer, ...]) -> None:
    found = license_of(expression)
    assert (found.research, found.commercial, found.redistribute) == answers


def test_and_unites_the_share_alike_licenses() -> None:
    found = license_of("CC-BY-SA-4.0 AND CC-BY-NC-SA-4.0 AND MIT")
    assert found.share_alike == {"CC-BY-SA-4.0", "CC-BY-NC-SA-4.0"}
    assert found.redistribute is False  # an altered copy cannot be under both
    assert license_of("CC-BY-SA-4.0 OR MIT").share_alike == frozenset()


def test_of_alternatives_one_is_taken_whole() -> None:
    either = "CC-BY-NC-4.0 OR CC-BY-ND-4.0"
    for commercial, redistribute in itertools.product((False, True), repeat=2):
        found = license_of(either, commercial, redistribute)
        assert not (found.commercial and found.redistribute)
    assert license_of(either, commercial=True).expression == "CC-BY-ND-4.0"
    assert license_of(either, redistribute=True).expression == "CC-BY-NC-4.0"
    both_alike = license_of("CC-BY-SA-4.0 OR CC-BY-NC-SA-4.0", redistribute=True)
    assert both_alike.share_alike == {"CC-BY-SA-4.0"}


def test_ids_are_read_whatever_their_case() -> None:
    assert license_of("cc-by-4.0") == license_of("CC-BY-4.0")


ANSWERS: tuple[Answer, ...] = (True, False, None)
TERMS = st.builds(
    Terms,
    research=st.sampled_from(ANSWERS),
    commercial=st.sampled_from(ANSWERS),
    redistribute=st.sampled_from(ANSWERS),
    licenses=st.lists(st.sampled_from(["MIT", "CC0-1.0", "CC-BY-4.0"]), max_size=2).map(tuple),
    attribution=st.lists(st.sampled_from(["A", "B", "C"]), max_size=2).map(tuple),
    share_alike=st.frozensets(st.sampled_from(["CC-BY-SA-4.0", "CC-BY-NC-SA-4.0"]), max_size=1),
)


@given(st.lists(TERMS, min_size=1, max_size=4))
def test_combined_terms_permit_what_each_permits(parts: list[Terms]) -> None:
    found = combine(parts)
    alike = {name for part in parts for name in part.share_alike}
    assert (found.research is True) == all(part.research is True for part in parts)
    assert (found.commercial is True) == all(part.commercial is True for part in parts)
    every = all(part.redistribute is True for part in parts)
    assert (found.redistribute is True) == (every and len(alike) < 2)
    assert set(found.purposes()) <= set.intersection(*(set(part.purposes()) for part in parts))


@given(st.lists(TERMS, min_size=1, max_size=4))
def test_combined_terms_oblige_to_what_any_obliges(parts: list[Terms]) -> None:
    found = combine(parts)
    for name in ("licenses", "attribution"):
        united = [one for part in parts for one in getattr(part, name)]
        assert list(getattr(found, name)) == list(dict.fromkeys(united))
    assert found.share_alike == {name for part in parts for name in part.share_alike}


@given(st.lists(TERMS, min_size=1, max_size=3))
def test_an_answer_is_no_before_it_is_unknown(parts: list[Terms]) -> None:
    found = combine(parts)
    assert (found.commercial is False) == any(part.commercial is False for part in parts)
    assert (found.research is False) == any(part.research is False for part in parts)


def terms(expression: str) -> Terms:
    own = license_of(expression)
    return Terms(
        own.research,
        own.commercial,
        own.redistribute,
        (expression,),
        share_alike=own.share_alike,
    )


def test_two_share_alike_licenses_exclude_each_other() -> None:
    by, nc = terms("CC-BY-SA-4.0"), terms("CC-BY-NC-SA-4.0")
    assert combine([by, by]).purposes() == ["research", "commercial", "redistribute"]
    assert combine([nc, terms("CC-BY-4.0")]).purposes() == ["research", "redistribute"]
    for pair in itertools.permutations([by, nc]):
        assert combine(pair).redistribute is False
        assert combine(pair).purposes() == ["research"]


LICENSES = [
    *("CC0-1.0", "MIT", "CC-BY-4.0", "CC-BY-NC-4.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0"),
    *("CC-BY-NC-SA-4.0", "CC-BY-ND-4.0", "LicenseRef-CelebA", "GPL-3.0-only"),
    *("CC-BY-SA-4.0 AND MIT", "CC-BY-NC-4.0 AND CC-BY-4.0"),
]
WORKS = st.lists(st.sampled_from(LICENSES).map(terms), min_size=1, max_size=5)


def essence(of: Terms) -> tuple[object, ...]:
    """Return the terms without the order of their names."""
    return of.kind(), frozenset(of.licenses), frozenset(of.attribution)


@given(WORKS, st.randoms(use_true_random=False))
def test_combining_knows_no_order_and_no_groups(works: list[Terms], order: Random) -> None:
    mixed = works.copy()
    order.shuffle(mixed)
    cut = order.randrange(len(mixed)) + 1
    groups = [combine(part) for part in (mixed[:cut], mixed[cut:]) if part]
    assert essence(combine(mixed)) == essence(combine(works))
    assert essence(combine(groups)) == essence(combine(works))
    assert essence(combine([*works, *works])) == essence(combine(works))


@given(WORKS, WORKS)
def test_one_part_more_permits_nothing_more(works: list[Terms], more: list[Terms]) -> None:
    assert set(combine([*works, *more]).purposes()) <= set(combine(works).purposes())


@given(WORKS, WORKS)
def test_terms_of_one_kind_combine_alike(works: list[Terms], more: list[Terms]) -> None:
    for one, other in itertools.product(works, more):
        if one.kind() == other.kind():
            assert combine([one, *more]).purposes() == combine([other, *more]).purposes()


@pytest.mark.parametrize(
    ("first", "second", "redistribute"),
    [
        ("CC-BY-SA-4.0", "CC-BY-SA-4.0", True),
        ("CC-BY-SA-4.0", "CC-BY-SA-3.0", False),
        ("CC-BY-SA-4.0", "CC-BY-NC-SA-4.0", False),
        ("CC-BY-SA-4.0", "CC-BY-4.0", True),
        ("CC-BY-SA-4.0", "CC0-1.0", True),
        ("CC-BY-SA-4.0", "CC-BY-NC-4.0", False),  # the whole may be sold, the part may not
        ("CC-BY-SA-4.0", "MIT AND CC-BY-NC-4.0", False),
        ("CC-BY-NC-SA-4.0", "CC-BY-NC-4.0", True),
        ("CC-BY-NC-SA-4.0", "CC-BY-4.0", True),
        ("CC-BY-NC-4.0", "CC-BY-4.0", True),
        ("CC-BY-4.0", "CC-BY-ND-4.0", False),
    ],
)
def test_what_may_be_shared_together(first: str, second: str, redistribute: bool) -> None:
    for pair in ((first, second), (second, first)):
        assert combine(map(terms, pair)).redistribute is redistribute
        assert license_of(f"({pair[0]}) AND ({pair[1]})").redistribute is redistribute


def test_purposes_are_named_in_a_fixed_order() -> None:
    assert Terms(True, True, True, ()).purposes() == ["research", "commercial", "redistribute"]
    assert Terms(None, False, True, ()).purposes() == ["redistribute"]


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        (" AND ".join(["(CC0-1.0 OR MIT)"] * 40), "has over 10\\^9 alternatives: at most 256"),
        (" AND ".join(["(CC0-1.0 OR MIT)"] * 9), "has 512 alternatives"),
        (" OR ".join(["MIT"] * 400), "has 2796 characters: at most 1000"),
        ("(" * 450 + "MIT" + ")" * 449, "is not an SPDX expression"),
        ("MIT OR (", "is not an SPDX expression"),
        ("()", "is not an SPDX expression"),
        ("x AND (not) AND unknown ) , (", "is not an SPDX expression"),
        ("\x00", "is not an SPDX expression"),
        ("", "it is blank"),
    ],
)
def test_an_expression_without_end_or_sense_is_refused(expression: str, why: str) -> None:
    with pytest.raises(CardError, match=why) as caught:
        license_of(expression)
    assert len(str(caught.value)) < 400


@given(st.lists(st.sampled_from(["MIT", "AND", "OR", "WITH", "(", ")", "x", ",", "+", "not"])))
def test_no_sequence_of_words_breaks_the_parser(words: list[str]) -> None:
    with contextlib.suppress(CardError):
        license_of(" ".join(words))


def test_expressions_of_usual_size_are_read() -> None:
    found = license_of(" AND ".join(["(CC0-1.0 OR MIT)"] * 8))
    assert found.research
    assert not found.attribution
