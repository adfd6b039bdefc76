"""``datagen score``: a detector over a release."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Optional

import typer
from rich.progress import Progress, TaskID

from datagen.cli.options import Address, Inline, Workers
from datagen.cli.wiring import console, engine_choice, progress_bar
from datagen.detectors.config import read_config
from datagen.detectors.errors import ScoresError
from datagen.detectors.score import Scored, parts_folder, score_release
from datagen.detectors.shards import Tell
from datagen.detectors.spec import read_python_file, read_spec
from datagen.release import Folder
from datagen.release.reader import Release

__all__ = ["OutRelease", "ScoresOut", "Splits", "check_out", "progress", "tell_of"]

NAME = "score"
INTERRUPTED = 130

OutRelease = Annotated[str, typer.Argument(metavar="OUT", help="Folder or address of the release.")]
Splits = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option("--split", metavar="SPLIT", help="train, val or test; may be repeated."),
]
ScoresOut = Annotated[Path, typer.Option("-o", "--out", metavar="FILE", help="New Parquet file.")]


def command(
    out: OutRelease,
    detector: Annotated[
        str,
        typer.Option(
            metavar="SPEC",
            help="module:callable, model.onnx, model.pt, model.pt2, probe.json, or "
            "'cmd: program {paths} {scores}'.",
        ),
    ],
    scores: ScoresOut,
    detector_config: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(metavar="FILE.yaml", help="Input and output of the detector."),
    ] = None,
    split: Splits = None,
    batch: Annotated[int, typer.Option(min=1, help="Images at once.")] = 32,
    plugin: Annotated[
        Optional[list[Path]],  # noqa: UP045
        typer.Option(metavar="FILE.py", help="Python file that SPEC may name as its module."),
    ] = None,
    workers: Workers = None,
    address: Address = None,
    inline: Inline = False,
) -> None:
    """Write the detector's score of every image. Run it again to make what is missing.

    Exit 0: done; images without a score are told and have a status. 1: the run fell short, or
    no image has a score. 2: something must be changed first.
    """
    from datagen.engine.ray import stop_on_terminate

    stop_on_terminate()
    check_out(scores)
    files = [read_python_file(path) for path in plugin or ()]
    spec = read_spec(detector, read_config(detector_config), files)
    release = Release(Folder(out))
    with engine_choice(inline, workers, address) as engine, progress("scoring shards") as tell:
        try:
            done = score_release(release, spec, scores, split, batch, engine, tell)
        except KeyboardInterrupt:
            console.print(
                f"stopped: what is done lies in {parts_folder(scores)}; the same command goes on",
                soft_wrap=True,
            )
            raise typer.Exit(INTERRUPTED) from None
    tell_of(done.details)
    typer.echo(_last_line(scores, done))
    raise typer.Exit(0 if done.status["ok"] else 1)


def check_out(path: Path) -> None:
    """Refuse a place that no file can be written to, before anything is computed.

    Raises:
        ScoresError: It is a folder, or would lie below a file.
    """
    if path.is_dir():
        raise ScoresError(f"{path} is a folder: name a new file")
    parent = next(parent for parent in path.absolute().parents if parent.exists())
    if not parent.is_dir():
        raise ScoresError(f"{path}: {parent} is a file: choose another place")


@contextmanager
def progress(what: str) -> Iterator[Tell]:
    """Give a teller of shards, whose bar appears once there is something to wait for."""
    with ExitStack() as stack:
        bars: list[tuple[Progress, TaskID]] = []

        def tell(done: int, total: int) -> None:
            if not bars:
                bar = stack.enter_context(progress_bar(what))
                bars.append((bar, bar.add_task("", total=total, rate="")))
            bar, task = bars[0]
            bar.update(task, completed=done, total=total)

        yield tell


def tell_of(details: Sequence[tuple[str, int]]) -> None:
    """Warn of images that have no score."""
    for detail, count in details:
        shown = detail.replace("[", "\\[")
        console.print(f"[yellow]warning:[/] {count} without a score: {shown}", soft_wrap=True)


def _last_line(path: Path, done: Scored) -> str:
    told = ", ".join(f"{count} {status}" for status, count in sorted(done.status.items()))
    again = f", {done.reused} of them from the run before" if done.reused else ""
    return f"{path}: {done.status.total()} images in {done.shards} shards{again}: {told}"
