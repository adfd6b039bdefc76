from __future__ import annotations

from typing import Any, Literal

import pytest
from pydantic import Field

from datagen.core.keys import keys_at, kind_at, model_in, places_of
from datagen.core.schema import Frozen


class Leaf(Frozen):
    size: int = 1


class Tree(Frozen):
    leaf: Leaf | None = None
    leaves: tuple[Leaf, ...] = ()
    counts: dict[Literal["train", "val"], int] = Field(default_factory=dict)
    free: dict[str, int] = Field(default_factory=dict)


@pytest.mark.parametrize(
    ("location", "keys"),
    [
        ((), ["leaf", "leaves", "counts", "free"]),
        (("leaf",), ["size"]),
        (("leaves",), []),
        (("leaves", 7), ["size"]),
        (("counts",), ["train", "val"]),
        (("free",), []),
        (("leaf", "size"), []),
        (("none", "deeper", 3), []),
    ],
)
def test_the_keys_of_a_place(location: tuple[int | str, ...], keys: list[str]) -> None:
    assert keys_at(Tree, location) == keys


def test_the_places_of_a_key() -> None:
    assert list(places_of(Tree, "size")) == [("leaf",), ("leaves[…]",)]
    assert list(places_of(Tree, "val")) == [("counts",)]
    assert list(places_of(Tree, "leaf")) == [()]
    assert list(places_of(Tree, "none")) == []


@pytest.mark.parametrize(("name", "found"), [("leaves", Leaf), ("leaf", Leaf), ("counts", None)])
def test_the_model_in_a_type(name: str, found: Any) -> None:
    assert model_in(kind_at(Tree, (name,))) is found
