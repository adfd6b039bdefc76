from __future__ import annotations

import pytest

from datagen.cli.main import run


def _told(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert run(arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    for riddle in ("Input should", "Value error", "Possible options", "parse string", "╭"):
        assert riddle not in told.err
    return " ".join(told.err.split())


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("genrate", "error: no command 'genrate'. Did you mean 'generate'? See 'datagen -h'"),
        ("zzz", "error: no command 'zzz'. Commands: validate, index, plan, generate, "),
        ("weights pul x", "no command 'pul'. Did you mean 'pull'? See 'datagen weights -h'"),
        ("generate r.yaml", "-o / --out is missing: Folder of the release, or s3://bucket/name."),
        ("generate r.yaml -o", "option -o needs a value"),
        (
            "validate",
            "RECIPE is missing: Recipes, YAML files, or names of shipped ones. See 'datagen "
            "validate -h'",
        ),
        ("generate r.yaml -o x --output y", "unknown option --output. Did you mean '--out'?"),
        ("generate r.yaml -o x --seed 3", "It is a key of the recipe: write --set seed=VALUE"),
        ("generate r.yaml -o x --size 3", "It is a key of the recipe: write --set face.size=VALUE"),
        ("generate r.yaml -o x --split 3", "write --set split.KEY=VALUE"),
        ("verify x --seed 3", "unknown option --seed. See 'datagen verify -h'"),
        ("--frob", "unknown option --frob. See 'datagen -h'"),
        ("generate r.yaml -o x --inline=3", "option --inline takes no value"),
        (
            "generate r.yaml s.yaml -o x",
            "unexpected 's.yaml': the command takes RECIPE and options",
        ),
        ("plan r.yaml --limit abc", "error: --limit: must be a whole number (found 'abc')"),
        ("plan r.yaml --limit 1.5", "error: --limit: must be a whole number (found '1.5')"),
        ("show x -n 0", "error: -n / --pairs: must be greater than or equal to 1 (found '0')"),
        (
            "generate r -o x --shard-timeout soon",
            "--shard-timeout: must be a number (found 'soon')",
        ),
        (
            "list method",
            "KIND: must be one of methods, degradations, sources, analyzers, recipes (found",
        ),
        ("train r.yaml -o x --device tpu", "--device: must be one of cpu, cuda (found 'tpu')"),
    ],
)
def test_a_wrong_command_line_is_told_in_plain_words(
    line: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert words in _told(line.split(), capsys)


@pytest.mark.parametrize("line", ["", "weights"])
def test_without_a_command_the_help_is_shown(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(line.split()) == 2
    told = capsys.readouterr()
    assert "Commands" in told.out + told.err
    assert "error" not in told.out + told.err
    assert "<bool>" not in told.out + told.err
