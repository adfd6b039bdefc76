"""Rows whose columns do not agree are refused by every reader."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from datagen.errors import ReleaseError
from datagen.loaders import PairDataset
from datagen.release.agreement import disagreeing_rows
from datagen.release.reader import Release
from datagen.release.schema import MANIFEST
from tests.support.releases import change_rows, good_row
from tests.support.world import World

Rows = list[dict[str, Any]]
PLACE = {"mask_path": "media/small-v1-train-000000.tar", "mask_offset": 512, "mask_size": 1}


def pair() -> Rows:
    return [good_row(), good_row(kind="fake") | PLACE, good_row(kind="control")]


def _flipped(rows: Rows) -> None:
    rows[1]["label"] = 0


def _no_mask(rows: Rows) -> None:
    rows[1]["mask_path"] = None


def _no_size(rows: Rows) -> None:
    rows[1]["mask_size"] = None


def _another_id(rows: Rows) -> None:
    rows[0]["sample_id"] = "small-train-00000001-real"


def _twice(rows: Rows) -> None:
    rows.insert(1, rows[1] | {})


CHANGES = [
    (_flipped, "label", 2),
    (_no_mask, "mask_path", 2),
    (_no_size, "mask_size", 2),
    (_another_id, "sample_id", 1),
    (_twice, "sample_id", 3),
]


@pytest.mark.parametrize(("change", "column", "row"), CHANGES)
def test_what_does_not_agree_is_named(
    change: Callable[[Rows], None], column: str, row: int
) -> None:
    rows = pair()
    assert not list(disagreeing_rows(pa.Table.from_pylist(rows, MANIFEST)))
    change(rows)
    (broken,) = disagreeing_rows(pa.Table.from_pylist(rows, MANIFEST))
    assert (broken.column, broken.row) == (column, row)


def test_columns_that_were_not_read_are_not_compared() -> None:
    rows = pair()
    _flipped(rows)
    table = pa.Table.from_pylist(rows, MANIFEST)
    assert not list(disagreeing_rows(table.select(["label", "width"])))
    assert not list(disagreeing_rows(table.slice(0, 0)))


def test_no_reader_takes_such_rows(world: World, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert world.generate(out, "--inline", "--set", "splits={train: 6}") == 0
    change_rows(out, _flipped)
    with pytest.raises(ReleaseError, match="column 'label': found 0, allowed: 1 for a fake"):
        PairDataset(out, "train")
    with pytest.raises(ReleaseError, match="column 'label'"):
        list(Release(out).pairs())
