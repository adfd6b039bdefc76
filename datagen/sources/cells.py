"""Tables of others: from a CSV file to rows, and from a cell to a text or a number.

A table may be a stranger's, or another file that was named by mistake: messages name columns and
single cells, never the content of what is no table.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from datagen.core.text import first_line, first_of, shortened
from datagen.errors import SourceError
from datagen.sources.age_names import LONGEST, names_an_age

__all__ = [
    "attribute",
    "below_root",
    "box_of",
    "check_box",
    "columns_of",
    "distinct_cells",
    "number",
    "numbers",
    "read_csv",
    "rows_of",
    "says_nothing",
    "text",
]

# Ages are the only single numbers in tables.
_MAX = 130
_MAX_PIXEL = 1e9
_MAX_COLUMNS = 1000
_CELLS_PER_LETTER, _FEW_CELLS = 2, 2_000_000
_ROWS = 4096
_SHOWN = 12
_WHOLE = 2**53  # from here on, a floating-point number does not hold every whole one

# What R, pandas and spreadsheets write for a cell that is not stated.
_NOTHING = frozenset(
    {
        *("NA", "N/A", "n/a", "#N/A", "#NA", "#N/A N/A", "<NA>", "NaN", "nan", "-NaN", "-nan"),
        *("None", "null", "NULL", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"),
    }
)
_DRIVE = re.compile(r"[A-Za-z]:[\\/]|\\\\")


def read_csv(content: io.StringIO, where: str) -> pd.DataFrame:
    """Return a CSV table with all cells as text as they are written; see ``rows_of``.

    Raises:
        SourceError: It is not a table, or its rows do not match its header.
    """
    try:
        written = content.read().lstrip("\r\n")
        body = io.StringIO(written)
        names = next(csv.reader(body), [])
        if len(names) > _MAX_COLUMNS:  # before pandas, which takes seconds for 100,000 of them
            raise SourceError(f"{where}: {len(names)} columns, and at most {_MAX_COLUMNS} are read")
        _refuse_other_delimiter(names, where)
        _refuse_repeated(names, where)
        _refuse_missing_cells(written, len(names), where)
        body.seek(0)
        table = pd.read_csv(body, dtype=str, keep_default_na=False, skip_blank_lines=False)
    except (ValueError, OverflowError, csv.Error) as error:  # those of pandas are ValueErrors
        raise SourceError(f"{where}: not a table: {first_line(error)[:200]}") from None
    # If rows have one cell more than the header, pandas takes the first column as row names and
    # shifts all others to the left.
    if not isinstance(table.index, pd.RangeIndex):
        raise SourceError(f"{where}: the rows have more cells than the header has names")
    return table


def _refuse_other_delimiter(names: list[str], where: str) -> None:
    """Refuse a header of one name that holds another sign between names."""
    for sign, word in {";": "semicolons", "\t": "tabs"}.items():
        if len(names) == 1 and sign in names[0]:
            raise SourceError(
                f"{where}: its columns are separated by {word}: separate them by commas, and write "
                "numbers with a decimal point"
            )


def _refuse_repeated(names: list[str], where: str) -> None:
    """Refuse two columns of one name, of which pandas would rename the second."""
    counts = Counter(name for name in names if name.strip())
    if twice := next((name for name, count in counts.items() if count > 1), ""):
        raise SourceError(f"{where}: two columns are called {shortened(twice)}: rename one of them")


def _refuse_missing_cells(written: str, columns: int, where: str) -> None:
    """Refuse many lines of fewer cells than the header has names: each takes the memory of all."""
    lines = written.count("\n") + written.count("\r")
    most = max(_FEW_CELLS, _CELLS_PER_LETTER * len(written))
    if lines * columns > most:
        raise SourceError(
            f"{where}: {lines:,} lines under {columns:,} names, and most lines have fewer cells: "
            f"at most {most:,} cells are read from a file of this size"
        )


def rows_of(table: pd.DataFrame) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the rows of a table with their numbers, counted from 1, and without blank ones."""
    names = [str(name) for name in table.columns]
    for start in range(0, len(table), _ROWS):
        part = table.iloc[start : start + _ROWS].to_dict("records")
        for number, cells in enumerate(part, start=start + 1):
            if not all(map(_is_blank, cells.values())):
                yield number, dict(zip(names, cells.values(), strict=True))


def _is_blank(cell: Any) -> bool:
    if isinstance(cell, str):
        return not cell.strip()
    return cell is None or cell is pd.NA or cell is pd.NaT or (cell != cell) is True


