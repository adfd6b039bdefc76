"""Mutated inputs against every reader: how deep they reach, and what fails.

    python benchmarks/fuzz.py                           100,000 inputs, some hours on two cores
    python benchmarks/fuzz.py --count 1000 --reader release
    python benchmarks/fuzz.py --reader release --number 17 --keep FOLDER     one input again
    python benchmarks/fuzz.py --processes 30            each input as a command of its own

``tests/support/fuzz`` says what counts as a failure. Accepted is the share of inputs that were
used whole: the rest was refused, as it should be.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.support.fuzz.pool import Pool, Summary, summarized
from tests.support.fuzz.processes import run_alone
from tests.support.fuzz.readers import READERS

_COUNT = 100_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the inputs, print the report, and return 1 if any failed."""
    asked = _parser().parse_args(arguments)
    names = asked.reader or list(READERS)
    with tempfile.TemporaryDirectory(prefix="datagen-fuzz-") as made:
        base = asked.base or Path(made) / "base"
        if asked.number is not None:
            answers: Iterable[dict[str, Any]] = _again(base, asked)
        elif asked.processes:
            answers = _alone(base, Path(made) / "run", names, asked)
        else:
            answers = _many(base, Path(made) / "run", names, asked)
        found = summarized(_noted(answers, asked.failures))
    _report(found)
    return int(any(one.failures for one in found.values()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--count", type=int, default=_COUNT, help="number of inputs in total")
    parser.add_argument(
        "--first", type=int, default=0, help="number of the first input of a reader"
    )
    parser.add_argument("--reader", action="append", choices=READERS, help="only this one; repeat")
    parser.add_argument("--number", type=int, help="run this input of the reader again")
    parser.add_argument("--keep", type=Path, help="new folder in which that input stays")
    parser.add_argument("--base", type=Path, help="folder that keeps the accepted inputs")
    parser.add_argument(
        "--processes", type=int, default=0, help="inputs per reader, each a command"
    )
    parser.add_argument("--children", type=int, default=2, help="number of processes")
    parser.add_argument("--failures", type=Path, help="file for failures, one JSON object per line")
    return parser


def _many(
    base: Path, run: Path, names: Sequence[str], asked: argparse.Namespace
) -> Iterator[dict[str, Any]]:
    with Pool(base, run, asked.children) as pool:
        numbers = range(asked.first, asked.first + -(-asked.count // len(names)))
        yield from pool.run((name, number) for number in numbers for name in names)


def _alone(
    base: Path, run: Path, names: Sequence[str], asked: argparse.Namespace
) -> Iterator[dict[str, Any]]:
    numbers = range(asked.first, asked.first + asked.processes)
    yield from run_alone(base, run, ((n, k) for k in numbers for n in names), asked.children)


def _again(base: Path, asked: argparse.Namespace) -> Iterator[dict[str, Any]]:
    folder = asked.keep or Path(tempfile.mkdtemp(prefix="datagen-fuzz-"))
    for answer in run_alone(base, folder, [(asked.reader[0], asked.number)], 1):
        print(f"the input: {folder}\n{' '.join(answer['arguments'])}\n{answer['output']}")
        yield answer


def _noted(answers: Iterable[dict[str, Any]], file: Path | None) -> Iterator[dict[str, Any]]:
    for number, answer in enumerate(answers, 1):
        if answer["problems"] and file is not None:
            with file.open("a", encoding="utf-8") as log:
                log.write(json.dumps(answer) + "\n")
        if number % 500 == 0:
            print(f"{number} inputs", file=sys.stderr)
        yield answer


def _report(found: dict[str, Summary]) -> None:
    print(f"{'reader':<18}{'inputs':>8}{'accepted':>10}{'slowest':>10}{'failures':>10}")
    for name, one in found.items():
        share = one.accepted / one.inputs
        failed = len(one.failures)
        print(f"{name:<18}{one.inputs:>8}{share:>10.0%}{one.slowest:>8.1f} s{failed:>10}")
    for name, one in found.items():
        for problem, count in one.kinds().most_common():
            first = next(a["number"] for a in one.failures if problem in a["problems"])
            print(f"{name}: {count} times, first input {first}: {problem}")
    total = sum(one.inputs for one in found.values())
    print(f"{total} inputs, {sum(len(one.failures) for one in found.values())} failures")


if __name__ == "__main__":
    sys.exit(main())
