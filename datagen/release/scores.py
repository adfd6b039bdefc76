"""The scores of a detector: the one place that writes and reads tables of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datagen.core.json_io import parse_json
from datagen.core.text import counted
from datagen.errors import ScoresError
from datagen.errors.redact import portable
from datagen.release.score_checks import KEYS, OK, Scores, checked_scores, first_ids
from datagen.release.score_files import format_of, keeps_facts, read_table, write_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "FRAME_SCORES",
    "KEYS",
    "OK",
    "SCORES",
    "Scores",
    "check_scores_path",
    "first_ids",
    "note_on_lost",
    "note_on_replaced",
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

FRAME_SCORES = pa.schema([*SCORES, pa.field("frame", pa.int32(), nullable=False)])
"""The same with one row per frame of a clip; ``frame`` is counted from 0."""

_SHOWN = 100


def score_table(
    sample_ids: Sequence[str],
    digests: Sequence[str],
    scores: Sequence[float | None],
    statuses: Sequence[str],
    details: Sequence[str],
    frames: Sequence[int] | None = None,
) -> pa.Table:
    """Return a table with the columns of ``SCORES``, or with frames of ``FRAME_SCORES``."""
    shown = [portable(detail) if detail else detail for detail in details]
    columns = [sample_ids, digests, scores, statuses, shown]
    schema = SCORES
    if frames is not None:
        columns.append(frames)
        schema = FRAME_SCORES
    arrays = [pa.array(list(column), one.type) for column, one in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def check_scores_path(path: Path) -> None:
    """Check that a scores file can be written, before anything is computed.

    Raises:
        ScoresError: The suffix is not one of a scores file, or the path cannot be a file.
    """
    if path.is_dir():
        raise ScoresError(f"{path} is a folder: name a new file", path=path)
    format_of(path)
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
        path: A ``.parquet`` file, whose metadata also names detector and release, or a file of
            another of ``FORMATS``, which has no place for them.
        tables: Tables with the columns of ``SCORES``, or all with those of ``FRAME_SCORES``.
        detector: What identifies the detector.
        release: What identifies the release.

    Raises:
        ScoresError: The path has another suffix.
    """
    metadata = {
        "datagen.scores": str(SCORES_VERSION),
        "datagen.detector": json.dumps(detector, sort_keys=True),
        "datagen.release": json.dumps(release, sort_keys=True),
    }
    parts = list(tables) or [SCORES.empty_table()]
    table = pa.concat_tables(parts).replace_schema_metadata(metadata)
    write_table(path, table)


def read_scores(path: Path, logits: bool = False) -> Scores:
    """Read a file of scores, in one of ``FORMATS``.

    Columns: ``sample_id``, ``path`` (``<pair_id>.<kind>.jpg`` in any folder, as in the tars) or
    ``sha256``; ``score``, higher for fake; and, required where a score is missing, ``status``:
    ``ok`` or the reason why there is none. A ``sha256`` beside an id is compared with the release.
    With a column ``frame``, counted from 0, each row scores a frame of a clip.

    Args:
        path: The file.
        logits: Scores are any real numbers; their logistic function is the probability.

    Raises:
        ScoresError: The file is missing, unreadable, too large or has another suffix; it has no
            id or score column, or two of a name; an id is missing or repeated; a score is not a
            number, is outside [0, 1] or is missing without a status; a failed image has a score.
    """
    table = read_table(path)
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
    if any(name in KEYS and name not in frame.columns for name in frame.index.names):
        frame = frame.reset_index()
    wanted = [name for name in frame.columns if name in (*KEYS, "score", "status", "frame")]
    if "score" not in wanted or not set(wanted) & set(KEYS) or len(set(wanted)) < len(wanted):
        table = pa.table([pa.nulls(0)] * len(frame.columns), [str(one) for one in frame.columns])
    else:
        table = _from_pandas(frame[wanted], where)
    facts = frame.attrs  # set by ``score``
    return checked_scores(table, where, logits, facts.get("detector", {}), facts.get("release", {}))


def note_on_replaced(
    path: Path, detector: Mapping[str, Any], release: Mapping[str, Any]
) -> str | None:
    """Return what to tell of a scores file that is about to be replaced; ``None`` for nothing.

    Args:
        path: Where scores will be written.
        detector: What identifies the detector.
        release: What identifies the release.

    Raises:
        ScoresError: There is a file that is no scores file, or holds the scores of a detector of
            another name or of a release of another name.
    """
    if not path.exists() or (path.is_file() and not path.stat().st_size):
        return None
    problem = (
        f"{path}: exists and was not written by 'datagen score'. Name another file, or remove this "
        "one first"
    )
    if not keeps_facts(path):
        try:
            names = read_table(path).column_names
        except ScoresError:
            names = []
        if not {"sample_id", "score", "status"} <= set(names):
            raise ScoresError(problem, path=path)
        return f"{path} is replaced: its format does not say whose scores it held"
    try:
        metadata = pq.read_schema(path).metadata or {}
    except (pa.ArrowException, OSError, ValueError):
        metadata = {}
    if b"datagen.scores" not in metadata:
        raise ScoresError(problem, path=path)
    return _note_on_facts(
        path, metadata, (("detector", "spec", detector), ("release", "name", release))
    )


def note_on_lost(path: Path, tables: Sequence[pa.Table]) -> str | None:
    """Return what to tell of images whose scores will be lost; ``None`` if there are none.

    Args:
        path: Where scores will be written; what is there has passed ``note_on_replaced``.
        tables: The new scores, with the columns of ``SCORES``.
    """
    if not keeps_facts(path) or not path.exists() or not path.stat().st_size:
        return None
    try:
        old = read_table(path).column("sample_id")
    except ScoresError:  # damaged: nothing of it can be lost
        return None
    new = pa.concat_tables([table.select(["sample_id"]) for table in tables]).column(0)
    lost = pc.sum(pc.invert(pc.is_in(old, value_set=new))).as_py()
    if not lost:
        return None
    return (
        f"{path} is replaced: it held the scores of {counted(lost, 'image')} that are not in it now"
    )


def _note_on_facts(
    path: Path,
    metadata: Mapping[bytes, bytes],
    wanted: Sequence[tuple[str, str, Mapping[str, Any]]],
) -> str | None:
    note = None
    for what, key, new in wanted:
        old = _facts(metadata, what, path)
        if old.get(key) != new.get(key):
            raise ScoresError(
                f"{path}: holds the scores of another {what}, {str(old.get(key))[:_SHOWN]!r}. "
                "Name another file, or remove this one first",
                path=path,
            )
        if old != dict(new):
            note = f"{path} is replaced: it held the scores of another version of the {what}"
    return note


def _from_pandas(frame: pd.DataFrame, where: str) -> pa.Table:
    try:
        return pa.Table.from_pandas(frame, preserve_index=False)
    except (pa.ArrowException, TypeError, ValueError) as error:
        problem = "; ".join(str(one) for one in error.args)[:_SHOWN]
        raise ScoresError(
            f"{where}: ids and statuses must be texts and scores numbers: {problem}", path=where
        ) from None


def _facts(metadata: Mapping[bytes, bytes], what: str, path: Path) -> dict[str, Any]:
    """Return what a file says about its detector or its release: nothing, or a mapping."""
    where = f"{path}: what it says about its {what}"
    found = parse_json(metadata.get(f"datagen.{what}".encode(), b"{}"), where, ScoresError)
    if not isinstance(found, dict):
        raise ScoresError(f"{where}: expected keys and values", path=path)
    return found
