"""What a value of a manifest may be: rules over whole Arrow columns.

A manifest is data, often a stranger's. Every row passes these rules before anything uses it; the
columns of ``schema`` name the rule of each. A rule looks at a column at once, and at a repeated
text once, so that a release of ten thousand rows is checked in some milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["Between", "Broken", "Items", "Json", "OneOf", "Rule", "Text", "broken_rows", "first"]

Rows = npt.NDArray[np.bool_]

_SHOWN = 60
_AT_ONCE = 1 << 16  # rows: a list of one has up to some hundred values


class Rule(Protocol):
    """A rule for the values of a column; nulls are not its matter."""

    @property
    def allowed(self) -> str:
        """What is allowed, in words."""
        ...

    def broken(self, values: Any) -> Rows:
        """Say for each value of an Arrow array, without nulls, whether it breaks the rule."""
        ...


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of a few values, text or whole numbers."""

    values: Sequence[str] | Sequence[int]

    @property
    def allowed(self) -> str:
        """See ``Rule``."""
        return ", ".join(map(str, self.values))

    def broken(self, values: Any) -> Rows:
        """See ``Rule``."""
        known = pa.array(list(self.values), values.type)
        return np.asarray(_numpy(pc.invert(pc.is_in(values, value_set=known))), np.bool_)


@dataclass(frozen=True, slots=True)
class Between:
    """A finite number within limits, both included."""

    low: float
    high: float

    @property
    def allowed(self) -> str:
        """See ``Rule``."""
        return f"{_number(self.low)} to {_number(self.high)}"

    def broken(self, values: Any) -> Rows:
        """See ``Rule``; a NaN is not within limits."""
        numbers = np.asarray(values.to_numpy(zero_copy_only=False))
        return ~((numbers >= self.low) & (numbers <= self.high))


@dataclass(frozen=True, slots=True)
class Text:
    """Text of bounded length.

    Attributes:
        longest: Most bytes in UTF-8.
        pattern: Regular expression of the whole text; empty: any text.
        words: The pattern in words.
        shortest: Fewest bytes.
    """

    longest: int
    pattern: str = ""
    words: str = ""
    shortest: int = 0

    @property
    def allowed(self) -> str:
        """See ``Rule``."""
        most = f"at most {self.longest:,} bytes"
        if self.shortest == self.longest:
            return self.words
        return f"{self.words}, {most}" if self.words else most

    def broken(self, values: Any) -> Rows:
        """See ``Rule``."""
        lengths = _numpy(pc.binary_length(values))
        wrong = (lengths > self.longest) | (lengths < self.shortest)
        if self.pattern and not wrong.all():
            short = values if not wrong.any() else values.filter(pa.array(~wrong))
            found = _numpy(pc.match_substring_regex(short, rf"\A(?:{self.pattern})\z"))
            wrong[~wrong] = ~found
        return np.asarray(wrong, np.bool_)


@dataclass(frozen=True, slots=True)
class Json:
    """An object in JSON, bounded in size and depth; it is parsed where it is used.

    Attributes:
        longest: Most bytes in UTF-8.
        openings: Most lists and objects in it, and so its depth.
    """

    longest: int
    openings: int

    @property
    def allowed(self) -> str:
        """See ``Rule``."""
        most = f"at most {self.longest:,} bytes with {self.openings:,} lists and objects"
        return f"a JSON object, {most}"

    def broken(self, values: Any) -> Rows:
        """See ``Rule``."""
        wrong = Text(self.longest, r"\{(?s:.*)\}").broken(values)
        opened = pc.count_substring_regex(values, r"[\[{]")
        return np.asarray(wrong | (_numpy(opened) > self.openings), np.bool_)


