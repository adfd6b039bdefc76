"""Whether a cell of a column is refused as an age that nothing reads."""

from __future__ import annotations

from datagen.errors import SourceError
from datagen.sources.age_columns import refuse_unread_ages

__all__ = ["looks_like_age"]


def looks_like_age(name: str, value: object) -> bool:
    """Ask a table of one cell."""
    try:
        refuse_unread_ages([{name: value}], [], [], "here", "map it")
    except SourceError as error:
        return "looks like an age" in str(error)
    return False
