from __future__ import annotations

from typing import Any

import pytest

from datagen.errors import RecipeError
from datagen.faces.index import FaceIndex
from datagen.planning import Plan
from datagen.recipe import Recipe
from datagen.training.identities import Choice, choose_identities
from tests.training.made import index_of, make_recipe

SPLIT = {"shares": {"train": "1/2", "test": "1/2"}, "stratify": []}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Recipe, FaceIndex]:
    folder = tmp_path_factory.mktemp("people")
    splits = {"train": 4, "test": 4}
    return index_of(make_recipe(folder, people=8, images=3, split=SPLIT, splits=splits))


def _of_split(world: tuple[Recipe, FaceIndex], split: str) -> set[str]:
    """Who is in a split, as a release of the same recipe deals them."""
    loaded, index = world
    plan = Plan(loaded, index)
    faces = [index.face(int(row)) for row in plan.faces("train" if split == "train" else "test")]
    return {f"{face.source}/{face.identity}" for face in faces}


def test_people_are_of_one_split_the_release_s_own(
    world: tuple[Recipe, FaceIndex],
) -> None:
    train = choose_identities(*world, Choice("train", max_identities=100, min_images=1))
    test = choose_identities(*world, Choice("test", max_identities=100, min_images=1))
    assert set(train) == _of_split(world, "train")
    assert set(test) == _of_split(world, "test")
    assert not set(train) & set(test)
    assert list(train) == sorted(train)
    names = world[1].column("identity")
    for person, rows in {**train, **test}.items():
        assert {f"procedural/{names[row]}" for row in rows} == {person}
        assert len(rows) == 3


def test_the_most_are_those_with_most_images(world: tuple[Recipe, FaceIndex]) -> None:
    loaded, index = world
    everybody = choose_identities(loaded, index, Choice("train", max_identities=100, min_images=1))
    poor = sorted(everybody)[0]
    gone = everybody[poor][0]
    left = FaceIndex(_without(index, gone))
    assert poor not in choose_identities(
        loaded, left, Choice("train", max_identities=3, min_images=1)
    )
    assert poor in choose_identities(loaded, left, Choice("train", max_identities=4, min_images=1))
    assert poor not in choose_identities(
        loaded, left, Choice("train", max_identities=4, min_images=3)
    )


def _without(index: FaceIndex, row: int) -> Any:
    keep = [number for number in range(len(index)) if number != row]
    return index.table.take(keep)


def test_named_people_with_or_without_their_source(
    world: tuple[Recipe, FaceIndex],
) -> None:
    first, second = sorted(_of_split(world, "train"))[:2]
    asked = (first.partition("/")[2], second)
    found = choose_identities(*world, Choice("train", identities=asked, min_images=3))
    assert list(found) == [first, second]


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        (Choice("train", min_images=4), "has 0 identities with at least 4 usable images"),
        (Choice("val"), "has 0 identities .* none"),
        (
            Choice("train", identities=("p0000099",)),
            "no face of 'p0000099' in the index. Did you mean",
        ),
    ],
)
def test_too_few_images_and_unknown_people_are_refused(
    world: tuple[Recipe, FaceIndex], choice: Choice, told: str
) -> None:
    with pytest.raises(RecipeError, match=told):
        choose_identities(*world, choice)


def test_people_of_another_split_or_alone_are_refused(
    world: tuple[Recipe, FaceIndex],
) -> None:
    own, other = sorted(_of_split(world, "train")), sorted(_of_split(world, "test"))
    with pytest.raises(RecipeError, match=f"'{other[0]}' belongs to split 'test', not to 'train'"):
        choose_identities(*world, Choice("train", identities=(own[0], other[0]), min_images=1))
    with pytest.raises(RecipeError, match="at least two, found"):
        choose_identities(*world, Choice("train", identities=(own[0],), min_images=1))
    with pytest.raises(RecipeError, match="3 usable images, fewer than --min-images 4"):
        choose_identities(*world, Choice("train", identities=tuple(own[:2]), min_images=4))
