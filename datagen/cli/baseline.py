"""``datagen baseline``: train the baseline detector on a release and test it there."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Optional

import typer

from datagen.cli.options import Address, Inline, ReleaseFolder, Workers
from datagen.cli.score import Splits, warn_of_problems
from datagen.core.out_file import check_out_file
from datagen.core.progress import Progress
from datagen.core.terminal import echo
from datagen.detectors.baseline.train import BASELINE, BaselineResult, run_baseline
from datagen.detectors.shards import release_facts
from datagen.engine.choice import engine_choice
from datagen.errors import DetectorError
from datagen.release.reader import Release
from datagen.release.scores import check_scores_path, note_on_replaced

NAME = "baseline"


def command(
    out: ReleaseFolder,
    scores: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            "-o",
            "--out",
            metavar="FILE",
            help="Write the scores: .parquet, .csv, .tsv or .jsonl.",
        ),
    ] = None,
    model: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(metavar="FILE.json", help="Write the model, for 'datagen score'."),
    ] = None,
    split: Splits = None,
    workers: Workers = None,
    address: Address = None,
    inline: Inline = False,
) -> None:
    """Train the baseline detector on split train; print its AUC by method on val and test.

    It needs no weights: noise residuals, spectra and a logistic regression. Scores of split train
    (--split train) come from models that were not trained on the identity.
    """
    progress = Progress()
    if scores is not None:
        check_scores_path(scores)
    if model is not None:
        check_out_file(model, (".json",), DetectorError)
    release = Release(out)
    if scores is not None:  # before anything is computed
        note_on_replaced(scores, {"spec": BASELINE}, release_facts(release))
    with (
        engine_choice(inline, workers, address, progress) as engine,
        progress.bar("computing features") as bar,
    ):
        result = run_baseline(release, split, engine, bar)
    if model is not None:
        result.write_model(model)
    if scores is not None:
        note = result.write_scores(scores)
        if note is not None:
            progress.warn(note)
    warn_of_problems(result.problems, progress)
    _print_table(result)


def _print_table(result: BaselineResult) -> None:
    echo(f"{'split':<7}{'method':<24}{'fakes':>7}{'reals':>7}{'AUC':>8}")
    for row in result.table:
        shown = "no data" if math.isnan(row.auc) else f"{row.auc:.3f}"
        echo(f"{row.split:<7}{row.method:<24}{row.fakes:>7}{row.reals:>7}{shown:>8}")
