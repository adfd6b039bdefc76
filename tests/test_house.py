"""Rules of the house that no linter knows: sizes, layout, imports between rooms, and words."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterator

import pytest
import typer.main
from typer.testing import CliRunner

from datagen.cli.main import app
from tests.support import house
from tests.support.house import PACKAGE, ROOT, banned_words, modules

MAX_LINES = {"datagen": 400, "tests": 500, "benchmarks": 400, "tools": 400, "examples": 100}
MAX_MEDIAN = 130
MAX_FUNCTION = 75
MAX_README = 150
MAX_ARROWS = 150
ROOT_MODULES = {"__init__.py", "__main__.py", "api.py", "py.typed"}
DOCUMENTS = [
    *(page for page in ROOT.glob("*.md") if page.name != "CHANGELOG.md"),
    *(ROOT / "docs").rglob("*.md"),
    *(ROOT / "manifests").glob("*.md"),
]


@pytest.mark.parametrize("folder", MAX_LINES)
def test_no_file_is_too_long_to_read(folder: str) -> None:
    lengths = {
        str(path.relative_to(ROOT)): house.lines_of(path) for path in (ROOT / folder).rglob("*.py")
    }
    assert {name: n for name, n in lengths.items() if n > MAX_LINES[folder]} == {}


def test_the_median_module_is_short() -> None:
    assert statistics.median(map(house.lines_of, modules().values())) < MAX_MEDIAN


def test_every_function_fits_on_a_screen() -> None:
    too_long = {
        f"{module}.{name}": length
        for module, path in modules().items()
        for name, length in house.functions(path)
        if length > MAX_FUNCTION
    }
    assert too_long == {}


def test_the_package_root_has_the_api_and_the_errors_and_nothing_else() -> None:
    assert {path.name for path in PACKAGE.iterdir() if path.is_file()} == ROOT_MODULES


def test_imports_between_rooms_are_few_and_never_circular() -> None:
    arrows = house.arrows()
    assert len(arrows) < MAX_ARROWS
    assert house.circle(arrows) == []


def test_the_count_of_arrows_sees_circles_and_imports() -> None:
    assert house.circle({("a", "b"), ("b", "c"), ("c", "a")}) == ["a", "b", "c", "a"]
    assert house.circle({("a", "b"), ("a", "c"), ("b", "c")}) == []
    assert ("methods", "faces") in house.arrows()


def test_the_readme_stays_short() -> None:
    assert house.lines_of(ROOT / "README.md") <= MAX_README


def test_links_of_the_documents_lead_somewhere() -> None:
    broken = []
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            if "://" not in target and not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert broken == []


def test_paths_that_the_documents_name_exist() -> None:
    folders = "datagen|tests|tools|benchmarks|recipes|manifests|docs|examples"
    missing = [
        f"{page.relative_to(ROOT)}: {path}"
        for page in DOCUMENTS
        for path in re.findall(rf"`((?:{folders})/[\w./-]+)`", page.read_text(encoding="utf-8"))
        if not (ROOT / path).exists()
    ]
    assert missing == []


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = [int(page.name[:4]) for page in sorted((ROOT / "docs/decisions").glob("*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))


def test_documents_use_the_words_of_the_glossary() -> None:
    found = [
        f"{page.relative_to(ROOT)}:{number}: {word}"
        for page in DOCUMENTS
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1)
        for word in banned_words(line)
    ]
    assert found == []


def test_the_package_uses_the_words_of_the_glossary() -> None:
    """In docstrings, comments and messages."""
    found = [
        f"{path.relative_to(ROOT)}:{number}: {word}"
        for path in modules().values()
        if path != house.RENAMED
        for number, text in house.texts(path)
        for word in banned_words(text)
    ]
    assert found == []


def test_cards_recipes_and_profiles_use_the_words_of_the_glossary() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {word}"
        for folder in ("datagen", "recipes")
        for path in sorted((ROOT / folder).rglob("*.yaml"))
        if path != house.PROMPTS
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        for word in banned_words(line)
    ]
    assert found == []


def commands(group: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the words of every command, the program itself included."""
    yield path
    for name, command in sorted(getattr(group, "commands", {}).items()):
        yield from commands(command, (*path, name))


@pytest.mark.parametrize("words", list(commands(typer.main.get_command(app))), ids=" ".join)
def test_help_uses_the_words_of_the_glossary(words: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "200", "TERM": "dumb"})
    assert result.exit_code == 0
    assert banned_words(result.output) == []


def test_the_ban_finds_words_and_spares_what_is_meant() -> None:
    assert banned_words("a Picture, leaning") == ["Picture -> image"]
    assert banned_words("a damaged file, a clean one") == []


def test_every_shipped_recipe_and_card_is_valid() -> None:
    from datagen.recipe import load_recipe
    from datagen.sources import load_card

    for path in (ROOT / "recipes").glob("*.yaml"):
        load_recipe(path)
    for path in (ROOT / "recipes" / "cards").glob("*.yaml"):
        assert load_card(path).id == path.stem
