"""Columns of a Parquet table that are read, and nested ones that are not."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import pyarrow as pa

from datagen.errors import SourceError
from datagen.sources.age_columns import refuse_structured
from datagen.sources.age_names import names_an_age

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
    passed = {name.strip() for name in ignored}
    for field in schema:
        is_read = field.name in mapped
        if not _is_nested(field.type) or (is_read and _is_numbers(_inner(_inner(field.type)))):
            chosen.append(field.name)
        elif is_read:
            raise SourceError(
                f"{where}: the column {field.name!r}, which the card maps, holds "
                f"{str(field.type)[:80]}: write single values or lists of numbers"
            )
        elif field.name.strip() not in passed and _may_hold_an_age(field):
            refuse_structured(field.name, str(field.type), where, advice)
    return chosen


def _may_hold_an_age(field: Any) -> bool:
    leaves = list(_leaves(field.name, field.type))
    return any(names_an_age(name) or not _states_nothing(kind) for name, kind in leaves)


def _leaves(name: str, kind: Any) -> Iterator[tuple[str, Any]]:
    """Yield the parts of a column that have a name, and the kinds of values in it."""
    yield name[:200], pa.null()
    stored = _stored(kind)
    if pa.types.is_struct(stored):
        for number in range(stored.num_fields):
            part = stored.field(number)
            yield from _leaves(part.name, part.type)
    elif _inner(stored) is not stored:
        yield from _leaves("", _inner(stored))
    else:
        yield "", stored


def _states_nothing(kind: Any) -> bool:
    return _is_numbers(kind) or pa.types.is_temporal(kind) or pa.types.is_null(kind)


def _is_numbers(kind: Any) -> bool:
    single = pa.types.is_integer(kind) or pa.types.is_floating(kind)
    return bool(single or pa.types.is_decimal(kind) or pa.types.is_boolean(kind))


def _inner(kind: Any) -> Any:
    """Return the kind of a list's values, or the same kind where it is no list."""
    return kind.value_type if any(is_list(kind) for is_list in _LISTS) else kind


def _is_nested(kind: Any) -> bool:
    stored = _stored(kind)
    inner = stored.value_type if pa.types.is_dictionary(stored) else stored
    return bool(pa.types.is_nested(inner))


def _stored(kind: Any) -> Any:
    return kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind
