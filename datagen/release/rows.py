"""Rows of the manifest that callers hand in, checked before they are used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from datagen.core.arguments import found
from datagen.errors import ReleaseError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Row", "checked_row", "is_absent"]

Row: TypeAlias = "Mapping[Any, Any] | pd.Series[Any]"
"""A row of the manifest: a dict, or a row of the pandas table."""


def checked_row(row: Row, columns: Sequence[str]) -> Row:
    """Return a row that has some columns.

    Raises:
        ReleaseError: It is no row, or lacks one of them.
    """
    is_row = isinstance(row, Mapping) or (hasattr(row, "keys") and not hasattr(row, "columns"))
    if not is_row:
        raise ReleaseError(
            f"row: must be a row of the manifest, as in table().iloc[0] or pair.rows "
            f"({found(row)})",
            key="row",
        )
    lacking = [name for name in columns if name not in row]
    if lacking:
        raise ReleaseError(
            f"the row lacks {', '.join(lacking)}: read it with table() without columns=",
            key=lacking[0],
        )
    return row


def is_absent(value: object) -> bool:
    """Return whether a value is null, or the NaN that pandas puts for a missing number."""
    return value is None or value != value
