"""The scores of a detector: the one place that writes and reads tables of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv as pv
import pyarrow.parquet as pq

from datagen.core.files import staged
from datagen.errors import ScoresError
from datagen.release.score_checks import KEYS, OK, Scores, checked_scores, first_ids

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "KEYS",
    "OK",
    "SCORES",
    "Scores",
    "check_scores_path",
    "first_ids",
    "read_scores",
    "score_table",
    "scores_of",
    "write_scores",
]

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
"""``score`` is the probability of fake, null unless ``status`` is ``ok``."""

_SUFFIXES = (".parquet", ".csv")


def score_table(
    sample_ids: Sequence[str],
    digests: Sequence[str],
    scores: Sequence[float | None],
    statuses: Sequence[str],
    details: Sequence[str],
) -> pa.Table:
    """Return a table with the columns of ``SCORES``."""
    columns = (sample_ids, digests, scores, statuses, details)
    arrays = [pa.array(list(column), one.type) for column, one in zip(columns, SCORES, strict=True)]
    return pa.Table.from_arrays(arrays, schema=SCORES)


def check_scores_path(path: Path) -> None:
    """Check that a scores file can be written, before anything is computed.

    Raises:
        ScoresError: The suffix is not one of a scores file, or the path cannot be a file.
    """
    if path.is_dir():
        raise ScoresError(f"{path} is a folder: name a new file", path=path)
    _check_suffix(path)
    parent = next(parent for parent in path.absolute().parents if parent.exists())
    if not parent.is_dir():
        raise ScoresError(f"{path}: {parent} is a file: choose another path", path=path)


def write_scores(
    path: Path,
    tables: Iterable[pa.Table],
    detector: Mapping[str, Any],
    release: Mapping[str, Any],
) -> None:
    """Write a scores file, whole or not at all.

    Args:
        path: A ``.parquet`` file, whose metadata also names detector and release, or a ``.csv``
            file, which has no place for them.
        tables: Tables with the columns of ``SCORES``.
        detector: What identifies the detector.
        release: What identifies the release.

    Raises:
        ScoresError: The path has another suffix.
    """
    _check_suffix(path)
    metadata = {
        "datagen.scores": str(SCORES_VERSION),
        "datagen.detector": json.dumps(detector, sort_keys=True),
        "datagen.release": json.dumps(release, sort_keys=True),
    }
    table = pa.concat_tables([SCORES.empty_table(), *tables]).replace_schema_metadata(metadata)
    with staged(path) as part:
        if _is_csv(path):
            pv.write_csv(table, part)
        else:
            pq.write_table(table, part)


def read_scores(path: Path, logits: bool = False) -> Scores:
    """Read a ``.parquet`` or ``.csv`` file of scores.

    Columns: ``sample_id``, ``path`` (``<pair_id>.<kind>.jpg`` in any folder, as in the tars) or
    ``sha256``; ``score``, higher for fake; and, required where a score is missing, ``status``:
    ``ok`` or the reason why there is none. A ``sha256`` beside an id is compared with the release.

    Args:
        path: The file.
        logits: Scores are any real numbers; their logistic function is the probability.

    Raises:
        ScoresError: The file is missing, unreadable or has another suffix; it has no id or score
            column, or two of a name; an id is missing or repeated; a score is not a number, is
            outside [0, 1] or is missing without a status; a failed image has a score.
    """
    table = _read_table(path)
    metadata = table.schema.metadata or {}
    return checked_scores(
        table,
        str(path),
        logits,
        json.loads(metadata.get(b"datagen.detector", b"{}")),
        json.loads(metadata.get(b"datagen.release", b"{}")),
    )


def scores_of(frame: pd.DataFrame, logits: bool = False, where: str = "scores") -> Scores:
    """Return the scores in a pandas table with the columns that ``read_scores`` reads.

    Args:
        frame: The table; its index does not matter unless it is named like an id column.
        logits: See ``read_scores``.
        where: What messages call the table.

    Raises:
        ScoresError: See ``read_scores``.
    """
    if frame.index.name in KEYS and frame.index.name not in frame.columns:
        frame = frame.reset_index()
    wanted = [name for name in frame.columns if name in (*KEYS, "score", "status")]
    table = pa.Table.from_pandas(frame[wanted] if wanted else frame, preserve_index=False)
    facts = frame.attrs  # set by ``score``
    return checked_scores(table, where, logits, facts.get("detector", {}), facts.get("release", {}))


def _is_csv(path: Path) -> bool:
    return path.suffix.lower() == ".csv"


def _check_suffix(path: Path) -> None:
    if path.suffix.lower() not in _SUFFIXES:
        raise ScoresError(
            f"{path}: a scores file is named {' or '.join(f'*{suffix}' for suffix in _SUFFIXES)}, "
            f"found {path.suffix or 'no suffix'!r}: rename it",
            path=path,
        )


def _read_table(path: Path) -> pa.Table:
    if not path.exists():
        raise ScoresError(f"{path}: no such scores file", path=path)
    _check_suffix(path)
    try:
        if _is_csv(path):
            text = {name: pa.string() for name in (*KEYS, "status")}
            return pv.read_csv(path, convert_options=pv.ConvertOptions(column_types=text))
        columns = [
            name for name in pq.read_schema(path).names if name in (*KEYS, "score", "status")
        ]
        return pq.read_table(path, columns=columns or None)
    except (pa.ArrowException, OSError) as error:
        first = str(error).partition("\n")[0]
        kind = "CSV" if _is_csv(path) else "Parquet"
        raise ScoresError(f"{path}: cannot be read as {kind}: {first}", path=path) from None
