"""A shard of an earlier run is taken only if its rows are those of the plan."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datagen.core.digests import sha256_bytes
from tests.support.world import World, digests

SHARD = "train-000000"


def rewrite(out: Path, kind: str, change: Callable[[list[dict[str, Any]]], Any]) -> None:
    """Change rows of a shard, and its commit, so that digests and sizes are right."""
    path = out / kind / f"{SHARD}.parquet"
    table = pq.read_table(path)
    rows = table.to_pylist()
    change(rows)
    pq.write_table(pa.Table.from_pylist(rows, table.schema), path)
    commit = out / "commits" / f"{SHARD}.json"
    found = json.loads(commit.read_bytes())
    data = path.read_bytes()
    found["files"][f"{kind}/{SHARD}.parquet"] = {"sha256": sha256_bytes(data), "size": len(data)}
    commit.write_text(json.dumps(found), encoding="utf-8")


def set_all(**values: Any) -> Callable[[list[dict[str, Any]]], None]:
    def change(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            row.update(values)

    return change


@pytest.mark.parametrize(
    "change",
    [
        set_all(identity_id="nobody/another"),
        set_all(image_id="p00_0"),
        set_all(item=999),
        lambda rows: rows[0].update(pair_id="0" * 16),
        lambda rows: rows.clear(),
        lambda rows: [row.update(donor_image_id="p01_0") for row in rows if row["kind"] == "real"],
    ],
)
def test_rows_that_are_not_planned_are_made_again(
    own_world: World, tmp_path: Path, change: Callable[[list[dict[str, Any]]], Any]
) -> None:
    out = tmp_path / "out"
    assert own_world.generate(out, "--inline") == 0
    whole = digests(out)
    rewrite(out, "manifest", change)
    assert own_world.generate(out, "--inline") == 0
    assert digests(out) == whole


def test_what_is_planned_is_not_made_again(
    own_world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    assert own_world.generate(out, "--inline") == 0
    whole = digests(out)

    def never(*_: Any) -> None:
        raise AssertionError("everything was there")

    monkeypatch.setattr("datagen.generation.production.Production.produce", never)
    assert own_world.generate(out, "--inline") == 0
    assert digests(out) == whole


def test_rejects_are_compared_too(own_world: World, tmp_path: Path) -> None:
    own_world.write_recipe(methods=[{"use": "self_blend", "share": 1, "min_change": 200}])
    out = tmp_path / "out"
    own_world.generate(out, "--inline")
    rows = pq.read_table(out / "rejects" / f"{SHARD}.parquet").to_pylist()
    assert rows
    whole = (out / "rejects" / f"{SHARD}.parquet").read_bytes()
    rewrite(out, "rejects", set_all(image_id="another"))
    own_world.generate(out, "--inline")
    assert (out / "rejects" / f"{SHARD}.parquet").read_bytes() == whole
