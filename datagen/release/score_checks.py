"""Checking a table of scores, whatever file or table it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from datagen.core.text import first_of, near
from datagen.errors import ScoresError, one_per_line

__all__ = ["KEYS", "OK", "Scores", "checked_scores", "first_ids"]

KEYS = ("sample_id", "path", "sha256")
OK = "ok"

_SHOWN = 3
_SHOWN_NAMES = 20
_LONGEST = 128  # characters of an id in a message
# `<pair_id>.<kind>.<type>`, as in the tars; ids have no dots.
_MEMBER = r"^(?:.*[/\\])?([^/\\.]+)\.(real|control|fake)(?:\.\d{6})?\.\w+$"
# `<pair_id>.<kind>.<frame>.png`, where clips are stored as frames.
_FRAME_MEMBER = r"^(?:.*[/\\])?[^/\\.]+\.(?:real|control|fake)\.(?P<frame>\d{6})\.\w+$"
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
        frame: Number of the frame that each row scores, int64; None where rows score whole images
            or clips. ``ids`` are then unique together with it.
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
    frame: npt.NDArray[np.int64] | None = None


def checked_scores(
    table: pa.Table,
    where: str,
    logits: bool,
    detector: Mapping[str, Any],
    release: Mapping[str, Any],
) -> Scores:
    """Check the columns and rows of a table; ``read_scores`` describes them.

    Args:
        table: Arrow table with an id column and a score column.
        where: What messages call it.
        logits: Whether the scores are logits.
        detector: What is known about the detector.
        release: What is known about the release.

    Raises:
        ScoresError: See ``read_scores``.
    """
    key = _key_in(table.column_names, where)
    table = _without_blank_rows(table)
    if table.num_rows == 0:
        _refuse(where, "no rows")
    if key == "sha256":  # several images of a release may have the same bytes: equal rows are one
        columns = ("sha256", "score", "status", "frame")
        names = [name for name in columns if name in table.column_names]
        table = table.group_by(names, use_threads=False).aggregate([])
    ids = _ids(table.column(key), key, where)
    raw = _numbers(table.column("score"), where)
    status = _statuses(table, raw, where)
    digest = None
    if key != "sha256" and "sha256" in table.column_names:
        digest = _ids(table.column("sha256"), "sha256", where)
    frame = _frame_numbers(table, key, where)
    _check_rows(ids, raw, status, where, frame)
    probability = _logistic(raw) if logits else _in_range(raw, ids, where)
    key = "sha256" if key == "sha256" else "sample_id"
    return Scores(where, key, ids, raw, probability, status, digest, detector, release, frame)


def first_ids(ids: Any) -> str:
    """Return the first ids of an Arrow array, and how many more there are."""
    more = len(ids) - _SHOWN
    names = ["(none)" if one is None else str(one) for one in ids.slice(0, _SHOWN).to_pylist()]
    shown = ", ".join(one if len(one) <= _LONGEST else f"{one[:_LONGEST]}..." for one in names)
    return shown + (f" and {more} more" if more > 0 else "")


def _refuse(where: str, problem: str, key: str | None = None) -> NoReturn:
    raise ScoresError(f"{where}: {problem}", path=where, key=key)


def _key_in(names: list[str], where: str) -> str:
    keys = [name for name in KEYS if name in names]
    if not keys or "score" not in names:
        wanted = "score" if keys else f"{', '.join(KEYS[:-1])} or {KEYS[-1]}"
        hint = near("score" if keys else "sample_id", names)
        if len(names) == 1 and any(sign in names[0] for sign in ";\t|,"):
            hint = " The columns of a .csv file are separated by commas, of a .tsv file by tabs."
        shown = first_of([name[:_LONGEST] for name in names], _SHOWN_NAMES)
        _refuse(where, f"no column {wanted}.{hint} It has: {shown}")
    for name in (*keys, "score", "status", "frame"):
        if names.count(name) > 1:
            _refuse(where, f"{names.count(name)} columns are named {name!r}: keep one", name)
    return keys[0]


def _without_blank_rows(table: pa.Table) -> pa.Table:
    """Return the rows in which anything is written: spreadsheets end with empty ones."""
    blank: Any = None
    for name in (*KEYS, "score", "status"):
        if name not in table.column_names:
            continue
        column = table.column(name)
        empty = pc.is_null(column)
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            empty = pc.or_(empty, pc.fill_null(pc.equal(pc.utf8_trim_whitespace(column), ""), True))
        blank = empty if blank is None else pc.and_(blank, empty)
    return table.filter(pc.invert(blank)) if pc.any(blank).as_py() else table


def _logistic(raw: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    from scipy.special import expit

    return np.asarray(expit(raw), np.float64)


def _ids(column: Any, key: str, where: str) -> Any:
    ids = pc.utf8_trim_whitespace(_text(column.combine_chunks(), key, where))
    if key != "path":
        return pc.ascii_lower(ids) if key == "sha256" else ids
    member = pc.replace_substring_regex(ids, _MEMBER, r"\1-\2")
    loose = pc.replace_substring_regex(ids, _LOOSE, r"\1")
    return pc.if_else(pc.match_substring_regex(ids, _MEMBER), member, loose)


def _text(column: Any, name: str, where: str) -> Any:
    try:
        return pc.cast(column, pa.string())
    except pa.ArrowException:
        _refuse(
            where, f"column {name} holds {str(column.type)[:_LONGEST]} values, expected text", name
        )


def _numbers(column: Any, where: str) -> npt.NDArray[np.float64]:
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
        if column.null_count == len(column):  # a run in which every image failed
            return np.full(len(column), np.nan)
        _refuse(
            where,
            f"column score holds {column.type} values, expected numbers{_example(column)}",
            "score",
        )
    # Not exact for whole numbers of 16 digits, which are no scores: what follows says so.
    return np.asarray(pc.cast(column, pa.float64(), safe=False).to_numpy(), np.float64)


def _frame_numbers(table: Any, key: str, where: str) -> npt.NDArray[np.int64] | None:
    """Return which frame each row scores, by a column or by the names of the frames' files."""
    if "frame" in table.column_names:
        return _frames(table.column("frame"), where)
    if key != "path":
        return None
    named = _text(table.column("path").combine_chunks(), "path", where)
    found = pc.extract_regex(pc.utf8_trim_whitespace(named), _FRAME_MEMBER)
    if found.null_count:
        return None
    return _frames(pc.struct_field(found, "frame"), where)


