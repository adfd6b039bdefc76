"""The table of scores: one row an image, and whose they are in its metadata."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from datagen.detectors.errors import ScoresError
from datagen.detectors.postprocess import Answer

__all__ = ["SCORES", "Scores", "read_scores", "score_table", "write_scores"]

SCORES_VERSION = 1

SCORES = pa.schema(
    [
        pa.field("sample_id", pa.string(), nullable=False),
        pa.field("sha256", pa.string(), nullable=False),
        pa.field("score", pa.float64()),
        pa.field("status", pa.string(), nullable=False),
        pa.field("detail", pa.string(), nullable=False),
    ]
)
"""``score`` is the probability of fake and null unless ``status`` is ``ok``."""


@dataclass(frozen=True, slots=True)
class Scores:
    """A table that was read.

    Attributes:
        rows: Columns as in ``SCORES``.
        detector, release: As ``DetectorSpec.record`` and ``release_facts`` gave them.
    """

    rows: pd.DataFrame
    detector: dict[str, Any]
    release: dict[str, Any]


def score_table(
    sample_ids: Sequence[str], digests: Sequence[str], answers: Sequence[Answer]
) -> pa.Table:
    """Return the rows of some images."""
    columns = [
        list(sample_ids),
        list(digests),
        [answer.score for answer in answers],
        [answer.status for answer in answers],
        [answer.detail for answer in answers],
    ]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, SCORES, strict=True)]
    return pa.Table.from_arrays(arrays, schema=SCORES)


def write_scores(
    path: Path, tables: Iterable[pa.Table], detector: dict[str, Any], release: dict[str, Any]
) -> None:
    """Write a file whole or not at all."""
    metadata = {
        "datagen.scores": str(SCORES_VERSION),
        "datagen.detector": json.dumps(detector, sort_keys=True),
        "datagen.release": json.dumps(release, sort_keys=True),
    }
    table = pa.concat_tables([SCORES.empty_table(), *tables]).replace_schema_metadata(metadata)
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        pq.write_table(table, staged)
        os.replace(staged, path)
    finally:
        staged.unlink(missing_ok=True)


def read_scores(path: Path) -> Scores:
    """Read a file of ``datagen score`` or ``datagen probe``.

    Raises:
        ScoresError: It is not there, or is none.
    """
    if not path.is_file():
        raise ScoresError(f"{path}: no such file of scores")
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise ScoresError(f"{path}: is no Parquet file: {error}") from None
    metadata = table.schema.metadata or {}
    lacking = [name for name in SCORES.names if name not in table.column_names]
    if lacking or b"datagen.release" not in metadata:
        what = f"lacks the columns {', '.join(lacking)}" if lacking else "names no release"
        raise ScoresError(f"{path}: {what}: make it with 'datagen score' or 'datagen probe'")
    return Scores(
        table.to_pandas(),
        json.loads(metadata.get(b"datagen.detector", b"{}")),
        json.loads(metadata[b"datagen.release"]),
    )
