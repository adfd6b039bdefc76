from __future__ import annotations

import io
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from datagen.core.logs import PlainFormatter, log_to
from datagen.core.progress import Progress
from datagen.errors import UserError

LOG = logging.getLogger("datagen.something")


def test_importing_sets_nothing_up() -> None:
    code = """
import logging
import datagen
own = logging.getLogger("datagen")
assert [type(one) for one in own.handlers] == [logging.NullHandler], own.handlers
assert own.level == logging.NOTSET
assert logging.getLogger().handlers == []
import datagen.core.logs, datagen.core.progress, datagen.generation.run
assert len(own.handlers) == 1
assert logging.getLogger().handlers == []
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_a_silent_call_would_warn_of_reaches_the_program(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    Progress(shown=False).warn("thin data")
    assert caplog.messages == ["warning: thin data"]
    assert capsys.readouterr().err == ""


def test_verbose_shows_what_is_logged_and_nothing_twice(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with log_to(verbose=1):
        LOG.info("made %d", 3)
        LOG.debug("a detail")
        Progress().warn("once")
    LOG.warning("after the end")
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines() == ["datagen.something: made 3", "warning: once"]


def test_quiet_keeps_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    with log_to(is_quiet=True):
        LOG.info("unseen")
        LOG.warning("a cache is damaged")
        Progress().note("by the way")
        Progress().warn("look here")
    Progress().note("again")
    assert capsys.readouterr().err.splitlines() == [
        "warning: a cache is damaged",
        "warning: look here",
        "again",
    ]


def test_a_file_gets_everything_with_its_time_and_is_appended_to(tmp_path: Path) -> None:
    file = tmp_path / "new" / "a.log"
    for number in range(2):
        with log_to(file=file):
            LOG.debug("run %d", number)
            Progress(shown=False).note("told")
    lines = file.read_text().splitlines()
    assert [line.split()[3:] for line in lines] == [
        ["datagen.something:", "run", "0"],
        ["datagen.core.progress:", "told"],
        ["datagen.something:", "run", "1"],
        ["datagen.core.progress:", "told"],
    ]
    assert lines[0].split()[2] == "DEBUG"


def test_a_record_is_one_line_without_credentials() -> None:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(PlainFormatter("%(message)s"))
    record = LOG.makeRecord(
        "datagen", logging.INFO, "f", 1, "a\n%s\x1b[2J", ("s3://u:hunter2@h",), None
    )
    handler.emit(record)
    assert out.getvalue() == "a\\ns3://***@h\\x1b[2J\n"
    try:
        raise ValueError("--token=hunter2")
    except ValueError:
        record = LOG.makeRecord("datagen", logging.INFO, "f", 1, "x", (), sys.exc_info())
    handler.emit(record)
    assert "hunter2" not in out.getvalue()
    assert "\nTraceback" in out.getvalue()


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    (tmp_path / "recipe.yaml").write_text("name: precious\n")
    for file, words in (
        (tmp_path / "link", "is no regular file"),
        (tmp_path / "recipe.yaml", "holds something else than a log"),
        (tmp_path, "is no regular file"),
        (tmp_path / "file" / "a.log", "cannot be written"),
    ):
        with pytest.raises(UserError, match=words), log_to(file=file):
            pass
    with pytest.raises(UserError, match="contradict"), log_to(verbose=1, is_quiet=True):
        pass
    assert len(logging.getLogger("datagen").handlers) == 1
    assert (tmp_path / "recipe.yaml").read_text() == "name: precious\n"
