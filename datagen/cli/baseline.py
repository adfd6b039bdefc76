"""``datagen baseline``: train the baseline detector on a release and test it there."""

from __future__ import annotations

from dataclasses import asdict
from math import isnan
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from datagen.cli.next_step import command_line, next_step
from datagen.cli.options import Address, Inline, Json, ReleaseFolder, Workers
from datagen.cli.score import Splits, warn_of_problems
from datagen.core.out_file import check_out_file
from datagen.core.progress import Progress
from datagen.core.terminal import echo, echo_json
from datagen.core.text import counted
from datagen.core.text_table import table_lines
from datagen.detectors.baseline.result import BASELINE, BaselineResult
from datagen.detectors.baseline.train import run_baseline
from datagen.detectors.shards import release_facts
from datagen.engine.choice import engine_choice
from datagen.errors import DetectorError
from datagen.release.reader import Release
from datagen.release.scores import check_scores_path, note_on_replaced

NAME = "baseline"

_FEW_TRAINED = 200  # fakes: with fewer its AUC says more about their number than about them
_FEW_TESTED = 20  # images of a row: with fewer their values are chance


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
        typer.Option(
            metavar="FILE",
            help="Write the model, for 'datagen score': .json, with --network .safetensors.",
        ),
    ] = None,
    network: Annotated[
        bool,
        typer.Option(
            "--network", help="Train a small network instead: minutes, and the extra torch."
        ),
    ] = False,
    split: Splits = None,
    workers: Workers = None,
    address: Address = None,
    inline: Inline = False,
    json: Json = False,
) -> None:
    """Train the baseline detector on split train; print its AUC by method on val and test.

    It needs no weights: noise residuals, spectra and boosted trees, calibrated on split val. Scores
    of split train (--split train) come from models that were not trained on the identity. The
    column alarms shows the controls that it takes for fakes, where it takes 5 % of the reals.
    """
    progress = Progress()
    if scores is not None:
        check_scores_path(scores)
    if model is not None:
        suffix = ".safetensors" if network else ".json"
        check_out_file(model, (suffix,), DetectorError)
    release = Release(out)
    if scores is not None:  # before anything is computed
        note_on_replaced(scores, {"spec": BASELINE}, release_facts(release))
    with (
        engine_choice(inline, workers, address, progress) as engine,
        progress.bar("reading images", percent=True) as bar,
    ):
        on_epoch = _Epochs(progress) if network else None
        result = run_baseline(release, split, engine, bar, on_epoch)
    if model is not None:
        result.write_model(model)
    if scores is not None:
        note = result.write_scores(scores)
        if note is not None:
            progress.warn(note)
    warn_of_problems(result.problems, progress)
    if result.trained_fakes < _FEW_TRAINED:
        progress.warn(
            f"trained on {counted(result.trained_fakes, 'fake')}: it needs hundreds, better "
            "thousands. Raise 'splits.train' of the recipe"
        )
    if json:
        echo_json(_facts(result))
        return
    _print_table(result)
    steps = [command_line("evaluate", out, "--scores", scores)] if scores is not None else []
    if model is not None:
        steps.append(command_line("score", "RELEASE", "--detector", model, "-o", "FILE"))
    next_step(*(steps or ["add -o FILE to keep the scores, --model FILE to keep the model"]))


class _Epochs:
    """Tells each finished epoch."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def __call__(self, epoch: int, value: float) -> None:
        self._progress.note(f"epoch {epoch}: AUC {value:.3f} on people that it does not train on")


def _print_table(result: BaselineResult) -> None:
    rows = [
        (
            row.split,
            row.method,
            row.fakes,
            row.reals,
            _cell(row.auc, min(row.fakes, row.reals), f"{row.auc:.3f}", "no data"),
            row.controls,
            _cell(row.alarms, row.controls, f"{100 * row.alarms:.0f} %", ""),
        )
        for row in result.table
    ]
    names = ("split", "method", "fakes", "reals", "AUC", "controls", "alarms")
    echo(*table_lines(names, rows, names[2:]))


def _cell(value: float, images: int, shown: str, without: str) -> str:
    if isnan(value):
        return without
    return shown if images >= _FEW_TESTED else "too few"


def _facts(result: BaselineResult) -> dict[str, Any]:
    """Return the result by the keys of the JSON."""
    return {
        "table": [
            {
                **asdict(row),
                "auc": None if isnan(row.auc) else row.auc,
                "alarms": None if isnan(row.alarms) else row.alarms,
            }
            for row in result.table
        ],
        "problems": [{"reason": why, "images": count} for why, count in result.problems],
    }
