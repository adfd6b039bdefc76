"""What every command has: messages, logs, the environment, completion."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from datagen.cli.main import app, run
from tests.support.world import World, digests

OTHERS = {
    *("DATAGEN_WEIGHTS", "DATAGEN_LONDON", "DATAGEN_CACHE", "DATAGEN_GRID"),
    *("DATAGEN_REQUIRE_ASSETS", "DATAGEN_SMALL_WEIGHTS", "DATAGEN_FUZZ_PROCESSES"),
}


def contexts(command: Any, parent: Any = None, name: str = "datagen") -> Iterator[Any]:
    """Yield a context of every command that does something."""
    context = command.context_class(
        command, info_name=name, parent=parent, **({} if parent else command.context_settings)
    )
    inner = getattr(command, "commands", {})
    if not inner:
        yield context
    for word, one in inner.items():
        yield from contexts(one, context, word)


def variables() -> dict[str, str]:
    """Return the option of each environment variable."""
    return {
        parameter.envvar: f"{context.command_path} {parameter.opts[-1]}"
        for context in contexts(typer.main.get_command(app))
        for parameter in context.command.get_params(context)
        if parameter.param_type_name == "option" and parameter.envvar
    }


def test_every_option_has_a_variable_of_its_own_that_nobody_else_uses() -> None:
    found = variables()
    assert found["DATAGEN_GENERATE_WORKERS"] == "datagen generate --workers"
    assert "DATAGEN_GENERATE_SET" in found
    assert "DATAGEN_WEIGHTS_LIST_JSON" in found
    assert "DATAGEN_LINT_DEEPFAKEBENCH_LOG_FILE" in found
    assert not OTHERS & set(found)
    assert not [name for name in found if name.endswith("_HELP")]


def test_an_option_comes_from_the_environment_and_the_command_line_wins(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAGEN_GENERATE_INLINE", "1")
    monkeypatch.setenv("DATAGEN_GENERATE_LIMIT", "6")
    monkeypatch.setenv("DATAGEN_GENERATE_SET", "name=other shard_pairs=3")
    assert world.generate(tmp_path / "out") == 0
    assert "name: other" in (tmp_path / "out" / "recipe.yaml").read_text()
    assert len(list((tmp_path / "out" / "commits").iterdir())) == 3
    assert world.generate(tmp_path / "more", "--limit", "3") == 0
    assert len(list((tmp_path / "more" / "commits").iterdir())) == 2


def test_a_wrong_variable_is_told(
    world: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DATAGEN_GENERATE_WORKERS", "many")
    assert world.generate(tmp_path / "out") == 2
    told = " ".join(capsys.readouterr().err.split())
    assert "--workers: must be a whole number (found 'many' in DATAGEN_GENERATE_WORKERS)" in told
    monkeypatch.delenv("DATAGEN_GENERATE_WORKERS")
    monkeypatch.setenv("DATAGEN_GENERATE_WORKES", "3")
    assert world.generate(tmp_path / "out", "--inline", "--limit", "1") == 0
    told = " ".join(capsys.readouterr().err.split())
    assert "DATAGEN_GENERATE_WORKES is no option of 'datagen generate'. Did you mean" in told


def test_the_version_is_not_asked_for_by_a_variable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATAGEN_VERSION", "1")
    monkeypatch.setenv("DATAGEN_LIST_HELP", "1")
    assert run(["list", "analyzers"]) == 0
    assert capsys.readouterr().out.startswith("name ")


def test_messages_change_no_byte_of_a_release(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "run.log"
    for name, options in (
        ("plain", []),
        ("verbose", ["-vv", "--log-file", str(file)]),
        ("quiet", ["-q"]),
    ):
        capsys.readouterr()
        assert world.generate(tmp_path / name, "--inline", *options) == 0
        told = capsys.readouterr()
        assert len(told.out.splitlines()) == 1
        assert ("shard train-000000: 6 pairs, rejects: none" in told.err) == (name == "verbose")
        assert (told.err == "") == (name == "quiet")
    assert digests(tmp_path / "plain") == digests(tmp_path / "verbose")
    assert digests(tmp_path / "plain") == digests(tmp_path / "quiet")
    text = file.read_text()
    for words in (
        "INFO    datagen.cli.command: begins: datagen generate",
        "shard test-000000",
        "exit code 0",
    ):
        assert words in text


def test_a_log_has_the_error_and_no_secret(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "run.log"
    wrong = ["--inline", "--set", "sources.0.root=s3://key:hunter2@bucket", "--log-file", str(file)]
    assert world.generate(tmp_path / "out", *wrong) != 0
    text = file.read_text()
    assert "ERROR" in text
    assert "hunter2" not in text + capsys.readouterr().err


def test_the_shell_completes_commands_and_recipes() -> None:
    def completed(line: str) -> str:
        words = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}
        done = subprocess.run(
            [Path(sys.executable).with_name("datagen")],
            env={**os.environ, "_DATAGEN_COMPLETE": "complete_bash", **words},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    assert "generate" in completed("datagen gen")
    assert "quickstart" in completed("datagen generate quick").split()
    assert "--shard-timeout" in completed("datagen generate x --shard")


def test_the_last_line_says_what_comes_next(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, scores = tmp_path / "a release", tmp_path / "scores.csv"

    def last(*words: object) -> str:
        assert run([*map(str, words)]) == 0
        return capsys.readouterr().err.splitlines()[-1]

    recipe = world.recipe
    assert last("validate", recipe) == f"next: datagen plan {recipe}"
    assert last("index", recipe, "--inline") == f"next: datagen plan {recipe}"
    assert last("plan", recipe, "--inline") == f"next: datagen generate {recipe} -o OUT"
    assert last("generate", recipe, "-o", out, "--inline") == (
        f"next: datagen verify '{out}'; datagen show '{out}'"
    )
    assert last("verify", out) == f"next: datagen show '{out}'"
    assert last("baseline", out, "--inline", "-o", scores) == (
        f"next: datagen evaluate '{out}' --scores {scores}"
    )
    assert last("evaluate", out, "--scores", scores).startswith("next: add --report DIR")
    assert last("export", out, tmp_path / "hf", "--to", "hf").startswith("next: datasets.load_")