def _frames(column: Any, where: str) -> npt.NDArray[np.int64]:
    """Return the numbers of frames, which must be whole and at least 0."""
    try:
        frames = pc.cast(column, pa.int64())  # refuses 1.5 and texts that are no numbers
    except pa.ArrowException as error:
        problem = str(error).partition("\n")[0][:_LONGEST]
        _refuse(where, f"column frame: expected whole numbers, counted from 0: {problem}", "frame")
    if frames.null_count:
        _refuse(where, f"column frame: {frames.null_count} rows without a frame", "frame")
    found = np.asarray(frames.to_numpy(), np.int64)
    if len(found) and found.min() < 0:
        _refuse(where, f"column frame: {found.min()}, frames are counted from 0", "frame")
    return found


def _statuses(table: Any, raw: npt.NDArray[np.float64], where: str) -> Any:
    if "status" not in table.column_names:
        return pa.array([OK]).take(pa.array(np.zeros(len(raw), np.int8)))
    column = table.column("status").combine_chunks()
    status = pc.utf8_trim_whitespace(pc.fill_null(_text(column, "status", where), ""))
    return pc.if_else(pc.equal(status, ""), OK, status)


def _check_rows(
    ids: Any,
    raw: npt.NDArray[np.float64],
    status: Any,
    where: str,
    frame: npt.NDArray[np.int64] | None,
) -> None:
    def named(which: npt.NDArray[np.bool_]) -> str:
        return first_ids(ids.filter(pa.array(which)))

    problems = []
    if ids.null_count or pc.any(pc.equal(ids, "")).as_py():
        problems.append("a row without an id")
    if len(repeated := _repeated(ids, frame)):
        twice = "appear more than once" if frame is None else "score a frame more than once"
        problems.append(f"{len(repeated)} ids {twice}: {first_ids(repeated)}")
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


def _repeated(ids: Any, frame: npt.NDArray[np.int64] | None) -> Any:
    """Return the ids that stand in several rows, of the same frame where rows are frames."""
    if frame is None:
        counts = pc.value_counts(pc.drop_null(ids))
        return counts.field("values").filter(pc.greater(counts.field("counts"), 1))
    rows = pa.table({"id": ids, "frame": frame}).group_by(["id", "frame"], use_threads=False)
    found = rows.aggregate([([], "count_all")])
    again = pc.and_(pc.greater(found.column("count_all"), 1), pc.is_valid(found.column("id")))
    return pc.unique(found.column("id").filter(again))


def _in_range(raw: npt.NDArray[np.float64], ids: Any, where: str) -> npt.NDArray[np.float64]:
    outside = (raw < 0) | (raw > 1)
    if outside.any():
        low, high = np.nanmin(raw), np.nanmax(raw)
        percent = (
            "If they are percentages, divide them by 100; if" if 0 <= low <= high <= 100 else "If"
        )
        _refuse(
            where,
            f"{int(outside.sum())} scores are outside [0, 1] (smallest {low:.6g}, "
            f"largest {high:.6g}): {first_ids(ids.filter(pa.array(outside)))}. {percent} they "
            "are logits, say so: --logits, in Python logits=True",
            "score",
        )
    return raw


def _example(column: Any) -> str:
    """Return the first text among the scores that is no number, and what to do about it."""
    if not pa.types.is_string(column.type) and not pa.types.is_large_string(column.type):
        return ""
    for value in pc.unique(column).to_pylist():
        text = (value or "").strip()
        try:
            float(text or "0")
        except ValueError:
            cure = ": write 0.87 for 87%" if text.endswith("%") else ""
            return f", e.g. not {text[:_LONGEST]!r}{cure}"
    return ": they are numbers written as texts, convert them"
