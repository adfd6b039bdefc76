"""The Python examples of the documents run as they are printed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import datagen as dg
from datagen.cli.main import run

ROOT = Path(__file__).resolve().parent.parent
QUICKSTART = str(ROOT / "recipes" / "quickstart.yaml")


def examples(page: str) -> list[str]:
    """Return the Python blocks of a document."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


@pytest.mark.slow
def test_the_examples_of_the_api_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "recipes", tmp_path / "recipes")
    first, release, errors = examples("api.md")
    names: dict[str, object] = {}
    exec(first, names)
    exec(release, names)
    assert (tmp_path / "report.html").exists()
    assert isinstance(names["pair"], dg.ReleasedPair)
    (tmp_path / "my-recipe.yaml").write_text("name: [", encoding="utf-8")
    exec(errors, {})
    assert "to be fixed first: my-recipe.yaml" in capsys.readouterr().out


@pytest.mark.slow
def test_the_examples_of_plug_ins_type_check(tmp_path: Path) -> None:
    """They are what a typed program starts from."""
    files = [tmp_path / "green_mouth.py", tmp_path / "fade.py"]
    for file, text in zip(files, examples("extending.md"), strict=True):
        file.write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--no-incremental", *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_table_of_errors_is_whole() -> None:
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `[├└│ ]*(\w+)` \|", text, re.MULTILINE))
    assert named == {name for name in dg.__all__ if name.endswith("Error")}


@pytest.mark.parametrize(
    ("number", "file", "settings"),
    [
        (0, "green_mouth.py", {"methods": [{"use": "green_mouth", "share": 1, "strength": 80}]}),
        (1, "fade.py", {"degradations": [{"use": "fade", "share": 1}]}),
    ],
)
def test_the_examples_of_plug_ins_run(
    tmp_path: Path, number: int, file: str, settings: dict[str, object]
) -> None:
    (tmp_path / file).write_text(examples("extending.md")[number], encoding="utf-8")
    options = ["--plugin", str(tmp_path / file), "--inline", "--set", "splits={train: 4}"]
    for key, value in settings.items():
        options += ["--set", f"{key}={json.dumps(value)}"]
    assert run(["generate", QUICKSTART, "-o", str(tmp_path / "out"), *options]) == 0
    assert run(["verify", str(tmp_path / "out"), "--pixels"]) == 0
