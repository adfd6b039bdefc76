"""Score parts of another table format or of a release of another schema are not reused."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datagen.detectors.score import _is_part
from datagen.detectors.shards import shards_of
from datagen.release import Folder
from datagen.release.reader import Release
from datagen.release.scores import SCORES
from tests.support.releases import record_of


def test_a_part_of_this_format_is_reused(tmp_path: Path) -> None:
    pq.write_table(SCORES.empty_table(), tmp_path / "part.parquet")
    assert _is_part(tmp_path / "part.parquet")


@pytest.mark.parametrize("change", ["lost", "renamed", "text"])
def test_a_part_of_another_format_is_scored_again(tmp_path: Path, change: str) -> None:
    table = SCORES.empty_table()
    if change == "lost":
        table = table.drop_columns(["status"])
    elif change == "renamed":
        table = table.rename_columns(["image_id", *table.column_names[1:]])
    else:
        table = table.set_column(2, "score", pa.array([], pa.string()))
    pq.write_table(table, tmp_path / "part.parquet")
    assert not _is_part(tmp_path / "part.parquet")


def test_a_part_belongs_to_the_bytes_of_a_manifest(tmp_path: Path) -> None:
    """The manifest of another schema has other bytes, so its parts have other names."""
    folder = Folder(str(tmp_path))
    found = []
    for sha256 in ("1" * 64, "2" * 64):
        files = {"manifest/train-000000.parquet": {"sha256": sha256, "size": 1}}
        folder.write("release.json", json.dumps(record_of(files)).encode())
        found += shards_of(Release(folder), None)
    assert [shard.name for shard in found] == ["train-000000"] * 2
    assert found[0].digest != found[1].digest
