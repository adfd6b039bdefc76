"""Tables in a terminal: one row per thing, as wide as the window, never cut."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Collection, Iterable, Sequence
from io import StringIO

from datagen.core.terminal import plain

__all__ = ["table_lines", "terminal_width", "wrapped"]

_UNLIMITED = 1000
_GAP = 2


def terminal_width() -> int:
    """Return the columns of the terminal; very many where the output goes to a file or a pipe."""
    if os.environ.get("COLUMNS", "").isdecimal() or sys.stdout.isatty():
        return max(20, shutil.get_terminal_size().columns)
    return _UNLIMITED


def table_lines(
    head: Sequence[str],
    rows: Iterable[Sequence[object]],
    numbers: Collection[str] = (),
    width: int | None = None,
) -> list[str]:
    """Return the lines of a table; a cell that does not fit goes on in the next line.

    Args:
        head: The names of the columns.
        rows: The cells of each row.
        numbers: The columns that are aligned to the right and kept on one line.
        width: Columns of the terminal; by default those of this one.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), show_edge=False)
    for name in head:
        right = name in numbers
        table.add_column(
            Text(name),
            justify="right" if right else "left",
            no_wrap=right,
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(Text(plain(str(cell), one_line=True)) for cell in row))
    out = StringIO()
    console = Console(file=out, width=width or terminal_width(), highlight=False, color_system=None)
    console.print(table)
    return [line.rstrip() for line in out.getvalue().splitlines()]


def wrapped(line: str, width: int) -> list[str]:
    """Return a line of text cut at spaces to a width; what goes on is indented."""
    return textwrap.wrap(
        plain(line, one_line=True),
        width,
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
