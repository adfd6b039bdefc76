"""``datagen probe``: the reference detector, trained on a release and tried on it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Optional

import typer

from datagen.cli.options import Address, Inline, Workers
from datagen.cli.score import OutRelease, Splits, check_out, progress, tell_of
from datagen.cli.wiring import engine_choice
from datagen.detectors.baseline.train import Probed, probe_release
from datagen.detectors.shards import release_facts
from datagen.detectors.table import write_scores
from datagen.release import Folder
from datagen.release.reader import Release

NAME = "probe"


def command(
    out: OutRelease,
    scores: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("-o", "--out", metavar="FILE", help="Write the scores, Parquet."),
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
    """Train the reference detector on split train; print its AUC by method on val and test.

    It needs no weights: noise residuals, spectra and a logistic regression. Scores of split train
    (--split train) come from models that have not seen the person.
    """
    for path in (scores, model):
        if path is not None:
            check_out(path)
    release = Release(Folder(out))
    with engine_choice(inline, workers, address) as engine, progress("looking at shards") as tell:
        probed = probe_release(release, split, engine, tell)
    if model is not None:
        model.parent.mkdir(parents=True, exist_ok=True)
        model.write_text(probed.model.to_json(), encoding="utf-8")
    if scores is not None:
        write_scores(scores, [probed.scores], probed.detector(), release_facts(release))
    tell_of(probed.details)
    _print_table(probed)


def _print_table(probed: Probed) -> None:
    typer.echo(f"{'split':<7}{'method':<24}{'fakes':>7}{'reals':>7}{'AUC':>8}")
    for row in probed.table:
        shown = "no data" if math.isnan(row.auc) else f"{row.auc:.3f}"
        typer.echo(f"{row.split:<7}{row.method:<24}{row.fakes:>7}{row.reals:>7}{shown:>8}")
