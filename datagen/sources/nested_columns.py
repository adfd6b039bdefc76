"""Columns of a Parquet table that are read, and nested ones that are not."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import pyarrow as pa

from datagen.errors import SourceError
from datagen.sources.age_columns import refuse_structured
from datagen.sources.age_names import LONGEST, names_an_age
from datagen.sources.parquet_table import stored

__all__ = ["columns_to_read"]

_LISTS = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)


def columns_to_read(
    schema: Any, mapped: Collection[str], ignored: Collection[str], where: str, advice: str
) -> list[str]:
    """Return the names of all columns but nested ones that the card does not map.

    Args:
        schema: The ``pyarrow.Schema`` of the table.
        mapped: Columns that the card maps.
        ignored: Columns that the card names as holding no age: ``ignore``.
        where: Source and table, for the message.
        advice: How an age is read, e.g. ``map it in columns.age``.

    Raises:
        SourceError: Another nested column may hold an age: texts, or a part with the name of one.
    """
    chosen = []
    for field in schema:
        is_read = field.name in mapped
        if not _is_nested(field.type) or (is_read and _is_plain(_inner(_inner(field.type)))):
            chosen.append(field.name)
        elif is_read:
            raise SourceError(
                f"{where}: the column {field.name!r}, which the card maps, holds "
                f"{str(field.type)[:80]}: write single values or lists of numbers"
            )
        elif field.name not in ignored and _may_hold_an_age(field):
            refuse_structured(field.name, str(field.type), where, advice)
    return chosen


def _may_hold_an_age(field: Any) -> bool:
    return any(
        len(path) > LONGEST
        or any(map(names_an_age, (path, path.rpartition("/")[2])))
        or not _states_nothing(kind)
        for path, kind in _parts(field.name, field.type)
    )


def _parts(path: str, kind: Any) -> Iterator[tuple[str, Any]]:
    """Yield the parts of a column with their names, and the kinds of single values."""
    plain = stored(kind)
    yield path, pa.null() if _is_nested(plain) else plain
    if pa.types.is_map(plain):
        yield path, pa.string()  # its keys are names
        return
    for number in range(plain.num_fields):
        part = plain.field(number)
        yield from _parts(f"{path}/{part.name}", part.type)


def _states_nothing(kind: Any) -> bool:
    return _is_numbers(kind) or pa.types.is_temporal(kind) or pa.types.is_null(kind)


def _is_numbers(kind: Any) -> bool:
    return bool(_is_plain(kind) or pa.types.is_decimal(kind) or pa.types.is_boolean(kind))


def _is_plain(kind: Any) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _inner(kind: Any) -> Any:
    """Return the kind of a list's values, or the same kind where it is no list."""
    return kind.value_type if any(is_list(kind) for is_list in _LISTS) else kind


def _is_nested(kind: Any) -> bool:
    plain = stored(kind)
    inner = plain.value_type if pa.types.is_dictionary(plain) else plain
    return bool(pa.types.is_nested(inner))
