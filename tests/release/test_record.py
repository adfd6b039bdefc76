from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

from datagen.cli.main import run
from datagen.recipe import load_recipe
from datagen.release import Folder
from datagen.release.lock import lock_folder
from datagen.release.reader import Release
from tests.support.world import World, digests, record


@pytest.fixture(scope="module")
def out(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("release") / "out"
    assert world.generate(folder, "--inline") == 0
    return folder


def test_the_record_counts_and_names_every_file(out: Path) -> None:
    body = json.loads((out / "release.json").read_text())
    assert body["counts"] == {
        "planned": {"train": 24, "test": 12},
        "pairs": 36,
        "controls": 9,
        "images": 81,
        "rejects": {},
        "index_rejects": 0,
        "shards": 6,
        "media_bytes": body["counts"]["media_bytes"],
    }
    found = digests(out)
    assert {name: entry["sha256"] for name, entry in body["files"].items()} == found
    assert set(body["made"]["with"]["libraries"]) >= {"numpy", "opencv-python-headless", "datagen"}
    assert body["made"]["with"]["machine"]["architecture"]


def test_one_line_of_pandas_reads_everything(out: Path) -> None:
    rows = pd.read_parquet(out / "manifest")
    assert rows["kind"].value_counts().to_dict() == {"real": 36, "fake": 36, "control": 9}
    assert rows["sample_id"].is_unique
    assert (rows["label"] == (rows["kind"] == "fake")).all()
    assert not rows["sample_id"].str.contains(".", regex=False).any()
    assert len(pd.read_parquet(out / "rejects")) == 0


def test_a_row_leads_to_its_image_and_mask(out: Path) -> None:
    release = Release(Folder(str(out)))
    fake = release.manifest[release.manifest["kind"] == "fake"].iloc[0].to_dict()
    image, mask = release.image(fake), release.mask(fake)
    assert image.shape == (96, 96, 3)
    assert mask.shape == (96, 96)
    assert fake["mask_area"] == pytest.approx(mask.mean() / 255, abs=1e-4)


def test_its_own_recipe_makes_it_again(out: Path, world: World, tmp_path: Path) -> None:
    loaded = load_recipe(out / "recipe.yaml")
    assert loaded.digest == record(out)["recipe_digest"]
    again = tmp_path / "again"
    root = f"sources.0.root={world.faces}"
    assert (
        run(["generate", str(out / "recipe.yaml"), "-o", str(again), "--inline", "--set", root])
        == 0
    )
    for room in ("media", "manifest", "commits", "rejects"):
        assert digests(again / room) == digests(out / room)


def test_the_dataset_card_and_croissant_are_well_formed(out: Path) -> None:
    _, front, text = (out / "README.md").read_text().split("---\n", 2)
    assert yaml.safe_load(front)["license"] == "cc0-1.0"
    assert "landmark_swap" in text
    document = json.loads((out / "croissant.json").read_text())
    assert document["conformsTo"][0] == "http://mlcommons.org/croissant/1.1"
    fields = {field["name"] for field in document["recordSet"][1]["field"]}
    assert fields == set(pd.read_parquet(out / "manifest").columns)
    assert "People who don't exist" in (out / "rights" / "ATTRIBUTION.md").read_text()


def test_a_second_run_makes_nothing_and_says_so(
    out: Path, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    before = digests(out)
    assert world.generate(out, "--inline") == 0
    assert "(6 already there)" in capsys.readouterr().out
    assert digests(out) == before


def test_a_longer_run_begins_with_the_shorter_one(out: Path, world: World, tmp_path: Path) -> None:
    short = tmp_path / "short"
    assert world.generate(short, "--inline", "--limit", "12") == 0
    few = pd.read_parquet(short / "manifest").set_index("sample_id")
    all_ = pd.read_parquet(out / "manifest").set_index("sample_id")
    assert few["split"].value_counts().to_dict() == {"train": 18, "test": 9}
    assert (few["sha256"] == all_.loc[few.index, "sha256"]).all()
    assert world.generate(short, "--inline") == 0
    assert digests(short) == digests(out)
    assert record(short) == record(out)


def test_more_pairs_keep_the_full_shards(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "out"
    assert world.generate(folder, "--inline", "--set", "splits.train=12") == 0
    capsys.readouterr()
    assert world.generate(folder, "--inline") == 0
    assert "(4 already there)" in capsys.readouterr().out


def test_fewer_pairs_into_the_same_folder_are_refused(
    out: Path, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    before = digests(out)
    assert world.generate(out, "--inline", "--limit", "6") == 2
    assert "already holds more than this run plans" in capsys.readouterr().err
    assert digests(out) == before
    assert run(["verify", str(out)]) == 0


def test_another_recipes_folder_is_refused(
    out: Path, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.generate(out, "--inline", "--set", "seed=8") == 2
    assert "holds a release of another recipe: seed: 7 there, 8 here. " in capsys.readouterr().err
    assert run(["verify", str(out)]) == 0


def test_a_folder_with_something_else_is_refused(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    assert world.generate(tmp_path, "--inline") == 2
    assert "holds no release (found thesis.txt)" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_two_runs_into_one_folder_are_refused(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with lock_folder(Folder(str(tmp_path / "out"))):
        assert world.generate(tmp_path / "out", "--inline") == 2
    assert "another 'datagen generate' is writing here" in capsys.readouterr().err


def test_changing_the_encoder_does_not_redraw_the_pairs(
    out: Path, world: World, tmp_path: Path
) -> None:
    other = tmp_path / "png"
    assert world.generate(other, "--inline", "--set", "encode.format=png") == 0
    same = ["sample_id", "image_id", "donor_image_id", "method_params", "change", "attempt"]
    one, two = pd.read_parquet(out / "manifest"), pd.read_parquet(other / "manifest")
    pd.testing.assert_frame_equal(one[same], two[same])
    assert (one["sha256"] != two["sha256"]).all()


@pytest.mark.parametrize(
    "name", ["media/small-v1-train-000001.tar", "manifest/train-000001.parquet"]
)
@pytest.mark.parametrize("harm", ["lost", "flipped"])
def test_a_harmed_shard_is_made_again(
    name: str,
    harm: str,
    out: Path,
    world: World,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    copy = Path(shutil.copytree(out, tmp_path / "copy"))
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).unlink()
    if harm == "flipped":
        (copy / name).write_bytes(bytes(data))
    assert world.generate(copy, "--inline") == 0
    assert "(5 already there)" in capsys.readouterr().out
    assert digests(copy) == digests(out)


def test_a_finished_release_holds_nothing_else_and_keeps_the_users_files(
    out: Path, world: World, tmp_path: Path
) -> None:
    assert [path.name for path in out.iterdir() if path.name.startswith(".")] == []
    copy = Path(shutil.copytree(out, tmp_path / "copy"))
    notes = copy / "media" / "NOTES.txt"
    notes.write_text("mine")
    assert world.generate(copy, "--inline") == 0
    assert notes.read_text() == "mine"


def test_a_smaller_run_does_not_shrink_a_release(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert world.generate(out, "--inline", "--set", "shard_pairs=100") == 0
    before = digests(out)
    assert world.generate(out, "--inline", "--set", "shard_pairs=100", "--limit", "4") == 2
    assert "shard test-000000 has 12 pairs, 1 are planned" in capsys.readouterr().err
    assert digests(out) == before


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_a_limit_that_leaves_a_split_empty_is_whole(
    limit: int, world: World, tmp_path: Path
) -> None:
    assert world.generate(tmp_path / "out", "--inline", "--limit", str(limit)) == 0
    assert run(["verify", str(tmp_path / "out")]) == 0


@pytest.mark.parametrize("name", ["file", "file/below"])
def test_a_file_in_the_way_is_named(
    name: str, world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("mine")
    assert world.generate(tmp_path / name, "--inline") == 2
    assert "hoose" in capsys.readouterr().err
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("address", ["", " ", "memory://x"])
def test_an_address_that_keeps_nothing_is_refused(address: str, world: World) -> None:
    assert world.generate(address, "--inline") == 2
