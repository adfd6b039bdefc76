"""Columns of a manifest that must agree with each other, as far as a table has them.

``verify`` names every row that does not agree; a reader stops at the first, because such rows
would silently train or measure something else.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagen.release.grammar import Broken, first
from datagen.release.rules import KINDS

__all__ = ["broken_segments", "disagreeing_rows"]

_FAKES = [kind for kind, label in KINDS.items() if label]
_MASK = ("mask_path", "mask_offset", "mask_size")


def disagreeing_rows(table: pa.Table) -> Iterator[Broken]:
    """Yield what does not agree in the rows of a shard, each of which keeps its own rules.

    Args:
        table: Some columns of a manifest file.
    """
    names = set(table.column_names)
    if "kind" in names:
        fake = pc.is_in(_texts(table, "kind"), value_set=pa.array(_FAKES))
        if "label" in names:
            wrong = pc.not_equal(pc.equal(table.column("label"), 1), fake)
            yield from _broken(table, "label", wrong, "1 for a fake, 0 for the others")
        for name in _MASK:
            if name in names:
                wrong = pc.and_(fake, pc.is_null(table.column(name)))
                yield from _broken(table, name, wrong, "a mask for a fake")
    if {"kind", "pair_id", "sample_id"} <= names:
        own = pc.binary_join_element_wise(_texts(table, "pair_id"), _texts(table, "kind"), "-")
        wrong = pc.not_equal(_texts(table, "sample_id"), own)
        yield from _broken(table, "sample_id", wrong, "<pair_id>-<kind>")
    if "sample_id" in names:
        ids = _texts(table, "sample_id").combine_chunks()
        once = pc.index_in(ids, value_set=ids)
        wrong = pc.not_equal(once, pa.array(np.arange(len(ids)), once.type))
        yield from _broken(table, "sample_id", wrong, "each id once")

    yield from broken_segments(table)


def broken_segments(table: pa.Table) -> Iterator[Broken]:
    """Yield the clips whose manipulated frames are none of a clip of their kind.

    Args:
        table: Some columns of a manifest file.
    """
    if not {"kind", "frames", "segments"} <= set(table.column_names):
        return
    fake = pc.is_in(_texts(table, "kind"), value_set=pa.array(_FAKES)).to_pylist()
    lengths = table.column("frames").to_pylist()
    columns = zip(fake, lengths, table.column("segments").to_pylist(), strict=True)
    wrong = pa.array(
        [
            bool(segments) != is_fake or any(not a < b <= frames for a, b in segments)
            for is_fake, frames, segments in columns
        ],
        pa.bool_(),
    )
    allowed = "frames of the clip for a fake, none for the others"
    yield from _broken(table, "segments", wrong, allowed)


def _texts(table: pa.Table, column: str) -> Any:
    """Return a column of short texts, which may be stored as a dictionary."""
    return pc.cast(table.column(column), pa.string())


def _broken(table: pa.Table, column: str, wrong: Any, allowed: str) -> Iterator[Broken]:
    rows = np.asarray(wrong.to_numpy(zero_copy_only=False), np.bool_)
    if rows.any():
        yield Broken(column, rows, first(table.column(column), rows), allowed)
