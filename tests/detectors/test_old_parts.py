"""Score parts of another table format or of a release of another schema are not reused."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from datagen.detectors.parts import all_parts, read_part, write_part
from datagen.detectors.shards import shards_of
from datagen.errors import RunError
from datagen.release import Folder
from datagen.release.reader import Release
from datagen.release.scores import SCORES
from tests.support.releases import record_of


def test_a_part_of_this_format_is_reused(tmp_path: Path) -> None:
    write_part(tmp_path / "one.part", SCORES.empty_table())
    assert read_part(tmp_path / "one.part") == SCORES.empty_table()


@pytest.mark.parametrize("change", ["lost", "renamed", "text"])
def test_a_part_of_another_format_is_scored_again(tmp_path: Path, change: str) -> None:
    table = SCORES.empty_table()
    if change == "lost":
        table = table.drop_columns(["status"])
    elif change == "renamed":
        table = table.rename_columns(["image_id", *table.column_names[1:]])
    else:
        table = table.set_column(2, "score", pa.array([], pa.string()))
    write_part(tmp_path / "one.part", table)
    assert read_part(tmp_path / "one.part") is None


def test_a_part_whose_bytes_changed_is_not_believed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "one.part"
    row = {"sample_id": "a", "sha256": "0" * 64, "score": 0.25, "status": "ok", "detail": ""}
    write_part(path, pa.Table.from_pylist([row], SCORES))
    content = path.read_bytes()
    for place in range(0, len(content), 17):
        harmed = bytearray(content)
        harmed[place] ^= 1
        path.write_bytes(harmed)
        assert read_part(path) is None
    assert "one.part: is damaged" in caplog.text
    path.unlink()
    with pytest.raises(RunError, match=r"1 part of 1 .* gone or damaged: one\.part"):
        all_parts([path])


def test_a_full_disk_names_the_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(RunError, match=r"No space left on device: '.*one\.part'.*rerun"):
        write_part(tmp_path / "one.part", SCORES.empty_table())
    assert list(tmp_path.iterdir()) == []


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
