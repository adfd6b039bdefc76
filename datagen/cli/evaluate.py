"""``datagen evaluate``: from scores to metrics, gates and a report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from datagen.cli.wiring import console
from datagen.errors import UserError
from datagen.evaluation.evaluate import Subject, evaluate
from datagen.evaluation.gates.judge import judge_gates
from datagen.evaluation.gates.limits import read_gates
from datagen.evaluation.report.text import summary
from datagen.evaluation.report.write import write_junit, write_report
from datagen.evaluation.rows import COLUMNS, join, read_rows
from datagen.evaluation.scores import read_scores
from datagen.evaluation.trained_on import refuse_trained_on
from datagen.release import Folder
from datagen.release.reader import Release

NAME = "evaluate"


def command(
    out: Annotated[str, typer.Argument(metavar="OUT", help="Folder or address of the release.")],
    scores: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="Parquet or CSV: sample_id, path or sha256; score, higher for fake; status.",
        ),
    ],
    baseline: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(metavar="FILE", help="Scores of the detector to compare with."),
    ] = None,
    gates: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(metavar="FILE.yaml", help="Limits; exit 1 when one is not kept."),
    ] = None,
    report: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(metavar="DIR", help="Write report.md, index.html and metrics.json."),
    ] = None,
    junit: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(metavar="FILE.xml", help="Write the gates as JUnit XML."),
    ] = None,
    split: Annotated[str, typer.Option(help="Which split is judged.")] = "test",
    threshold: Annotated[
        float, typer.Option(min=0, max=1, help="From this probability on an image is called fake.")
    ] = 0.5,
    logits: Annotated[
        bool, typer.Option("--logits", help="Scores are logits, of the baseline too.")
    ] = False,
    trained_on: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(metavar="RELEASE", help="Refuse if the detector has seen people of OUT."),
    ] = None,
) -> None:
    """Judge a detector by its scores: metrics with intervals, gates, a report.

    Exit 0: every gate let it pass. 1: one did not. 2: something must be changed first.
    """
    if junit is not None and gates is None:
        raise UserError("--junit tells of gates: give --gates")
    limits = read_gates(gates) if gates is not None else {}
    if "regression" in limits and baseline is None:
        raise UserError(f"{gates}: the gate 'regression' compares with a baseline: give --baseline")
    with console.status("evaluating"):
        release = Release(Folder(out))
        manifest = read_rows(release, (*COLUMNS, "source_sha256") if trained_on else COLUMNS)
        if trained_on is not None:
            training = Release(Folder(_release_folder(trained_on)))
            refuse_trained_on(release, manifest, split, training)
        rows = join(manifest, split, read_scores(scores, logits), "coverage" in limits)
        old = join(manifest, split, read_scores(baseline, logits), True) if baseline else None
        record = {key: release.record[key] for key in ("name", "version", "recipe_digest")}
        old_name = str(baseline) if baseline else None
        subject = Subject(record, split, str(scores), old_name, threshold, logits)
        found = evaluate(subject, rows, old)
        verdicts = judge_gates(limits, found) if limits else []
        if report is not None:
            write_report(report, release, found, verdicts)
        if junit is not None:
            write_junit(junit, f"{record['name']}.{split}", verdicts)
    typer.echo(summary(found, verdicts))
    if report is not None:
        typer.echo(f"the report: {report / 'index.html'}")
    raise typer.Exit(0 if all(verdict.ok for verdict in verdicts) else 1)


def _release_folder(address: str) -> str:
    return address.removesuffix("release.json").rstrip("/") or "."
