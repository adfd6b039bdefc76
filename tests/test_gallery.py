"""The examples of the gallery run, and every method and kind of degradation is in it."""

from __future__ import annotations

import re
import shlex
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

import datagen as dg
from datagen.cli.main import run
from datagen.degradations import DEGRADATIONS
from datagen.errors import RecipeError
from datagen.methods import METHODS

ROOT = Path(__file__).resolve().parent.parent
PAGES: dict[str, Any] = {"methods.md": METHODS, "degradations.md": DEGRADATIONS}


def section(page: str, name: str) -> str:
    """Return the section of a method or kind."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    _, _, rest = text.partition(f"\n### `{name}`\n")
    return re.split(r"\n##+ |\n<!-- end -->", rest)[0]


def command(page: str, name: str) -> list[str]:
    """Return the words of a section's example."""
    (block,) = re.findall(r"```\n(datagen generate .*?)```", section(page, name), re.DOTALL)
    return shlex.split(block.replace("\\\n", " "))[1:]


@pytest.mark.parametrize(
    ("page", "name"), [(page, name) for page, known in PAGES.items() for name in known]
)
def test_each_has_a_picture_an_example_and_all_its_options(page: str, name: str) -> None:
    text = section(page, name)
    (picture,) = re.findall(rf"!\[{name}: [^\]]+\]\(([^)]+)\)", text)
    assert (ROOT / "docs" / picture).stat().st_size > 5000
    assert command(page, name)[0] == "generate"
    options = PAGES[page].load(name).options.model_fields
    assert (
        re.findall(r"^`(\w+)`: .+\n(?:`\w+`: .+\n)*:   .{10,}$", text, re.MULTILINE) or not options
    )
    for key in options:
        assert f"\n`{key}`: " in text
    if page == "methods.md":
        assert "Based on: " in text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "name"),
    [
        (page, name)
        for page, known in PAGES.items()
        for name in known
        if page == "degradations.md" or not METHODS.load(name).learned
    ],
)
def test_an_example_runs(
    page: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    words = command(page, name)
    words[words.index("-o") + 1] = str(tmp_path / "out")
    words[words.index("--limit") + 1] = "3"
    if "clips" in words[1]:
        words += ["--set", "clip.frames=6"]
    assert run([*words, "--inline"]) == 0
    rows = dg.Release(tmp_path / "out").table()
    used = rows["method" if page == "methods.md" else "degradation"]
    assert set(used.dropna()) == {name}


@pytest.mark.parametrize("name", [name for name in METHODS if METHODS.load(name).learned])
def test_an_example_with_a_network_is_a_recipe(name: str) -> None:
    words = command("methods.md", name)
    setting = words[words.index("--set") + 1]
    with (
        nullcontext()
        if name != "autoencoder_swap"
        else pytest.raises(
            RecipeError,
            match="no weight card 'my_training'",  # made by datagen train
        )
    ):
        recipe = dg.load_recipe(ROOT / "recipes" / "quickstart.yaml", [setting])
        assert [method.name for method in recipe.methods] == [name]