@dataclass(frozen=True, slots=True)
class Items:
    """A list of bounded length without nulls, whose items follow a rule."""

    rule: Rule
    most: int
    fewest: int = 0

    @property
    def allowed(self) -> str:
        """See ``Rule``."""
        count = f"{self.most}" if self.fewest == self.most else f"at most {self.most}"
        return f"{count} items: {self.rule.allowed}"

    def broken(self, values: Any) -> Rows:
        """See ``Rule``."""
        counts = _numpy(pc.list_value_length(values))
        wrong = np.asarray((counts > self.most) | (counts < self.fewest), np.bool_)
        parents, items = _numpy(pc.list_parent_indices(values)), pc.list_flatten(values)
        missing = _numpy(pc.is_null(items))
        wrong[parents[missing]] = True
        there = items if not missing.any() else items.filter(pa.array(~missing))
        wrong[parents[~missing][_by_value(self.rule, there)]] = True
        return wrong


@dataclass(frozen=True, slots=True)
class Broken:
    """Rows of a table that break the rule of a column.

    Attributes:
        column: Name of the column.
        rows: For each row whether it does.
        found: The value of the first one, shortened.
        allowed: What is allowed.
    """

    column: str
    rows: Rows
    found: str
    allowed: str

    @property
    def row(self) -> int:
        """Number of the first row, counted from 1."""
        return int(np.argmax(self.rows)) + 1

    def __str__(self) -> str:
        """Say which row and column, what was found and what is allowed."""
        more = int(self.rows.sum()) - 1
        others = f" (and {more} more)" if more else ""
        return (
            f"row {self.row}{others}, column {self.column!r}: found {self.found}, "
            f"allowed: {self.allowed}"
        )


def broken_rows(name: str, column: Any, rule: Rule, nullable: bool) -> Iterator[Broken]:
    """Yield what is wrong with a column, once at most.

    Args:
        name: Name of the column.
        column: Arrow chunked array, plain or of dictionaries.
        rule: Rule of its values.
        nullable: Whether it may have nulls.
    """
    parts = [
        _of_chunk(chunk.slice(at, _AT_ONCE), rule, nullable)
        for chunk in column.chunks
        for at in range(0, len(chunk), _AT_ONCE)
    ]
    rows = np.concatenate(parts) if parts else np.zeros(0, np.bool_)
    if rows.any():
        allowed = rule.allowed + (", or null" if nullable else "")
        yield Broken(name, rows, first(column, rows), allowed)


def first(column: Any, rows: Rows) -> str:
    """Return the value of the first of some rows as text, shortened."""
    scalar = column[int(np.argmax(rows))]
    if pa.types.is_dictionary(scalar.type):
        scalar = scalar.value
    length = len(scalar.as_buffer()) if pa.types.is_string(scalar.type) and scalar.is_valid else 0
    if length > _SHOWN * 4:  # never make a gigabyte of text readable
        start = scalar.as_buffer().slice(0, _SHOWN).to_pybytes().decode("utf-8", "replace")
        return f"{start!r}... ({length:,} bytes)"
    if pa.types.is_list(scalar.type) and scalar.is_valid and len(scalar) > _SHOWN:
        return f"a list of {len(scalar):,} items"
    text = repr(scalar.as_py())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _of_chunk(chunk: Any, rule: Rule, nullable: bool) -> Rows:
    missing = _numpy(pc.is_null(chunk))
    if not missing.any():
        return _by_value(rule, chunk)
    wrong = np.zeros(len(chunk), np.bool_) if nullable else np.array(missing, np.bool_)
    wrong[~missing] |= _by_value(rule, chunk.filter(pa.array(~missing)))
    return wrong


def _by_value(rule: Rule, values: Any) -> Rows:
    """Apply a rule to an array without nulls; to a dictionary's values only once."""
    if not len(values):
        return np.zeros(0, np.bool_)
    if not pa.types.is_dictionary(values.type):
        return rule.broken(values)
    known = values.dictionary
    missing = _numpy(pc.is_null(known))
    wrong = np.array(missing, np.bool_)
    wrong[~missing] = rule.broken(known if not missing.any() else known.drop_null())
    return np.asarray(wrong[_numpy(values.indices)], np.bool_)


def _numpy(values: Any) -> Any:
    return np.asarray(values.to_numpy(zero_copy_only=False))


def _number(value: float) -> str:
    return f"{int(value):,}" if float(value).is_integer() else f"{value:g}"
