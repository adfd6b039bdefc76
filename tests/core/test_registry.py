from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

import datagen.core.registry
from datagen.core.registry import Registry
from datagen.errors import RecipeError
from datagen.faces.analyzers import ANALYZERS
from datagen.sources import SOURCES, Source
from datagen.sources.folder import Folder

BASE = "datagen.sources.base:Source"


class Mine(Folder):
    layout = "mine"


def _registry(table: dict[str, str] | None = None) -> Registry[Source]:
    return Registry("layout", BASE, table or {"folder": "datagen.sources.folder:Folder"}, "test.x")


@pytest.fixture
def points(monkeypatch: pytest.MonkeyPatch) -> list[EntryPoint]:
    found: list[EntryPoint] = []

    def entry_points(group: str) -> list[EntryPoint]:
        assert group == "test.x"
        return found

    monkeypatch.setattr(datagen.core.registry, "entry_points", entry_points)
    return found


def test_loads_by_name_and_lists_in_order() -> None:
    table = {"z": "datagen.sources.table:Table", "a": "datagen.sources.folder:Folder"}
    registry = _registry(table)
    assert registry.load("a") is Folder
    assert list(registry) == ["a", "z"]
    assert "a" in registry
    assert "b" not in registry
    assert 3 not in registry


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("folders", "Did you mean 'folder'?"),
        ("zzz", "Known: color, folder."),
        ("colour", "It is now called 'color'."),
    ],
)
def test_an_unknown_name_gets_the_new_or_the_nearest_one_or_all(name: str, hint: str) -> None:
    target = "datagen.sources.folder:Folder"
    with pytest.raises(RecipeError) as caught:
        _registry({"folder": target, "color": target}).load(name)
    assert str(caught.value) == (
        f"unknown layout {name!r}. {hint} 'datagen list sources' lists all"
    )


def test_a_class_is_added_once() -> None:
    registry = _registry()
    registry.add("mine", Mine)
    registry.add("mine", Mine)
    assert registry.load("mine") is Mine
    assert list(registry) == ["folder", "mine"]


def test_a_name_has_one_owner() -> None:
    with pytest.raises(RecipeError, match=r"layout 'folder' is defined twice: by datagen\.sources"):
        _registry().add("folder", Mine)


def test_entry_points_add_names(points: list[EntryPoint]) -> None:
    points.append(EntryPoint("table", "datagen.sources.table:Table", "test.x"))
    assert list(_registry()) == ["folder", "table"]
    assert _registry().load("table").layout == "table"


def test_an_entry_point_may_not_take_a_name(points: list[EntryPoint]) -> None:
    points.append(EntryPoint("folder", "other:Folder", "test.x"))
    with pytest.raises(RecipeError, match=r"defined twice: by .*:Folder and by other:Folder"):
        list(_registry())


@pytest.mark.parametrize("target", ["no_such_module:X", "datagen.sources.folder:Nothing"])
def test_what_does_not_load_is_named(target: str) -> None:
    with pytest.raises(RecipeError, match=f"layout 'x' \\({target}\\) cannot be loaded"):
        _registry({"x": target}).load("x")


@pytest.mark.parametrize("target", ["pathlib:Path", "datagen.core.text:near"])
def test_a_stranger_is_refused(target: str) -> None:
    with pytest.raises(RecipeError, match=f"{target} is not a Source: derive it from {BASE}"):
        _registry({"x": target}).load("x")


@pytest.mark.parametrize("registry", [SOURCES, ANALYZERS])
def test_every_built_in_carries_its_name(registry: Registry[Source]) -> None:
    for name in registry:
        loaded = registry.load(name)
        assert getattr(loaded, "layout", getattr(loaded, "name", None)) == name


def test_a_long_list_of_names_is_cut() -> None:
    names = {f"layout_{number:02}": "datagen.sources.folder:Folder" for number in range(15)}
    with pytest.raises(RecipeError, match=r"Known: layout_00, .*, layout_11 and 3 more\."):
        _registry(names).load("zzz")
