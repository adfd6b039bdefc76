"""Prompts from a closed vocabulary: a recipe names its keys and never contains free text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, TypeAlias

import numpy as np
from pydantic import AfterValidator, Field

from datagen.core.schema import Frozen, parse
from datagen.core.text import near
from datagen.core.yaml_io import read_yaml
from datagen.errors import ItemError, RecipeError
from datagen.rights import is_adult

__all__ = [
    "Age",
    "Background",
    "Expression",
    "Light",
    "Prompt",
    "PromptOptions",
    "Sex",
    "Vocabulary",
    "age_band",
    "compose",
    "shipped_vocabulary",
    "words",
]

_FILE = Path(__file__).with_name("prompts.yaml")


class Vocabulary(Frozen):
    """Contents of ``prompts.yaml``: for each field its keys and their texts.

    Attributes:
        template: Sentence with the name of each field in braces.
    """

    template: str
    age: dict[str, str] = Field(min_length=1)
    sex: dict[str, str] = Field(min_length=1)
    expression: dict[str, str] = Field(min_length=1)
    light: dict[str, str] = Field(min_length=1)
    background: dict[str, str] = Field(min_length=1)

    def field(self, name: str) -> dict[str, str]:
        """Return keys and texts of one field."""
        found: dict[str, str] = getattr(self, name)
        return found

    def all_words(self) -> set[str]:
        """Return every word that a prompt can contain, in lower case, without commas."""
        texts = [text for name in _FIELDS for text in self.field(name).values()]
        fixed = self.template.format(**dict.fromkeys(_FIELDS, ""))
        return {word.strip(",").lower() for text in [*texts, fixed] for word in text.split()} - {""}


_FIELDS = ("age", "sex", "expression", "light", "background")


@lru_cache(maxsize=1)
def shipped_vocabulary() -> Vocabulary:
    """Return the vocabulary of this package; there is no other."""
    return parse(Vocabulary, read_yaml(_FILE, RecipeError), str(_FILE), RecipeError)


def _key_of(field: str) -> Callable[[str], str]:
    def check(key: str) -> str:
        known = shipped_vocabulary().field(field)
        if key not in known:
            raise ValueError(
                f"unknown {field} {key!r}: prompts take keys of a closed vocabulary, not free text."
                f"{near(key, known)} Known: {', '.join(known)}"
            )
        return key

    return check


Age: TypeAlias = Annotated[str, AfterValidator(_key_of("age"))]
Sex: TypeAlias = Annotated[str, AfterValidator(_key_of("sex"))]
Expression: TypeAlias = Annotated[str, AfterValidator(_key_of("expression"))]
Light: TypeAlias = Annotated[str, AfterValidator(_key_of("light"))]
Background: TypeAlias = Annotated[str, AfterValidator(_key_of("background"))]


class Prompt(Frozen):
    """A drawn prompt, as keys of the vocabulary; ``words`` returns its text."""

    age: Age
    sex: Sex
    expression: Expression
    light: Light
    background: Background


def _all(field: str) -> Callable[[], tuple[str, ...]]:
    return lambda: tuple(shipped_vocabulary().field(field))


class PromptOptions(Frozen):
    """Keys that may be drawn; by default all of the vocabulary.

    Attributes:
        ages: Ages, used if the source states none.
        expressions: Facial expressions.
        lights: Kinds of light.
        backgrounds: Backgrounds.
    """

    ages: tuple[Age, ...] = Field(default_factory=_all("age"), min_length=1)
    expressions: tuple[Expression, ...] = Field(default_factory=_all("expression"), min_length=1)
    lights: tuple[Light, ...] = Field(default_factory=_all("light"), min_length=1)
    backgrounds: tuple[Background, ...] = Field(default_factory=_all("background"), min_length=1)


def age_band(years: float) -> str:
    """Return the key of an adult's age.

    Raises:
        ItemError: ``not_adult`` under 18 years.
    """
    if not is_adult(years):
        raise ItemError(
            "not_adult", f"the source states an age of {years:g}; prompts are only for adults"
        )
    for key in shipped_vocabulary().age:
        high = key.partition("-")[2]
        if not high or years < int(high) + 1:
            return key
    raise AssertionError("the last band has no end")


def compose(
    rng: np.random.Generator, age: float | None, sex: str | None, options: PromptOptions
) -> Prompt:
    """Draw a prompt with the attributes that the source states.

    Args:
        rng: Generator; the number of draws does not depend on what is known.
        age: Age in years; ``None`` to draw one.
        sex: ``female`` or ``male``; anything else is left out of the prompt.
        options: Keys that may be drawn.

    Raises:
        ItemError: ``not_adult`` if the source states an age under 18.
    """
    drawn = _pick(rng, options.ages)
    return Prompt(
        age=drawn if age is None else age_band(age),
        sex=sex if sex in ("female", "male") else "unstated",
        expression=_pick(rng, options.expressions),
        light=_pick(rng, options.lights),
        background=_pick(rng, options.backgrounds),
    )


def words(prompt: Prompt) -> str:
    """Return the text of a prompt."""
    vocabulary = shipped_vocabulary()
    keys: Mapping[str, str] = prompt.model_dump()
    return vocabulary.template.format(
        **{name: vocabulary.field(name)[keys[name]] for name in _FIELDS}
    )


def _pick(rng: np.random.Generator, keys: tuple[str, ...]) -> str:
    return keys[int(rng.integers(len(keys)))]
