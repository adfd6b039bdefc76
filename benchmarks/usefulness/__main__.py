"""Train two fixed detectors on releases and test them on foreign kinds of unseen people.

    python -m benchmarks.usefulness --people london --only self_blend_old ten
    python -m benchmarks.usefulness --detectors spectral network --seeds 3 --open-report

By default: 1,000 pairs, one seed, the spectral detector, the choosing people and kinds. What is
made or scored is kept in the cache, so that a stopped run goes on. Needs DATAGEN_LONDON for the
people of London, and DATAGEN_WEIGHTS for the kinds made by networks; kinds whose file is missing
are left out and named.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import pandas as pd

from datagen.core.files import staged
from datagen.errors import DatagenError, RecipeError

from .configurations import CONFIGURATIONS, Configuration, read_configurations
from .foreign import CHOOSE, REPORT
from .heat_map import write_heat_map
from .openings import note_opening
from .people import PEOPLE, Part, People
from .releases import training_data
from .results import Matrix, differences, matrix_of, sharpness_rows
from .test_sets import TestSet, kinds_of, test_sets
from .trainings import DETECTORS, Training

EACH = {"london": 6, "procedural": 2}


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(
        prog="python -m benchmarks.usefulness", description=(__doc__ or "").partition("\n")[0]
    )
    made.add_argument("--people", choices=list(PEOPLE), default="procedural")
    made.add_argument("--configurations", type=Path, default=CONFIGURATIONS)
    made.add_argument("--only", nargs="+", metavar="NAME", help="configurations to run")
    made.add_argument("--detectors", nargs="+", choices=DETECTORS, default=["spectral"])
    made.add_argument("--seeds", type=int, default=1)
    made.add_argument("--pairs", type=int, help="pairs of every configuration")
    made.add_argument("--each", type=int, help="test pairs per identity and kind")
    made.add_argument("--kinds", nargs="+", metavar="KIND", help="only these kinds")
    made.add_argument("--epochs", type=int, default=15)
    made.add_argument("--workers", type=int, default=1)
    made.add_argument("--cache", type=Path, default=Path("usefulness-cache"))
    made.add_argument("--out", type=Path, help="folder of the tables, by default that of the cache")
    made.add_argument("--baseline", default="self_blend_old")
    made.add_argument("--open-report", action="store_true", help="test on the report people too")
    made.add_argument("--little", action="store_true", help="thirty people: checks the plumbing")
    return made


def main(arguments: list[str] | None = None) -> int:
    """Run what is asked for; return the exit code."""
    given = parser().parse_args(arguments)
    cv2.setNumThreads(1)
    if given.little and given.people != "procedural":
        print("--little: only the procedural people can be fewer", file=sys.stderr)
        return 2
    try:
        _run(given, _chosen(given.configurations, given.only))
    except DatagenError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def _chosen(path: Path, only: Sequence[str] | None) -> dict[str, Configuration]:
    known = read_configurations(path)
    if unknown := sorted(set(only or ()) - set(known)):
        raise RecipeError(
            f"--only: {path} has no configuration {', '.join(unknown)}; it has: {', '.join(known)}"
        )
    return {name: one for name, one in known.items() if not only or name in only}


def _run(given: argparse.Namespace, chosen: dict[str, Configuration]) -> None:
    people = People(given.people, given.little)
    trainings = list(_trainings(given, people, chosen))
    parts: list[Part] = ["choose"]
    if given.open_report:
        parts.append("report")
        keys = [training.key for training in trainings]
        print(note_opening(given.cache / "opened.json", given.people, keys), flush=True)
    each = given.each or EACH[given.people]
    out = given.out or given.cache
    sets: list[TestSet] = []
    for part in parts:
        kinds = [kind for kind in kinds_of(part) if not given.kinds or kind in given.kinds]
        sets += test_sets(given.cache / "tests", people, part, each, kinds)
    if not sets:
        raise RecipeError(f"--kinds: none is left; the choosing kinds are {', '.join(CHOOSE)}")
    size = f"{people.name}{'-little' if people.little else ''}"
    found = []
    for training in trainings:
        started = time.process_time()
        found.append(training.scores(sets, size, each))
        print(
            f"{training.name}, {training.detector}, seed {training.seed}: "
            f"{time.process_time() - started:.0f} s of CPU",
            flush=True,
        )
    scores = pd.concat(found, ignore_index=True)
    for part in parts:
        for detector in given.detectors:
            rows = scores[(scores["part"] == part) & (scores["detector"] == detector)]
            _write(rows, detector, given, part, out)


def _trainings(
    given: argparse.Namespace, people: People, chosen: dict[str, Configuration]
) -> Iterator[Training]:
    for name, configuration in chosen.items():
        started = time.monotonic()
        data = training_data(configuration, people, given.cache, given.workers, given.pairs)
        print(f"{name}: {len(data.rows)} images, {time.monotonic() - started:.0f} s", flush=True)
        for detector in given.detectors:
            for seed in range(given.seeds):
                paired = configuration.batches == "pairs"
                yield Training(name, data, detector, seed, given.epochs, paired, given.cache)


def _write(
    scores: pd.DataFrame, detector: str, given: argparse.Namespace, part: Part, out: Path
) -> None:
    matrix = Matrix(scores)
    facts = {"people": given.people, "part": part, "detector": detector}
    stem = f"{given.people}-{part}-{detector}"
    kinds = [kind for kind in (CHOOSE if part == "choose" else REPORT) if kind in matrix.kinds]
    tables = {
        "scores": scores,
        "matrix": matrix_of(matrix).assign(**facts),
        "differences": differences(matrix, given.baseline, kinds).assign(**facts),
        "sharpness": sharpness_rows(scores).assign(**facts),
    }
    for name, table in tables.items():
        with staged(out / f"{stem}-{name}.parquet") as target:
            table.to_parquet(target)
    cells = tables["matrix"].copy()
    cells["column"] = cells["kind"] + cells["changed"].map({False: "", True: "+"})
    columns = list(dict.fromkeys(cells.sort_values("changed", kind="stable")["column"]))
    wide = cells.pivot(index="configuration", columns="column", values="auc")
    wide = wide.loc[matrix.configurations, columns]
    title = f"{given.people}, {part} people, {detector} detector: AUC"
    path = write_heat_map(wide, title, out / f"{stem}-heat-map")
    wide["mean"] = wide.mean(axis=1)
    print(f"\n{title}\n{wide.round(3).to_string()}")
    for name in ("differences", "sharpness"):
        if len(tables[name]):
            print(f"\n{tables[name].drop(columns=list(facts)).round(3).to_string(index=False)}")
    print(f"\n{path}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
