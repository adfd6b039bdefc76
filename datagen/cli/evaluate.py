"""``datagen evaluate``: from scores to metrics, gates and a report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from datagen.cli.exit_codes import DONE, NOT_DONE
from datagen.cli.next_step import next_step
from datagen.cli.options import FramePooling, Json, ReleaseFolder
from datagen.core.json_io import parse_json
from datagen.core.progress import Progress
from datagen.core.terminal import echo, echo_json
from datagen.core.text_table import terminal_width
from datagen.errors import UserError
from datagen.evaluation.result import Settings, evaluate_release
from datagen.release.pooling import asked_pooling
from datagen.release.reader import Release

NAME = "evaluate"


def command(
    out: ReleaseFolder,
    scores: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="Scores, .parquet, .csv, .tsv or .jsonl: sample_id, path or sha256; score, higher "
            "for fake; status.",
        ),
    ],
    baseline: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(metavar="FILE", help="Scores of the detector to compare with."),
    ] = None,
    gates: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(metavar="FILE.yaml", help="Limits that the detector must meet."),
    ] = None,
    report: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(metavar="DIR", help="Write report.md, index.html and metrics.json."),
    ] = None,
    junit: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(metavar="FILE.xml", help="Write the verdicts of the gates as JUnit XML."),
    ] = None,
    split: Annotated[str, typer.Option(help="The split to evaluate.")] = "test",
    threshold: Annotated[
        float, typer.Option(min=0, max=1, help="Probability from which on an image counts as fake.")
    ] = 0.5,
    logits: Annotated[
        bool, typer.Option("--logits", help="Scores are logits, those of the baseline too.")
    ] = False,
    pooling: FramePooling = None,
    trained_on: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            metavar="RELEASE",
            help="Release that the detector was trained on; it may share no identity with OUT.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Evaluate a detector by its scores: metrics with intervals, gates, a report.

    Exit 0: every gate passes. 1: at least one does not. 2: you must change something
    first.
    """
    if junit is not None and gates is None:
        raise UserError("--junit reports on gates: add --gates FILE.yaml")
    with Progress().status("evaluating"):
        release = Release(out)
        training = None if trained_on is None else Release(_release_folder(trained_on))
        rule = asked_pooling(pooling, "--pooling")
        settings = Settings(split, threshold, logits, training, rule)
        result = evaluate_release(release, scores, gates, baseline, settings)
        if report is not None:
            result.write(report)
        if junit is not None:
            result.to_junit(junit)
    if json:
        echo_json(parse_json(result.to_json(), "metrics", UserError))
        raise typer.Exit(NOT_DONE if result.passed is False else DONE)
    echo(*result.to_text(terminal_width()).split("\n"))
    if report is not None:
        next_step(f"open {report / 'index.html'}")
    else:
        next_step("add --report DIR for groups, curves and worst cases")
    raise typer.Exit(NOT_DONE if result.passed is False else DONE)


def _release_folder(address: str) -> str:
    return address.removesuffix("release.json").rstrip("/") or "."
