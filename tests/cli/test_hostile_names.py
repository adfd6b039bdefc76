"""Names of strangers in the output of commands: no control character, no markup, no traceback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from datagen.cli.main import run
from tests.support.world import CARD, World

NAMES = ["[/bold]", r"\[/x]", "[link=http://x]y[/link]", "a\x1b]0;owned\x07", "b\u202ec", "\x9b2J"]


def shown(capsys: pytest.CaptureFixture[str]) -> str:
    """Return what was printed, after checking that a terminal may be given it."""
    told = "".join(capsys.readouterr())
    assert all(line.isprintable() for line in told.splitlines()), ascii(told)
    assert "Traceback" not in told
    return told


@pytest.mark.parametrize("name", [*NAMES[:2], NAMES[3]], ids=range(3))
def test_names_in_tables_and_recipes(
    world: World, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    card: dict[str, Any] = {**CARD, "title": name, "attribution": name}
    (tmp_path / "nobody.yaml").write_text(yaml.safe_dump(card))
    table = pd.read_csv(world.faces / "faces.csv")
    table["identity"] = name + table["identity"]
    table.loc[0, "image"] = f"{name}.png"
    (tmp_path / "faces").mkdir()
    table.to_csv(tmp_path / "faces" / "faces.csv", index=False)
    path = tmp_path / "recipe.yaml"
    path.write_text(world.recipe.read_text())
    for command in ("validate", "index", "plan"):
        inline = () if command == "validate" else ("--inline",)
        assert run([command, str(path), *inline]) == 2 or command == "validate"
        shown(capsys)
    for override in (
        f"name={name}",
        f"{name}=1",
        f"methods.0.use={name}",
        f"sources.0.root={name}",
    ):
        assert run(["validate", str(path), "--set", override]) in (0, 2)
        shown(capsys)


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_names_in_releases_and_arguments(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    (out / "media").mkdir(parents=True)
    (out / "media" / f"{name.replace('/', '-')}.tar").touch()
    for arguments in (
        ["verify", str(out)],
        ["show", f"{out}/{name}"],
        ["evaluate", str(out), "--scores", name],
        ["score", str(out), "--detector", name, "-o", "x.csv"],
        ["generate", name, "-o", str(out)],
        ["weights", "check", name],
        ["weights", "add", name],
    ):
        assert run(arguments) in (1, 2)
        shown(capsys)


def test_a_weight_card_cannot_write_to_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(tmp_path))
    card = {"id": "mine", "title": "a [/bold]", "file": "[x].onnx", "license": "MIT"}
    card["homepage"] = "https://u:hunter2@host"
    (tmp_path / "cards").mkdir()
    path = tmp_path / "cards" / "mine.yaml"
    path.write_text(yaml.safe_dump(card))
    assert run(["weights", "list", "mine"]) == 0
    told = shown(capsys)
    assert "  a [/bold]\n" in told
    assert "hunter2" not in told
    path.write_text(yaml.safe_dump({**card, "title": "a\nfake: line"}))
    assert run(["weights", "list", "mine"]) == 2
    told = shown(capsys)
    assert "must be one line of visible characters" in told