def distinct_cells(table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield the different cells of a table, each as a row of its own.

    Of numbers and times in a column that is no age by its name, the first is enough.
    """
    for name in table.columns:
        doubted = names_an_age(str(name).strip()[:LONGEST])
        yield from ({str(name): cell} for cell in _distinct(table[name], doubted))


def _distinct(column: pd.Series[Any], doubted: bool) -> Iterable[Any]:
    # Texts have hashes of their own in every process. Numbers do not: of some, a table of them
    # takes the square of their number.
    plain = column.dt.tz_convert(None) if isinstance(column.dtype, pd.DatetimeTZDtype) else column
    if isinstance(plain.dtype, np.dtype) and plain.dtype.kind in "biufmM":
        places = np.unique(plain.to_numpy(), return_index=True)[1] if doubted else slice(1)
        return column.iloc[places]
    texts = dict.fromkeys(cell for cell in column if isinstance(cell, str | bytes))
    many = str | bytes if doubted else str | bytes | int | float | Decimal
    others = (one for one in column if not isinstance(one, many))
    first = column[:1] if not texts and len(column) and isinstance(column.iloc[0], many) else ()
    return itertools.chain(texts, others, first)


def columns_of(table: pd.DataFrame) -> str:
    """Return the names of a table's columns for a message.

    The one column of a file without commas is not shown: it is the first line of whatever it is.
    """
    if len(table.columns) < 2:
        return "one column, without any comma"
    return first_of([str(name)[:40] for name in table.columns], _SHOWN)


def text(value: Any) -> str | None:
    """Return a cell as stripped text, whatever it says; ``None`` if it is empty.

    Raises:
        SourceError: It is a number that has lost its last digits, or bytes that are no text.
    """
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, bytes):
        try:
            value = value.decode()
        except UnicodeDecodeError:
            raise SourceError(f"the cell {shortened(value)} is not UTF-8") from None
    if isinstance(value, float):
        if np.isnan(value):
            return None
        if value.is_integer():
            if abs(value) >= _WHOLE:
                raise SourceError(
                    f"the cell {value:.0f} is stored as a floating-point number, which does not "
                    "hold that many digits: store the column as text"
                )
            value = int(value)
    return str(value).strip() or None


def says_nothing(word: str) -> bool:
    """Return whether a text is one that programs write for a cell that is not stated."""
    return word.strip() in _NOTHING


def attribute(value: Any) -> str | None:
    """Return a cell that describes somebody: as ``text``, but ``NA`` and the like are empty."""
    shown = text(value)
    return None if shown is None or says_nothing(shown) else shown


def below_root(path: str, exists: Callable[[str], bool]) -> str:
    """Return the path of an image in a table with the separators of this system.

    Args:
        path: As the table writes it, perhaps on Windows.
        exists: Whether there is a file of this very name, which may hold a backslash here.

    Raises:
        SourceError: It begins with a drive or a server.
    """
    if _DRIVE.match(path):
        raise SourceError(
            f"the path {shortened(path)} begins with a drive or a server: write it relative to the "
            "root"
        )
    if "\\" not in path or exists(path):
        return path
    return path.replace("\\", "/")


def number(value: Any, where: str) -> float | None:
    """Return a cell as a number; ``None`` if it is empty.

    Raises:
        SourceError: The cell is not a number, or out of range.
    """
    shown = attribute(value)
    if shown is None:
        return None
    try:
        found = float(shown)
    except ValueError:
        raise SourceError(f"{where}: expected a number, found {shortened(shown)}") from None
    if not 0 <= found <= _MAX:
        raise SourceError(f"{where}: expected a number from 0 to {_MAX}, found {shortened(shown)}")
    return found


def numbers(value: Any, count: int, where: str) -> np.ndarray[Any, np.dtype[np.float32]] | None:
    """Return a cell as ``count`` numbers; ``None`` if it is empty.

    Raises:
        SourceError: The cell holds something else, more or fewer, or numbers that are no pixels.
    """
    cell = value
    try:
        if not isinstance(cell, list | tuple | np.ndarray):
            if (cell := attribute(value)) is None:
                return None
            cell = json.loads(cell) if cell.startswith("[") else cell.replace(",", " ").split()
        parts = [float(part) for part in _flat(cell, count)]
    except (OverflowError, RecursionError, TypeError, ValueError):
        raise SourceError(
            f"{where}: expected {count} numbers, found {shortened(value)}: write them as text such "
            "as '1 2 3' or '[1, 2, 3]'"
        ) from None
    finite = sum(abs(part) <= _MAX_PIXEL for part in parts)
    if len(parts) != count or finite != count:
        found = f"more than {count}" if len(parts) > count else str(len(parts))
        raise SourceError(
            f"{where}: expected {count} finite numbers, found {found}, {finite} of them finite"
        )
    return np.array(parts, np.float32)


def box_of(value: Any, where: str) -> np.ndarray[Any, np.dtype[np.float32]] | None:
    """Return a cell as a face box ``x0 y0 x1 y1`` in pixels; ``None`` if it is empty.

    Raises:
        SourceError: The cell holds something else, or a box of another form.
    """
    found = numbers(value, 4, where)
    return None if found is None else check_box(found, where)


def check_box(
    box: np.ndarray[Any, np.dtype[np.float32]], where: str
) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return a face box that has a width and a height in pixels.

    Raises:
        SourceError: It has none; the message says which form it may have.
    """
    shown = " ".join(f"{side:g}" for side in box)
    if not (box[2:] > box[:2]).all():
        raise SourceError(
            f"{where}: expected x0 y0 x1 y1, where x1 and y1 must be greater than x0 and y0, found "
            f"{shown}. Are these x, y, width and height?"
        )
    if (box >= 0).all() and (box <= 1).all():
        raise SourceError(
            f"{where}: {shown} are shares of the image's sides: write the box in pixels"
        )
    return box


def _flat(value: Any, count: int) -> Iterator[Any]:
    """Yield the first ``count + 1`` values of a list, or of a list of lists."""
    left = count + 1
    for part in value:
        for one in part if isinstance(part, list | tuple | np.ndarray) else (part,):
            if not left:
                return
            left -= 1
            yield one
