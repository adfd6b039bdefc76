from __future__ import annotations

from typing import Literal

import pytest
from pydantic import Field, ValidationError, model_validator

from datagen.core.schema import Frozen, flat, parse
from datagen.errors import RecipeError


class Inner(Frozen):
    quality: int = 90
    subsampling: str = "4:2:0"


class Outer(Frozen):
    name: str
    share: float = Field(default=1.0, gt=0)
    inner: Inner | None = None
    steps: tuple[Inner, ...] = ()


class Renamed(Frozen):
    license: str
    color: Literal["rgb", "gray"] = "rgb"

    @model_validator(mode="after")
    def _check(self) -> Renamed:
        if self.license == "none":
            raise ValueError("an open license is needed")
        return self


def _problems(value: object, prefix: str = "") -> list[str]:
    with pytest.raises(RecipeError) as caught:
        parse(Outer, value, "recipe.yaml", RecipeError, prefix)
    head, *lines = str(caught.value).split("\n  - ")
    assert head == "recipe.yaml:"
    return lines


def test_a_right_value_is_made_and_frozen() -> None:
    made = parse(Outer, {"name": "x", "inner": {"quality": 3}}, "recipe.yaml", RecipeError)
    assert made == Outer(name="x", inner=Inner(quality=3))
    with pytest.raises(ValidationError, match="frozen"):
        made.name = "y"


def test_an_unknown_key_gets_its_path_and_the_near_name() -> None:
    assert _problems({"name": "x", "inner": {"qualty": 3}}) == [
        "inner.qualty: unknown key. Did you mean 'quality'?"
    ]


def test_an_unknown_key_in_a_list_gets_its_place() -> None:
    assert _problems({"name": "x", "steps": [{}, {"sub_sampling": "4:4:4"}]}) == [
        "steps[1].sub_sampling: unknown key. Did you mean 'subsampling'?"
    ]


def test_an_unknown_key_like_no_other_gets_all_that_are_allowed() -> None:
    assert _problems({"name": "x", "zzz": 1}) == [
        "zzz: unknown key. Allowed: name, share, inner, steps"
    ]


def test_all_problems_come_at_once_with_what_was_found() -> None:
    assert _problems({"share": -1, "steps": [{"quality": "high"}]}, "methods[0]") == [
        "methods[0].name: missing",
        "methods[0].share: must be greater than 0 (found -1)",
        "methods[0].steps[0].quality: must be a whole number (found 'high')",
    ]


def test_long_values_are_cut() -> None:
    (line,) = _problems({"name": ["a" * 100]})
    assert line.endswith("...)")
    assert len(line) < 120


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_are_finite(value: float) -> None:
    (line,) = _problems({"name": "x", "share": value})
    assert line.startswith("share: must be a finite number")


def test_what_is_no_mapping_is_refused() -> None:
    (line,) = _problems("text")
    assert line.startswith("expected keys and values")


def _renamed(value: object) -> RecipeError:
    with pytest.raises(RecipeError) as caught:
        parse(Renamed, value, "card.yaml", RecipeError)
    return caught.value


def test_an_old_key_gets_its_new_name_in_one_line() -> None:
    error = _renamed({"licence": "CC0-1.0"})
    assert str(error) == "card.yaml:\n  - licence: unknown key. It is now called 'license'."
    assert (error.path, error.key) == ("card.yaml", "licence")


def test_an_old_value_gets_its_new_name() -> None:
    error = _renamed({"license": "x", "color": "grey"})
    assert str(error).endswith("(found 'grey'). It is now called 'gray'.")


def test_an_error_of_the_whole_does_not_print_the_whole() -> None:
    error = _renamed({"license": "none"})
    assert str(error) == "card.yaml:\n  - an open license is needed"
    assert error.key is None


def test_flat() -> None:
    assert list(flat({"a": {"b": 1, "c": {"d": 2}}, "e": [3]})) == [
        ("a.b", 1),
        ("a.c.d", 2),
        ("e", [3]),
    ]
