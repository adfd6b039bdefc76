"""``datagen.core.terminal``: nothing from outside reaches a terminal as a command."""

from __future__ import annotations

import ast

import pytest

from datagen.core.progress import Progress, stderr
from datagen.core.terminal import echo, plain
from tests.support import house

HOSTILE = ["\x1b[2J\x1b]0;owned\x07", "a\rb", "\x9b31m", "a\u202eb", "\ud800", "a\x00", "\x08\x08"]
MARKUP = [
    "[/bold]",
    r"\[/x]",
    "[link=http://x]y",
    "[bold",
    r"\\[/]",
    "[@click=quit]x[/]",
    ":smile:",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_control_characters_are_shown_as_escapes(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    echo(f"before {text} after", text)
    progress = Progress()
    progress.note(text)
    progress.warn(text)
    with progress.status(text), progress.bar(text) as bar:
        bar(1, 2, text)
    told = capsys.readouterr()
    assert len(told.out.splitlines()) == 2
    assert len(told.err.splitlines()) == 2
    for line in (told.out + told.err).splitlines():
        assert line.isprintable()
        assert "\\x" in line or "\\u" in line


@pytest.mark.parametrize("text", MARKUP)
def test_markup_is_shown_as_it_is(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    echo(text)
    progress = Progress()
    progress.note(text)
    progress.warn(text, "error", "red")
    with progress.status(text), progress.bar(text) as bar:
        bar(1, 2, text)
    told = capsys.readouterr()
    assert told.out == f"{text}\n"
    assert told.err == f"{text}\nerror: {text}\n"


def test_a_bar_in_a_terminal_survives_names_of_any_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stderr(), "_force_terminal", True)
    for text in (*HOSTILE, *MARKUP):
        with Progress().bar(text) as bar:
            bar(1, 2, text)
        with Progress().status(text):
            pass


def test_a_line_stays_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    echo("a\nb\tc", "d")
    assert capsys.readouterr().out == "a\\nb\\tc\nd\n"
    assert plain("a\nb\tc") == "a\nb\tc"
    assert plain("日本 é ✓") == "日本 é ✓"


def test_credentials_are_never_shown(capsys: pytest.CaptureFixture[str]) -> None:
    echo("s3://KEY:hunter2@bucket")
    Progress().note("s3://KEY:hunter2@bucket")
    Progress().warn("--token=hunter2")
    told = capsys.readouterr()
    assert "hunter2" not in told.out + told.err


def test_nothing_else_writes_to_the_terminal() -> None:
    found = [
        f"{name}:{node.lineno}"
        for name, path in house.modules().items()
        if name not in ("datagen.core.terminal", "datagen.core.progress")
        for node in ast.walk(house.tree(path))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("print", "typer.echo", "click.echo", "sys.stdout.write")
    ]
    assert found == []
