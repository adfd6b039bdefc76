from __future__ import annotations

from pathlib import Path

import pytest

from datagen.cli.main import run
from datagen.errors import RecipeError
from datagen.recipe import load_recipe
from datagen.recipe.shipped import find_recipe, shipped_folder, shipped_recipes


def test_a_checkout_reads_its_top_level_folder() -> None:
    assert shipped_folder() == Path(__file__).parents[2] / "recipes"


def test_every_shipped_recipe_has_a_title_and_loads_by_its_name() -> None:
    recipes = shipped_recipes()
    assert "quickstart" in {recipe.name for recipe in recipes}
    for recipe in recipes:
        assert recipe.title.endswith(".")
        assert 20 < len(recipe.title) < 300
        assert load_recipe(recipe.name).path == str(recipe.path)


def test_a_bare_name_and_its_path_are_the_same_recipe() -> None:
    assert load_recipe("quickstart").digest == load_recipe("recipes/quickstart.yaml").digest


def test_a_file_comes_before_a_shipped_recipe_and_a_folder_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "quickstart").mkdir()
    assert find_recipe("quickstart") == shipped_folder() / "quickstart.yaml"
    (tmp_path / "quickstart").rmdir()
    (tmp_path / "quickstart").write_text("name: own\n")
    assert find_recipe("quickstart") == Path("quickstart")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "quikstart",
            "quikstart: no such file, and no recipe of that name ships with datagen. Did",
        ),
        ("recipes/quickstart.yaml", "ships with datagen is named 'quickstart', without folder"),
    ],
)
def test_a_name_that_is_nothing_is_told(
    name: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RecipeError, match=words):
        load_recipe(name)


def test_a_command_takes_the_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", "quickstart"]) == 0
    assert "quickstart: valid" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["x" * 5000, "x" * 300, "é" * 200, "x" * 300 + ".yaml", "a\0b"])
def test_a_name_that_no_file_can_have_is_told(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(RecipeError):
        load_recipe(name)
    assert run(["generate", name, "-o", str(tmp_path / "out")]) == 2
    assert len(capsys.readouterr().err) < 600
