"""The JSON columns of a manifest row, parsed where they are used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from datagen.core.json_io import deeper, parse_json
from datagen.errors import ReleaseError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["json_object", "operations_of"]

_MAX_DEPTH = 32


def json_object(row: Mapping[Any, Any] | pd.Series[Any], column: str) -> dict[str, Any]:
    """Return the object in a JSON column of a row.

    Raises:
        ReleaseError: It is no object.
    """
    sample = str(row["sample_id"]) if "sample_id" in row else "a row"
    where = f"{sample}: column {column!r}"
    found = parse_json(str(row[column]), where, ReleaseError)
    if not isinstance(found, dict) or deeper(found, _MAX_DEPTH):
        raise ReleaseError(
            f"{where}: expected a JSON object, nested at most {_MAX_DEPTH} deep",
            key=column,
            row=sample,
        )
    return found


def operations_of(row: Mapping[Any, Any] | pd.Series[Any]) -> list[dict[str, Any]]:
    """Return the operations of a row's degradation: ``use``, ``params`` and ``changed`` of each.

    Raises:
        ReleaseError: The column does not hold them.
    """
    found = json_object(row, "degradation_params").get("operations")
    if isinstance(found, list) and all(map(_is_operation, found)):
        return found
    raise ReleaseError(
        f"{row['sample_id']}: column 'degradation_params': expected operations with 'use' and "
        "'params'",
        key="degradation_params",
        row=str(row["sample_id"]),
    )


def _is_operation(value: Any) -> bool:
    fine = isinstance(value, dict) and isinstance(value.get("use"), str)
    return fine and isinstance(value.get("params"), dict)
