"""What a terminal of 80 columns shows, and what programs read in its place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from datagen.cli.main import run
from datagen.weights.catalog import shipped_weight_cards
from tests.support.world import World

TABLES = [
    ["list", "methods"],
    ["list", "degradations"],
    ["list", "sources"],
    ["list", "analyzers"],
    ["list", "recipes"],
    ["weights", "list"],
]


def shown(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize("words", TABLES, ids=" ".join)
def test_tables_fit_the_terminal(
    words: list[str],
    width: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    assert run(words) == 0
    lines = shown(capsys)
    assert len(lines) > 3
    assert max(map(len, lines)) <= width


def test_a_weight_card_is_one_row_at_80_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "80")
    assert run(["weights", "list"]) == 0
    head, *rows = shown(capsys)
    assert head.split() == ["card", "permits", "file"]
    assert [row.split()[0] for row in rows] == shipped_weight_cards()


def test_a_pipe_gets_one_row_per_name(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert run(["list", "recipes"]) == 0
    assert sum(line.startswith("quickstart ") for line in shown(capsys)) == 1
    monkeypatch.setenv("COLUMNS", "80")
    assert run(["list", "recipes"]) == 0
    assert any(line.startswith(" ") for line in shown(capsys))


@pytest.mark.parametrize("width", [60, 80])
def test_a_plan_has_one_row_per_method_and_whole_numbers(
    world: World,
    width: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    counts = "splits={train: 6000000, test: 3000000}"
    assert run(["plan", str(world.recipe), "--inline", "--set", counts]) == 0
    lines = shown(capsys)
    assert max(map(len, lines)) <= width
    for name in ("self_blend", "landmark_swap"):
        (row,) = (line for line in lines if line.startswith(name))
        assert row.split() == [name, "3000000", "1500000"]
    (row,) = (line for line in lines if line.startswith("train "))
    assert row.split()[1] == "6000000"


def test_a_plan_as_json(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", str(world.recipe), "--inline", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {
        *("name", "purpose", "cards", "splits", "warnings", "expected_bytes", "core_seconds"),
        *("networks", "cores", "idle_identities"),
    }
    (card,) = found["cards"]
    assert card == {
        "subject": "source 'nobody'",
        "license": "CC0-1.0",
        "covered": True,
        "reasons": [],
    }
    train = found["splits"][0]
    assert (train["split"], train["pairs"], train["uses_per_face"]) == ("train", 24, 2)
    assert train["methods"][0] == {"method": "self_blend", "pairs": 12, "controls": 3}
    assert train["degradations"] == []


@pytest.mark.parametrize("words", TABLES, ids=" ".join)
def test_lists_as_json(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*words, "--json"]) == 0
    told = capsys.readouterr().out
    assert told.isascii()
    rows = json.loads(told)
    keys = {
        "methods": {"name", "family", "donor", "description"},
        "list": {"id", "title", "license", "permits", "own", "path", "size", "pulled", "how"},
    }
    assert all(set(row) == keys.get(words[-1], {"name", "description"}) for row in rows)
    assert len(rows) > 2
