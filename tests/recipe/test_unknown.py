"""A method that nothing here knows: the plug-in is named, with the line to run."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest

from datagen import api
from datagen.cli.main import run
from datagen.errors import RecipeError
from datagen.loaders import PairDataset
from datagen.methods import METHODS
from datagen.recipe import load_recipe
from datagen.release.reader import Release
from tests.support.releases import change_record
from tests.support.world import World, digests

PLUGIN = """
from datagen.methods.self_blend import SelfBlend
class Glow(SelfBlend):
    name = "glow"
"""
GLOW = ("--set", "methods=[{use: glow, share: 1, min_change: 0.5}]", "--set", "splits.train=6")


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    path = tmp_path / "my glow.py"
    path.write_text(PLUGIN, encoding="utf-8")
    return path.rename(tmp_path / "glow.py")


def released(world: World, folder: Path, plugin: Path, *options: str) -> Path:
    """Return a release of the plug-in's method, which this process then forgets."""
    assert world.generate(folder, "--inline", "--plugin", str(plugin), *GLOW, *options) == 0
    METHODS._added.clear()
    return folder


def refused(path: Path) -> str:
    with pytest.raises(RecipeError) as raised:
        load_recipe(path)
    assert raised.value.key == "methods[0].use"
    return str(raised.value)


def test_the_line_of_a_release_with_the_source_runs_and_gives_the_same(
    world: World, tmp_path: Path, plugin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = released(world, tmp_path / "an out", plugin, "--include-plugins")
    told = refused(out / "recipe.yaml")
    assert "methods[0].use: unknown method 'glow'" in told
    assert "was made with the plug-in glow.py. Read it first, because it runs with your" in told
    line = told.splitlines()[-1].strip()
    (source,) = (out / "plugins").iterdir()
    assert line == (f"datagen generate '{out}/recipe.yaml' -o NEW --plugin '{source}'")
    monkeypatch.chdir(tmp_path)
    root = f"sources.0.root={world.faces}"
    assert run([*shlex.split(line)[1:], "--inline", "--set", root]) == 0
    again, first = digests(tmp_path / "NEW"), digests(out)
    tars = [name for name in first if name.endswith(".tar")]
    assert tars
    assert [again[name] for name in tars] == [first[name] for name in tars]


def test_a_release_without_the_source_says_whose_file_it_is(
    world: World, tmp_path: Path, plugin: Path
) -> None:
    out = released(world, tmp_path / "out", plugin)
    digest = Release(out).record["made"]["with"]["plugins"]["glow.py"]
    told = refused(out / "recipe.yaml")
    assert f"is not in the release: ask whoever made it for glow.py (sha256 {digest})" in told
    assert told.endswith(f"datagen generate {out}/recipe.yaml -o NEW --plugin glow.py")


def test_reading_a_release_needs_no_plug_in(world: World, tmp_path: Path, plugin: Path) -> None:
    out = released(world, tmp_path / "out", plugin)
    assert len(PairDataset(out, "train", method="glow")) == 12
    assert run(["verify", str(out), "--pixels"]) == 0
    assert run(["show", str(out)]) == 0
    for to in ("hf", "deepfakebench"):
        api.export(out, tmp_path / to, to, progress=False)
    assert "glow" not in METHODS


def test_names_that_a_stranger_wrote_are_no_part_of_a_line(
    world: World, tmp_path: Path, plugin: Path
) -> None:
    out = released(world, tmp_path / "out", plugin)

    def lie(record: dict[str, Any]) -> None:
        record["made"]["with"]["plugins"] = {"../x.py": "0" * 64, "a.py; rm": "0" * 64, "b.py": 3}

    change_record(out, lie)
    assert refused(out / "recipe.yaml").endswith("or install its package")


@pytest.mark.parametrize(
    ("key", "use", "kind"), [("methods", "glow", "method"), ("degradations", "fade", "degradation")]
)
def test_a_recipe_elsewhere_is_told_how_a_plug_in_is_named(
    own_world: World, key: str, use: str, kind: str
) -> None:
    changes: dict[str, Any] = {key: [{"use": use, "share": 1}]}
    path = own_world.write_recipe("other.yaml", **changes)
    with pytest.raises(RecipeError, match=f"unknown {kind} '{use}'") as raised:
        load_recipe(path)
    assert "add --plugin FILE.py to the command" in str(raised.value)


def test_a_slip_of_a_known_name_is_told_that_name_alone(own_world: World) -> None:
    told = refused(own_world.write_recipe(methods=[{"use": "self_blond", "share": 1}]))
    assert "plugin" not in told
