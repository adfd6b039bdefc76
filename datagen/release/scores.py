"""The scores of a detector: the one place that writes and reads tables of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv
import pyarrow.parquet as pq

from datagen.core.files import staged
from datagen.core.text import near
from datagen.errors import ScoresError, one_per_line

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

KEYS = ("sample_id", "path", "sha256")
OK = "ok"

_SUFFIXES = (".parquet", ".csv")
_SHOWN = 3
# `<pair_id>.<kind>.<type>`, as in the tars; ids have no dots.
_MEMBER = r"^(?:.*[/\\])?([^/\\.]+)\.(real|control|fake)\.\w+$"
# `<sample_id>.<type>`, as a tool that unpacks images may name them.
_LOOSE = r"^(?:.*[/\\])?([^/\\.]+)\.\w+$"


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """The scores of one detector, one row per image.

    Attributes:
        where: The file that they come from, for messages.
        key: The manifest column that ``ids`` refers to: ``sample_id`` or ``sha256``.
        ids: Arrow array of unique ids.
        raw: Scores as given, float64; NaN where an image has none.
        probability: Probabilities of fake in [0, 1]: ``raw``, or its logistic function when the
            scores are logits.
        status: Arrow array: ``ok``, or the reason why an image has no score.
        digest: Arrow array of the sha256 of the scored images, or None where only ids are given.
        detector: What the file says about the detector; empty where it says nothing.
        release: Name, version and digests of the scored release; empty where the file says
            nothing.
    """

    where: str
    key: str
    ids: Any
    raw: npt.NDArray[np.float64]
    probability: npt.NDArray[np.float64]
    status: Any
    digest: Any = None
    detector: Mapping[str, Any] = field(default_factory=dict)
    release: Mapping[str, Any] = field(default_factory=dict)


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
    return _checked(
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
    return _checked(table, where, logits, {}, {})


def first_ids(ids: Any) -> str:
    """Return the first ids of an Arrow array, and how many more there are."""
    more = len(ids) - _SHOWN
    shown = ", ".join(ids.slice(0, _SHOWN).to_pylist())
    return shown + (f" and {more} more" if more > 0 else "")


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


def _checked(
    table: pa.Table, where: str, logits: bool, detector: dict[str, Any], release: dict[str, Any]
) -> Scores:
    key = _key_in(table.column_names, where)
    if table.num_rows == 0:
        _refuse(where, "no rows")
    if key == "sha256":  # several images of a release may have the same bytes: equal rows are one
        names = [name for name in ("sha256", "score", "status") if name in table.column_names]
        table = table.group_by(names, use_threads=False).aggregate([])
    ids = _ids(table.column(key), key, where)
    raw = _numbers(table.column("score"), where)
    status = _statuses(table, raw, where)
    digest = None
    if key != "sha256" and "sha256" in table.column_names:
        digest = _ids(table.column("sha256"), "sha256", where)
    _check_rows(ids, raw, status, where)
    probability = _logistic(raw) if logits else _in_range(raw, ids, where)
    key = "sha256" if key == "sha256" else "sample_id"
    return Scores(where, key, ids, raw, probability, status, digest, detector, release)


def _refuse(where: str, problem: str, key: str | None = None) -> NoReturn:
    raise ScoresError(f"{where}: {problem}", path=where, key=key)


def _key_in(names: list[str], where: str) -> str:
    keys = [name for name in KEYS if name in names]
    if not keys or "score" not in names:
        wanted = "score" if keys else f"{', '.join(KEYS[:-1])} or {KEYS[-1]}"
        hint = near("score" if keys else "sample_id", names)
        if len(names) == 1 and any(sign in names[0] for sign in ";\t|"):
            hint = " The columns of a CSV file are separated by commas."
        _refuse(where, f"no column {wanted}.{hint} It has: {', '.join(names)}")
    for name in (*keys, "score", "status"):
        if names.count(name) > 1:
            _refuse(where, f"{names.count(name)} columns are named {name!r}: keep one", name)
    return keys[0]


def _logistic(raw: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    from scipy.special import expit

    return np.asarray(expit(raw), np.float64)


def _ids(column: Any, key: str, where: str) -> Any:
    ids = _text(column.combine_chunks(), key, where)
    if key != "path":
        return pc.ascii_lower(ids) if key == "sha256" else ids
    member = pc.replace_substring_regex(ids, _MEMBER, r"\1-\2")
    loose = pc.replace_substring_regex(ids, _LOOSE, r"\1")
    return pc.if_else(pc.match_substring_regex(ids, _MEMBER), member, loose)


def _text(column: Any, name: str, where: str) -> Any:
    try:
        return pc.cast(column, pa.string())
    except pa.ArrowException:
        _refuse(where, f"column {name} holds {column.type} values, want text", name)


def _numbers(column: Any, where: str) -> npt.NDArray[np.float64]:
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
        if column.null_count == len(column):  # a run in which every image failed
            return np.full(len(column), np.nan)
        _refuse(where, f"column score holds {column.type} values, want numbers", "score")
    return np.asarray(pc.cast(column, pa.float64()).to_numpy(), np.float64)


def _statuses(table: Any, raw: npt.NDArray[np.float64], where: str) -> Any:
    if "status" not in table.column_names:
        return pa.array([OK]).take(pa.array(np.zeros(len(raw), np.int8)))
    column = table.column("status").combine_chunks()
    status = pc.fill_null(_text(column, "status", where), "")
    return pc.if_else(pc.equal(status, ""), OK, status)


def _check_rows(ids: Any, raw: npt.NDArray[np.float64], status: Any, where: str) -> None:
    def named(which: npt.NDArray[np.bool_]) -> str:
        return first_ids(ids.filter(pa.array(which)))

    problems = []
    if ids.null_count or pc.any(pc.equal(ids, "")).as_py():
        problems.append("a row without an id")
    counts = pc.value_counts(ids)
    repeated = counts.field("values").filter(pc.greater(counts.field("counts"), 1))
    if len(repeated):
        problems.append(f"{len(repeated)} ids appear more than once: {first_ids(repeated)}")
    fine = np.asarray(pc.equal(status, OK).to_numpy(zero_copy_only=False), np.bool_)
    missing = fine & np.isnan(raw)
    if missing.any():
        problems.append(
            f"{int(missing.sum())} scores are empty or NaN: {named(missing)}. An image that failed "
            "has no score, and a status that gives the reason"
        )
    failed = ~fine & ~np.isnan(raw)
    if failed.any():
        problems.append(
            f"{int(failed.sum())} images have a score although their status is not 'ok': "
            f"{named(failed)}"
        )
    if np.isinf(raw).any():
        problems.append(f"infinite scores: {named(np.isinf(raw))}")
    if problems:
        raise ScoresError(one_per_line(f"{where}:", problems), path=where)


def _in_range(raw: npt.NDArray[np.float64], ids: Any, where: str) -> npt.NDArray[np.float64]:
    outside = (raw < 0) | (raw > 1)
    if outside.any():
        _refuse(
            where,
            f"{int(outside.sum())} scores are outside [0, 1] (smallest {np.nanmin(raw):.6g}, "
            f"largest {np.nanmax(raw):.6g}): {first_ids(ids.filter(pa.array(outside)))}. If they "
            "are logits, use --logits",
            "score",
        )
    return raw
