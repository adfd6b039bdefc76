"""A table of scores as a user hands it in: read and checked, not yet joined to a release."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv
import pyarrow.parquet as pq

from datagen.core.registry import near
from datagen.errors import UserError, one_per_line

__all__ = ["KEYS", "OK", "Scores", "logistic", "named", "read_scores"]

KEYS = ("sample_id", "path", "sha256")
OK = "ok"

_SHOWN = 3
_CSV = (".csv", ".txt")
# `<pair_id>.<kind>.<type>`, as in the tars; ids have no dots.
_MEMBER = r"^(?:.*[/\\])?([^/\\.]+)\.(real|control|fake)\.\w+$"
# `<sample_id>.<type>`, as a tool that unpacks images may name them.
_LOOSE = r"^(?:.*[/\\])?([^/\\.]+)\.\w+$"


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """One line an image.

    Attributes:
        where: The file, for messages.
        key: Column of the manifest that ``ids`` are of: ``sample_id`` or ``sha256``.
        ids: Arrow strings, each once.
        raw: As given, float64; NaN where the image failed.
        probability: The same in [0, 1]: equal to ``raw``, or its logistic when logits were given.
        status: Arrow strings; ``ok``, or why there is no score.
        digest: Arrow strings, sha256 of the images that were scored, when told beside an id.
    """

    where: str
    key: str
    ids: Any
    raw: npt.NDArray[np.float64]
    probability: npt.NDArray[np.float64]
    status: Any
    digest: Any = None


def read_scores(path: Path, logits: bool = False) -> Scores:
    """Read Parquet or CSV.

    Columns: ``sample_id``, ``path`` (``<pair_id>.<kind>.jpg`` in any folder, as in the tars) or
    ``sha256``; ``score``, higher for fake; and, wanted where a score is missing, ``status``:
    ``ok`` or why the image has none. A ``sha256`` beside an id is held against the release.

    Args:
        path: The file.
        logits: Scores are any real numbers; their logistic is the probability.

    Raises:
        UserError: Unreadable, no id or score column or two of a name, an id twice or empty, a
            score that is not a number or outside [0, 1], a failed image with a score, a score
            missing without a status.
    """
    table = _read_table(path)
    where = str(path)
    names = table.column_names
    key = _key_in(names, where)
    if table.num_rows == 0:
        raise UserError(f"{where}: no lines")
    if key == "sha256":  # images of a release may have the same bytes: equal lines are one
        said = [name for name in ("sha256", "score", "status") if name in names]
        table = table.group_by(said, use_threads=False).aggregate([])
    ids = _ids(table.column(key), key, where)
    raw = _numbers(table.column("score"), where)
    status = _statuses(table, raw, where)
    digest = None
    if key != "sha256" and "sha256" in names:
        digest = _ids(table.column("sha256"), "sha256", where)
    _check(ids, raw, status, where)
    probability = logistic(raw) if logits else _in_range(raw, ids, where)
    key = "sha256" if key == "sha256" else "sample_id"
    return Scores(where, key, ids, raw, probability, status, digest)


def _key_in(names: list[str], where: str) -> str:
    keys = [name for name in KEYS if name in names]
    if not keys or "score" not in names:
        wanted = "score" if keys else f"{', '.join(KEYS[:-1])} or {KEYS[-1]}"
        hint = near("score" if keys else "sample_id", names)
        if len(names) == 1 and any(sign in names[0] for sign in ";\t|"):
            hint = " Columns of a CSV are separated by commas."
        raise UserError(f"{where}: no column {wanted}.{hint} It has: {', '.join(names)}")
    for name in (*keys, "score", "status"):
        if names.count(name) > 1:
            raise UserError(f"{where}: {names.count(name)} columns are named {name!r}: keep one")
    return keys[0]


def logistic(raw: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return 1 / (1 + exp(-raw)) without overflow; NaN stays NaN."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * raw)))


def named(ids: Any) -> str:
    """Return the first of some Arrow strings in words."""
    more = len(ids) - _SHOWN
    shown = ", ".join(str(value) for value in ids.slice(0, _SHOWN).to_pylist())
    return shown + (f" and {more} more" if more > 0 else "")


def _read_table(path: Path) -> Any:
    if not path.exists():
        raise UserError(f"{path}: no such file")
    try:
        if path.suffix.lower() in _CSV:
            text = {name: pa.string() for name in (*KEYS, "status")}
            return pv.read_csv(path, convert_options=pv.ConvertOptions(column_types=text))
        columns = [
            name for name in pq.read_schema(path).names if name in (*KEYS, "score", "status")
        ]
        return pq.read_table(path, columns=columns or None)
    except (pa.ArrowException, OSError) as error:
        first = str(error).partition("\n")[0]
        kind = "CSV" if path.suffix.lower() in _CSV else "Parquet"
        raise UserError(f"{path}: cannot be read as {kind}: {first}") from None


def _ids(column: Any, key: str, where: str) -> Any:
    column = column.combine_chunks() if hasattr(column, "combine_chunks") else column
    try:
        ids = pc.cast(column, pa.string())
    except pa.ArrowException:
        raise UserError(f"{where}: column {key} is {column.type}, want text") from None
    if key != "path":
        return pc.ascii_lower(ids) if key == "sha256" else ids
    member = pc.replace_substring_regex(ids, _MEMBER, r"\1-\2")
    loose = pc.replace_substring_regex(ids, _LOOSE, r"\1")
    return pc.if_else(pc.match_substring_regex(ids, _MEMBER), member, loose)


def _numbers(column: Any, where: str) -> npt.NDArray[np.float64]:
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
        if column.null_count == len(column):  # a run in which every image failed
            return np.full(len(column), np.nan)
        raise UserError(f"{where}: column score is {column.type}, want numbers")
    numbers = pc.cast(column, pa.float64()).to_numpy()
    return np.asarray(numbers, np.float64)


def _statuses(table: Any, raw: npt.NDArray[np.float64], where: str) -> Any:
    if "status" not in table.column_names:
        return pa.array([OK]).take(pa.array(np.zeros(len(raw), np.int8)))
    column = table.column("status").combine_chunks()
    try:
        status = pc.cast(column, pa.string())
    except pa.ArrowException:
        raise UserError(f"{where}: column status is {column.type}, want text") from None
    status = pc.fill_null(status, "")
    return pc.if_else(pc.equal(status, ""), OK, status)


def _check(ids: Any, raw: npt.NDArray[np.float64], status: Any, where: str) -> None:
    problems = []
    if ids.null_count or pc.any(pc.equal(ids, "")).as_py():
        problems.append("a line without an id")
    counts = pc.value_counts(ids)
    twice = counts.field("values").filter(pc.greater(counts.field("counts"), 1))
    if len(twice):
        problems.append(f"{len(twice)} ids stand there more than once: {named(twice)}")
    fine = np.asarray(pc.equal(status, OK).to_numpy(zero_copy_only=False), np.bool_)
    without = fine & np.isnan(raw)
    if without.any():
        problems.append(
            f"{int(without.sum())} scores are empty or NaN: {named(ids.filter(pa.array(without)))}"
            ". An image that failed has no score and a status that says why"
        )
    made_up = ~fine & ~np.isnan(raw)
    if made_up.any():
        problems.append(
            f"{int(made_up.sum())} images have a status other than 'ok' and yet a score: "
            f"{named(ids.filter(pa.array(made_up)))}"
        )
    if np.isinf(raw).any():
        problems.append(f"infinite scores: {named(ids.filter(pa.array(np.isinf(raw))))}")
    if problems:
        raise UserError(one_per_line(f"{where}:", problems))


def _in_range(raw: npt.NDArray[np.float64], ids: Any, where: str) -> npt.NDArray[np.float64]:
    outside = (raw < 0) | (raw > 1)
    if outside.any():
        raise UserError(
            f"{where}: {int(outside.sum())} scores are outside [0, 1] (smallest "
            f"{np.nanmin(raw):.6g}, largest {np.nanmax(raw):.6g}): "
            f"{named(ids.filter(pa.array(outside)))}. If they are logits, say --logits"
        )
    return raw
