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
from datagen.core.json_io import parse_json
from datagen.core.parquet import read_parquet
from datagen.errors import ScoresError
from datagen.errors.redact import portable
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
_READ = (*KEYS, "score", "status")
_MAX_HEAD = 1 << 20
_MAX_COLUMNS = 4096
_SHOWN = 300


def score_table(
    sample_ids: Sequence[str],
    digests: Sequence[str],
    scores: Sequence[float | None],
    statuses: Sequence[str],
    details: Sequence[str],
) -> pa.Table:
    """Return a table with the columns of ``SCORES``."""
    shown = [portable(detail) if detail else detail for detail in details]
    columns = (sample_ids, digests, scores, statuses, shown)
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
        ScoresError: The file is missing, unreadable, too large or has another suffix; it has no
            id or score column, or two of a name; an id is missing or repeated; a score is not a
            number, is outside [0, 1] or is missing without a status; a failed image has a score.
    """
    table = _read_table(path)
    metadata = table.schema.metadata or {}
    return checked_scores(
        table,
        str(path),
        logits,
        _facts(metadata, "detector", path),
        _facts(metadata, "release", path),
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
        return _read_csv(path) if _is_csv(path) else read_parquet(path, _READ)
    except (pa.ArrowException, OSError, ValueError) as error:
        first = str(error).partition("\n")[0][:_SHOWN]
        kind = "CSV" if _is_csv(path) else "Parquet"
        raise ScoresError(f"{path}: cannot be read as {kind}: {first}", path=path) from None


def _read_csv(path: Path) -> pa.Table:
    if not path.is_file():  # a pipe would be waited for
        raise ValueError("it is not a file")
    with path.open("rb") as handle:
        head = handle.readline(_MAX_HEAD + 1)
    if len(head) > _MAX_HEAD or head.count(b",") >= _MAX_COLUMNS:
        raise ValueError(f"its first line names more than {_MAX_COLUMNS} columns or is too long")
    head.decode("utf-8")
    text = {name: pa.string() for name in (*KEYS, "status")}
    return pv.read_csv(path, convert_options=pv.ConvertOptions(column_types=text))


def _facts(metadata: Mapping[bytes, bytes], what: str, path: Path) -> dict[str, Any]:
    """Return what a file says about its detector or its release: nothing, or a mapping."""
    where = f"{path}: what it says about its {what}"
    found = parse_json(metadata.get(f"datagen.{what}".encode(), b"{}"), where, ScoresError)
    if not isinstance(found, dict):
        raise ScoresError(f"{where}: expected keys and values", path=path)
    return found
