"""No mutated input makes a reader fail in an unexpected way, take long, or leave its folder.

``benchmarks/fuzz.py`` runs as many inputs as one likes.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.fuzz.pool import Pool
from tests.support.fuzz.processes import run_alone
from tests.support.fuzz.readers import READERS

INPUTS = 9
"""Per reader: all of them take less than a minute on two cores."""

PROCESSES = int(os.environ.get("DATAGEN_FUZZ_PROCESSES", "2"))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "base"


@pytest.fixture(scope="module")
def pool(base: Path) -> Iterator[Pool]:
    with Pool(base, base.parent / "run", 2) as made:
        yield made


def failures(answers: list[dict[str, Any]]) -> str:
    return "\n".join(
        f"python benchmarks/fuzz.py --reader {one['reader']} --number {one['number']} --keep DIR\n"
        f"  {' '.join(one['arguments'])}\n  {'; '.join(one['problems'])}\n{one['output'][-1500:]}"
        for one in answers
        if one["problems"]
    )


@pytest.mark.parametrize("name", READERS)
def test_mutated_inputs_are_used_or_refused(name: str, pool: Pool) -> None:
    answers = list(pool.run((name, number) for number in range(INPUTS + 1)))
    assert failures(answers) == ""
    whole = next(one for one in answers if one["number"] == 0)  # not mutated
    assert whole["accepted"], whole


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_mutated_inputs_as_commands_of_their_own(name: str, base: Path) -> None:
    numbers = range(1001, 1001 + PROCESSES)
    answers = list(run_alone(base, base.parent / name, ((name, n) for n in numbers), 2))
    assert failures(answers) == ""


def test_the_benchmark_repeats_an_input_and_reports(
    base: Path,
    pool: Pool,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    main = importlib.import_module("benchmarks.fuzz").main
    kept = tmp_path / "kept"
    asked = ["--base", str(base), "--reader", "gates", "--number", "0", "--keep", str(kept)]
    assert main(asked) == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"the input: {kept}" in lines
    assert "1 inputs, 0 failures" in lines
    assert (kept / "0" / "case" / "gates.yaml").exists()
