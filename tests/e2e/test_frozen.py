"""A frozen benchmark: a sample of its rows is made again and held against its digests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from datagen.core.phash import distance
from datagen.core.versions import machine, pixel_libraries
from datagen.engine import InlineEngine
from datagen.generation.shard import MakeShard
from datagen.planning import Plan, ShardKey
from datagen.recipe import load_recipe
from datagen.release import Folder
from tests.support.world import index_of

ROOT = Path(__file__).resolve().parents[2]
FROZEN = ROOT / "manifests" / "benchmark-procedural.parquet"

SAMPLE = [("train", 0), ("train", 1), ("train", 1777), ("val", 499), ("test", 3), ("test", 1498)]

# Another processor may round a last bit otherwise, which the encoder turns into other bytes.
NEAR = 4


@pytest.fixture(scope="module")
def frozen() -> pd.DataFrame:
    return pd.read_parquet(FROZEN).set_index("sample_id")


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    text: dict[str, Any] = json.loads(pq.read_schema(FROZEN).metadata[b"datagen.frozen"])
    return text


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> MakeShard:
    loaded = load_recipe(ROOT / "recipes" / "benchmark-procedural.yaml")
    built = index_of(loaded, InlineEngine())
    out = Folder(str(tmp_path_factory.mktemp("frozen") / "out"))
    return MakeShard(loaded, tuple(loaded.sources()), built.index.table, out)


def test_its_rows_are_those_of_the_recipe(
    frozen: pd.DataFrame, told: dict[str, Any], task: MakeShard
) -> None:
    assert set(frozen["recipe_digest"]) == {task.recipe.digest}
    counts = frozen["kind"].value_counts().to_dict()
    rejects = sum(told["counts"]["rejects"].values())
    assert counts == {"real": 5000 - rejects, "fake": 5000 - rejects, "control": 500}
    assert rejects <= 1
    splits = frozen.groupby("split")["identity_id"].agg(set)
    assert sum(map(len, splits)) == len(set.union(*splits)) == 400


@pytest.mark.slow
def test_a_sample_of_its_rows_comes_out_the_same(
    frozen: pd.DataFrame, told: dict[str, Any], task: MakeShard
) -> None:
    from datagen.faces.index import FaceIndex

    here = {key: machine()[key] for key in ("architecture", "cpu_features")}
    same_machine = told["machine"] == here and told["libraries"] == pixel_libraries()
    if same_machine:
        assert FaceIndex(task.table).digest == told["index_digest"]
    plan = Plan(task.recipe, FaceIndex(task.table))
    for split, number in SAMPLE:
        assert plan.item(split, number).pair_id in set(frozen["pair_id"])  # type: ignore[arg-type]
    shards = [ShardKey(split, number, number, number + 1) for split, number in SAMPLE]  # type: ignore[arg-type]
    outcomes = list(InlineEngine().run(task, shards))
    assert [outcome.error for outcome in outcomes] == [None] * len(SAMPLE)
    made = pd.read_parquet(f"{task.folder}/manifest").set_index("sample_id")
    then = frozen.loc[made.index]
    assert made["image_id"].equals(then["image_id"])
    assert made["donor_image_id"].fillna("").equals(then["donor_image_id"].fillna(""))
    if same_machine:
        assert made["sha256"].equals(then["sha256"])
    for sample in made.index:
        assert distance(made.loc[sample, "phash"], then.loc[sample, "phash"]) <= NEAR
