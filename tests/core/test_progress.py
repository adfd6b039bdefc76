from __future__ import annotations

import subprocess
import sys

import pytest

from datagen.core.progress import Progress


def test_notes_and_warnings_are_shown_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    progress.note("[bold]kept[/bold] {as} it is")
    progress.warn("no [markup] here")
    progress.warn("wrong", "error", "red")
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines() == [
        "[bold]kept[/bold] {as} it is",
        "warning: no [markup] here",
        "error: wrong",
    ]


def test_nothing_is_shown_when_it_is_off(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(shown=False)
    progress.note("a")
    progress.warn("b")
    with progress.bar("c") as bar, progress.status("d"):
        bar(1, 2, "e")
    assert capsys.readouterr() == ("", "")


def test_a_bar_can_be_called_or_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress().bar("never needed"):
        pass
    assert capsys.readouterr().err == ""
    with Progress().bar("working [hard]") as bar, Progress().bar("inside") as other:
        bar(0, None)
        bar(1, 3, "5 pairs/s")
        assert other is not bar


def test_a_silent_run_never_loads_the_library() -> None:
    code = (
        "import sys\nfrom datagen.core.progress import Progress\n"
        "with Progress(shown=False).bar('x') as bar: bar(1, 1)\n"
        "sys.exit('rich' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_time_left_is_told_by_work_and_not_by_what_was_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from rich.console import Console
    from rich.progress import Progress as RichProgress

    now = [0.0]
    monkeypatch.setattr("datagen.core.progress.stderr", lambda: Console(force_terminal=True))
    with Progress().bar("scoring", percent=True) as bar:
        bar(900, 1000)  # of an earlier run
        assert bar._shown is not None
        shown, number = bar._shown
        assert isinstance(shown, RichProgress)
        task = shown.tasks[number]
        monkeypatch.setattr(task, "_get_time", lambda: now[0])
        monkeypatch.setattr(shown, "get_time", lambda: now[0])
        for done in (910, 920, 930):
            now[0] += 120.0  # a shard may take minutes
            bar(done, 1000)
        assert task.percentage == 93
        assert task.time_remaining == pytest.approx(70 * 12, rel=0.1)
