"""Runs the analysis of all chunks, and finds the image that broke one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from datagen.engine import Engine, run_all
from datagen.errors import DatagenError, RunError
from datagen.faces.indexing.analyze import AnalyzeImages
from datagen.faces.indexing.clips import AnalyzeClips
from datagen.sources.base import Record

__all__ = ["analyze_all"]

Rows = list[dict[str, Any]]


def analyze_all(
    engine: Engine, task: AnalyzeImages | AnalyzeClips, chunks: Sequence[tuple[Record, ...]]
) -> Iterator[Rows]:
    """Yield the rows of every image that can be analyzed, in any order.

    A chunk that ends its worker process, or fails with an error that is not one of this package, is
    run again image by image: all others are analyzed, and the error names the one.

    Raises:
        DatagenError: The first failure, after everything else was yielded.
    """
    failure: DatagenError | None = None
    broken: list[tuple[Record, ...]] = []
    for outcome in engine.run(task, chunks):
        if type(outcome.error) is RunError and len(outcome.key) > 1:
            broken += [(record,) for record in outcome.key]
        elif outcome.result is not None:
            yield outcome.result
        else:
            failure = failure or _named(task, outcome.key, outcome.error)
    if broken:
        try:
            yield from run_all(engine, task, broken)
        except RunError as error:
            failure = failure or RunError(f"{error}. {_advice(task)}")
    if failure is not None:
        raise failure


def _named(
    task: AnalyzeImages | AnalyzeClips, key: tuple[Record, ...], error: DatagenError | None
) -> DatagenError | None:
    if type(error) is RunError:
        return RunError(f"{task.label(key)}: {error}. {_advice(task)}")
    return error


def _advice(task: AnalyzeImages | AnalyzeClips) -> str:
    source = task.source
    return (
        f"If it fails again, remove the image from source {source.card.id!r} ({source.root}) and "
        "report it: every other image was analyzed and will be remembered"
    )
