"""What watches the fuzzed inputs sees what it must: each rule is broken once here."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.fuzz.child import judged
from tests.support.fuzz.trees import mutated_json, mutated_yaml
from tests.support.fuzz.values import CONTENT, SECRET, Still
from tests.support.house import ROOT

TREE = {"name": "a", "list": [1, 2.5, {"deep": True}], "none": None}

_BREAKS = """
import os, shutil, socket, subprocess, sys, time
from pathlib import Path
from tests.support.fuzz.guard import Guard, OvertimeError

folder, outside = Path(sys.argv[1]) / "inside", Path(sys.argv[1]) / "outside"
guard, problems = Guard(outside), []
try:
    with guard.watching(folder, problems, connects=False, starts=False, seconds=0.3):
        {code}
except OvertimeError as error:
    problems.append(str(error))
except OSError:
    pass
print("\\n".join(problems))
"""


def seen(tmp_path: Path, code: str) -> str:
    """Return what the guard saw of some code, in a process of its own: it can't be taken off."""
    for name in ("inside", "outside"):
        (tmp_path / name).mkdir()
    (tmp_path / "outside" / "file").write_text("a", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", _BREAKS.replace("{code}", code), str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("(outside / 'file').read_text()", "reads outside: file"),
        ("(outside / 'new').write_text('a')", "open for writing outside"),
        ("(folder / 'x').symlink_to(outside); (folder / 'x' / 'y').mkdir()", "os.mkdir outside"),
        ("(outside / 'file').unlink()", "os.remove outside"),
        ("(folder / 'x').touch(); (folder / 'x').rename(outside / 'x')", "os.rename outside"),
        ("socket.create_connection(('127.0.0.1', 9))", "socket."),
        ("subprocess.run(['true'])", "subprocess.Popen 'true'"),
        ("os.system('true')", "os.system"),
        ("while True: pass", "over 0.3 s"),
        ("time.sleep(60)", "over 0.3 s"),
    ],
)
def test_the_guard_sees(code: str, problem: str, tmp_path: Path) -> None:
    assert problem in seen(tmp_path, code)


def test_the_guard_allows_what_stays_inside(tmp_path: Path) -> None:
    code = "(folder / 'x').write_text('a'); (folder / 'x').unlink(); (folder / 'y').mkdir()"
    assert (
        seen(tmp_path, f"{code}; shutil.rmtree(folder / 'y'); open('/dev/null', 'w').close()") == ""
    )


def test_the_same_seed_mutates_alike_and_most_seeds_differ() -> None:
    made = [mutated_yaml(random.Random(seed), TREE) for seed in range(40)]
    assert made == [mutated_yaml(random.Random(seed), TREE) for seed in range(40)]
    assert len(set(made)) > 30


def test_nothing_changes_for_a_still_generator() -> None:
    assert json.loads(mutated_json(Still(1), TREE)) == TREE


@pytest.mark.parametrize(
    ("code", "output", "problem"),
    [
        (3, "", "exit code 3"),
        (2, 'Traceback (most recent call last):\n  File "a"\nKeyError: 1', "printed traceback"),
        (2, f"error: s3://key:{SECRET}@bucket", "a secret was printed"),
        (2, f"error: found {CONTENT}", "the content of a file outside was printed"),
        (0, "name: \x1b[31m", "control characters were printed"),
        (1, "a" * 10**6, "characters were printed"),
    ],
)
def test_outputs_are_judged(code: int, output: str, problem: str, tmp_path: Path) -> None:
    (found,) = judged(code, "", output, tmp_path)
    assert problem in found
    assert list(judged(0, "", "fine: \té…\n", tmp_path)) == []


def test_a_script_in_a_page_is_seen(tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    page = tmp_path / "report" / "index.html"
    page.write_text("<p>&lt;script&gt;fuzz()</p>", encoding="utf-8")
    assert list(judged(0, "", "", tmp_path)) == []
    page.write_text("<p><script>fuzz()</script></p>", encoding="utf-8")
    assert list(judged(0, "", "", tmp_path)) == ["a script in index.html"]
