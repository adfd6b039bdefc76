from __future__ import annotations

import datetime as dt
import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any, ClassVar, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

import datagen
from datagen.core.problems import PATTERNS
from datagen.core.schema import Frozen, parse
from datagen.errors import RecipeError
from tests.support.ends import ends_soon


class Inner(Frozen):
    quality: int = 90
    kind: Literal["jpeg", "png"] = "jpeg"

    @model_validator(mode="after")
    def _check(self) -> Inner:
        if self.quality > 100:
            raise ValueError("quality: must be at most 100")
        if self.quality == 13:
            raise ValueError("This pair is not allowed")
        return self


class Entry(Frozen):
    model_config = ConfigDict(frozen=True, extra="allow")

    use: Literal["a", "b"]
    names: tuple[str, ...] = ()


class Outer(Frozen):
    elsewhere: ClassVar = {"license": "a source card"}

    name: str = Field(default="x", pattern=r"^[a-z0-9][a-z0-9_-]*$")
    counts: dict[Literal["train", "val"], int] = Field(default_factory=dict)
    inner: Inner = Inner()
    entries: tuple[Entry, ...] = Field(default=(), max_length=1)
    stated: bool | Literal["unknown"] = "unknown"
    until: dt.date | None = None

    @field_validator("counts")
    @classmethod
    def _few(cls, counts: dict[str, int]) -> dict[str, int]:
        for name, count in counts.items():
            if count > 9:
                raise ValueError(f"{name}: must be at most 9")
        return counts


def _errors(value: object) -> RecipeError:
    with pytest.raises(RecipeError) as caught:
        parse(Outer, value, "r.yaml", RecipeError)
    return caught.value


def _lines(value: object) -> list[str]:
    head, *lines = str(_errors(value)).split("\n  - ")
    assert head == "r.yaml:"
    return lines


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ({"inner": {"quality": "x"}}, "inner.quality: must be a whole number (found 'x')"),
        ({"inner": {"quality": 1.5}}, "inner.quality: must be a whole number (found 1.5)"),
        ({"inner": {"quality": None}}, "inner.quality: must be a whole number (found nothing)"),
        ({"name": 3}, "name: must be a text (found 3). Write it in quotes: '3'"),
        (
            {"name": "A b"},
            "name: must be lower-case letters, digits, '-' and '_', beginning with a letter or a "
            "digit (found 'A b')",
        ),
        ({"stated": "maybe"}, "stated: must be true or false or 'unknown' (found 'maybe')"),
        ({"until": "soon"}, "until: must be a date such as 2026-12-31 (found 'soon')"),
        ({"inner": 3}, "inner: expected keys and values (found 3). Its keys: quality, kind"),
        ({"inner": {"kind": "jpg"}}, "inner.kind: must be 'jpeg' or 'png' (found 'jpg'). Did you"),
        ({"entries": "a"}, "entries: expected a list (found 'a')"),
        (
            {"entries": {"use": "a"}},
            "entries: expected a list. Begin each of its entries with '- '",
        ),
        (
            {"entries": [{"use": "a", "names": "b"}]},
            "entries[0].names: expected a list (found 'b'). Write it in brackets: [b]",
        ),
        ({"entries": [{"use": "a"}] * 2}, "entries: expected at most 1 entry"),
    ],
)
def test_a_wrong_value_is_told_in_plain_words(value: dict[str, Any], line: str) -> None:
    (found,) = _lines(value)
    assert found.startswith(line)


def test_a_check_of_ours_names_the_whole_key_and_the_value() -> None:
    error = _errors({"inner": {"quality": 101}})
    assert str(error) == "r.yaml:\n  - inner.quality: must be at most 100 (found 101)"
    assert error.key == "inner.quality"
    assert _lines({"counts": {"val": 10}}) == ["counts.val: must be at most 9 (found 10)"]
    assert _lines({"inner": {"quality": 13}}) == ["inner: this pair is not allowed"]


def test_a_colon_without_a_space_is_seen() -> None:
    assert _lines({"counts": {"train:16": None, "val:4": None}}) == [
        "counts.train:16: unknown key. Write a space after the colon: 'train: 16'",
        "counts.val:4: unknown key. Write a space after the colon: 'val: 4'",
    ]
    assert _lines({"inner": {"quality:90": None}}) == [
        "inner.quality:90: unknown key. Write a space after the colon: 'quality: 90'"
    ]


class Plain(Frozen):
    """No options, as of many methods."""


class Holder(Frozen):
    options: Plain = Plain()
    files: dict[str, Inner] = Field(default_factory=dict)


@pytest.mark.parametrize(
    "value",
    [
        {"options": {"x.http://ann:hidden1234@host/x": 1}},  # no key is known: the hint takes it
        {"options": {"http://ann:hidden1234@host/x": 1}},
        {"files": {"a": {"quality:http://ann:hidden1234@host/x": 1}}},
    ],
)
def test_an_address_as_a_key_loses_its_password_before_it_is_taken_apart(
    value: dict[str, Any],
) -> None:
    """With a space behind its colon, nothing would see that it is one."""
    with pytest.raises(RecipeError) as caught:
        parse(Holder, value, "x", RecipeError)
    assert "Write a space after the colon" in str(caught.value)
    assert "hidden1234" not in str(caught.value)


def test_the_value_of_an_unknown_key_is_no_problem_of_its_own() -> None:
    assert _lines({"counts": {"dev": "x"}}) == ["counts.dev: unknown key. Allowed: train, val"]


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ({"inner": {"train": 3}}, "inner.train: unknown key. 'train' is a key of 'counts'"),
        ({"quality": 3}, "quality: unknown key. 'quality' is a key of 'inner'"),
        ({"use": 3}, "use: unknown key. 'use' is a key of 'entries[…]'"),
        ({"inner": {"name": 3}}, "inner.name: unknown key. 'name' is a key of the top level"),
        ({"licence": 3}, "licence: unknown key. 'license' is a key of a source card"),
    ],
)
def test_a_key_in_the_wrong_place_is_told_its_own(value: dict[str, Any], line: str) -> None:
    assert _lines(value) == [line]


def test_a_list_of_allowed_keys_is_told_once() -> None:
    assert _lines({"inner": {"zz": 1, "yy": 2}, "counts": {"xx": 3}}) == [
        "counts.xx: unknown key. Allowed: train, val",
        "inner.zz: unknown key. Allowed: quality, kind",
        "inner.yy: unknown key",
    ]


def test_of_very_many_problems_the_first_are_told() -> None:
    with ends_soon():
        lines = _lines({f"key{number}": 1 for number in range(100_000)})
    assert len(lines) == 51
    assert lines[-1] == "and 99950 further problems"


def test_a_missing_key_comes_with_the_unknown_ones_beside_it() -> None:
    assert _lines({"entries": [{"name": "a"}]}) == [
        "entries[0].use: missing: one of a, b (found 'name')"
    ]


def _models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for inner in model.__subclasses__():
        yield inner
        yield from _models(inner)


def test_every_pattern_of_a_key_has_words() -> None:
    for module in pkgutil.walk_packages(datagen.__path__, "datagen."):
        if module.name.startswith(("datagen.recipe", "datagen.weights.", "datagen.sources.")):
            importlib.import_module(module.name)
    found = {
        constraint.pattern
        for model in _models(Frozen)
        if model.__module__.startswith("datagen.")
        for field in model.model_fields.values()
        for constraint in field.metadata
        if isinstance(getattr(constraint, "pattern", None), str)
    }
    assert found
    assert found <= {*PATTERNS, *(pattern for pattern in found if "shard" in pattern)}
