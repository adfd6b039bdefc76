from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datagen.core.rng import rng
from datagen.core.schema import parse
from datagen.errors import ItemError, RecipeError
from datagen.networks.diffusion.prompts import (
    Prompt,
    PromptOptions,
    age_band,
    compose,
    shipped_vocabulary,
    words,
)

VOCABULARY = shipped_vocabulary()
FIELDS = ("age", "sex", "expression", "light", "background")
BANNED = re.compile(
    r"child|kid|teen|minor|baby|infant|toddler|boy|girl|school|underage|nude|naked|sex|breast"
    r"|lingerie|blood|gore|dead|celebrit|president|actor|race|asian|african|caucasian|muslim|jew"
    r"|\bin the style\b|[A-Z0-9<>(){}\[\]:|\\]"
)
ANY_PROMPT = st.builds(
    Prompt, **{name: st.sampled_from(sorted(VOCABULARY.field(name))) for name in FIELDS}
)


@given(ANY_PROMPT)
def test_no_composition_holds_a_banned_word(prompt: Prompt) -> None:
    text = words(prompt)
    assert not BANNED.search(text), text
    assert set(re.findall(r"[a-z-]+", text)) <= VOCABULARY.all_words()


@given(ANY_PROMPT)
def test_every_composition_names_an_adult_and_all_its_fields(prompt: Prompt) -> None:
    text = words(prompt)
    assert "adult" in text
    for name in FIELDS:
        assert VOCABULARY.field(name)[getattr(prompt, name)] in text


def test_the_banned_words_would_be_found() -> None:
    for text in ("a photo of a child", "a teenager", "nude", "Jane Roe", "a girl, smiling"):
        assert BANNED.search(text)


def test_prompts_differ_in_every_field() -> None:
    base = {name: next(iter(VOCABULARY.field(name))) for name in FIELDS}
    for name in FIELDS:
        texts = {words(Prompt(**{**base, name: key})) for key in VOCABULARY.field(name)}
        assert len(texts) == len(VOCABULARY.field(name))


@given(st.floats(18, 120), st.sampled_from(["female", "male"]), st.integers(0, 9))
def test_what_is_known_of_the_real_is_said(age: float, sex: str, number: int) -> None:
    prompt = compose(rng("known", number), age, sex, PromptOptions())
    low, _, high = prompt.age.rstrip("+").partition("-")
    assert int(low) <= age
    assert not high or age < int(high) + 1
    assert prompt.sex == sex
    assert ("woman" in words(prompt)) == (sex == "female")


@pytest.mark.parametrize("sex", [None, "", "F", "not stated"])
def test_an_unstated_sex_is_a_person_and_an_unstated_age_is_drawn(sex: str | None) -> None:
    drawn = [compose(rng("unknown", number), None, sex, PromptOptions()) for number in range(60)]
    assert {prompt.age for prompt in drawn} == set(VOCABULARY.age)
    assert {prompt.sex for prompt in drawn} == {"unstated"}
    assert "person" in words(drawn[0])


@pytest.mark.parametrize("age", [0, 3, 17, 17.9, float("nan"), -1])
def test_who_is_not_an_adult_is_refused(age: float) -> None:
    with pytest.raises(ItemError, match="not_adult"):
        age_band(age)
    with pytest.raises(ItemError, match="not_adult"):
        compose(rng("young"), age, None, PromptOptions())


def test_all_bands_begin_with_adults() -> None:
    assert list(VOCABULARY.age) == ["18-29", "30-44", "45-59", "60+"]
    assert [age_band(age) for age in (18, 29.9, 30, 44.5, 45, 59, 60, 101)] == [
        *["18-29"] * 2,
        *["30-44"] * 2,
        *["45-59"] * 2,
        *["60+"] * 2,
    ]


def test_only_what_the_options_list_is_drawn() -> None:
    options = PromptOptions(
        ages=("60+",), expressions=("laugh", "smile"), lights=("studio",), backgrounds=("park",)
    )
    drawn = [compose(rng("few", number), None, None, options) for number in range(30)]
    assert {prompt.expression for prompt in drawn} == {"laugh", "smile"}
    assert {(p.age, p.light, p.background) for p in drawn} == {("60+", "studio", "park")}


def test_what_is_known_moves_no_other_draw() -> None:
    one = compose(np.random.default_rng(3), None, None, PromptOptions())
    other = compose(np.random.default_rng(3), 50, "male", PromptOptions())
    assert one.model_dump(exclude={"age", "sex"}) == other.model_dump(exclude={"age", "sex"})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"expressions": ["smiel"]}, "Did you mean 'smile'"),
        ({"lights": ["a nude person in the sun"]}, "not free text"),
        ({"ages": ["13-17"]}, "Known: 18-29"),
        ({"backgrounds": []}, "backgrounds"),
        ({"text": "anything"}, "unknown key"),
        ({"sexes": ["female"]}, "unknown key"),
    ],
)
def test_free_text_is_refused_in_options(options: dict[str, object], said: str) -> None:
    with pytest.raises(RecipeError, match=re.escape(said)):
        parse(PromptOptions, options, "options", RecipeError)


def test_free_text_is_refused_in_params() -> None:
    good = compose(rng("params"), 30, "female", PromptOptions()).model_dump()
    assert Prompt.model_validate(good)
    for name in FIELDS:
        with pytest.raises(ValueError, match="not free text"):
            Prompt.model_validate({**good, name: "young schoolgirl"})
    with pytest.raises(ValueError, match="Prompt"):
        Prompt.model_validate("a photo of anybody")
