"""``datagen score``: run a detector over a release."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Optional

import typer

from datagen.cli.exit_codes import INTERRUPTED, NOT_DONE
from datagen.cli.next_step import command_line, next_step
from datagen.cli.options import Address, Inline, ReleaseFolder, ShardTimeout, Workers
from datagen.core.progress import Progress
from datagen.core.python_file import PythonFile
from datagen.core.terminal import echo
from datagen.detectors.config import read_config
from datagen.detectors.parts import parts_folder
from datagen.detectors.score import score_to_file
from datagen.detectors.spec import read_spec
from datagen.engine.choice import engine_choice
from datagen.errors import DetectorError
from datagen.release.reader import Release
from datagen.release.scores import check_scores_path

__all__ = ["Splits", "warn_of_problems"]

NAME = "score"

Splits = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option("--split", metavar="SPLIT", help="train, val or test; may be repeated."),
]


def command(
    out: ReleaseFolder,
    detector: Annotated[
        str,
        typer.Option(
            metavar="SPEC",
            help="module:callable, model.onnx, model.pt, model.pt2, baseline.json, "
            "baseline.safetensors, or 'cmd: program {paths} {scores}'.",
        ),
    ],
    scores: Annotated[
        Path,
        typer.Option(
            "-o", "--out", metavar="FILE", help="New scores file: .parquet, .csv, .tsv or .jsonl."
        ),
    ],
    detector_config: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(metavar="FILE.yaml", help="Input and output of the detector."),
    ] = None,
    split: Splits = None,
    batch: Annotated[
        int, typer.Option(min=1, help="Maximum number of images or clips at once.")
    ] = 32,
    plugin: Annotated[
        Optional[list[Path]],  # noqa: UP045
        typer.Option(metavar="FILE.py", help="Python file that SPEC may name as its module."),
    ] = None,
    allow_code: Annotated[
        bool,
        typer.Option(
            "--allow-code", help="Open a .pt or .pt2 file, which can run any code on this machine."
        ),
    ] = False,
    workers: Workers = None,
    address: Address = None,
    inline: Inline = False,
    shard_timeout: ShardTimeout = None,
) -> None:
    """Write the detector's score of every image or clip. Rerun it to score what is missing.

    Exit 0: done; images without a score are reported and have a status. 1: the run did not
    complete, or no image has a score. 2: you must change something first, also where every image
    failed for the same reason. 130: stopped; finished shards are kept.
    """
    from datagen.engine.ray import stop_on_terminate

    stop_on_terminate()
    progress = Progress()
    check_scores_path(scores)
    files = [PythonFile.read(path, DetectorError) for path in plugin or ()]
    spec = read_spec(detector, read_config(detector_config), files, allow_code)
    release = Release(out)
    with (
        engine_choice(inline, workers, address, progress, shard_timeout) as engine,
        progress.bar("scoring", percent=True) as bar,
    ):
        try:
            result = score_to_file(release, spec, scores, split, batch, engine, bar)
        except KeyboardInterrupt:
            progress.note(
                f"stopped: the finished shards are in {parts_folder(scores)}; rerun the same "
                "command to score the rest"
            )
            raise typer.Exit(INTERRUPTED) from None
    warn_of_problems(result.problems, progress)
    for doubt in result.doubts:
        progress.warn(doubt)
    echo(result.summary(scores))
    if not result.status["ok"]:
        raise typer.Exit(NOT_DONE)
    next_step(command_line("evaluate", out, "--scores", scores))


def warn_of_problems(problems: Sequence[tuple[str, int]], progress: Progress) -> None:
    """Warn of images without a score.

    Args:
        problems: Reasons with the number of images.
        progress: Shows the warnings.
    """
    for reason, count in problems:
        progress.warn(f"{count} without a score: {reason}")
