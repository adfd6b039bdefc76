"""No image of a stated minor, under any name, becomes a target or a donor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
import yaml

from datagen.cli.main import run
from tests.support.world import CARD, RECIPE, World

Change = Callable[[pd.DataFrame], pd.DataFrame]


def change_table(world: World, change: Change) -> pd.DataFrame:
    path = world.faces / "faces.csv"
    table = change(pd.read_csv(path, dtype=str))
    table.to_csv(path, index=False)
    return table


def change_card(world: World, **options: Any) -> None:
    card = {**CARD, "options": {**CARD["options"], **options}}
    (world.folder / "nobody.yaml").write_text(yaml.safe_dump(card), encoding="utf-8")


def rejects(out: Path) -> dict[str, str]:
    table = pd.read_parquet(out / "rejects")
    table = table[table["stage"] == "index"]
    return dict(zip(table["source"] + "/" + table["image_id"], table["code"], strict=True))


def used(out: Path) -> set[str]:
    """Return the images of all targets and donors."""
    rows = pd.read_parquet(out / "manifest")
    return {*rows["image_id"], *rows["donor_image_id"].dropna()}


def at(table: pd.DataFrame, image: str) -> pd.Series:
    return table["image"] == image


def test_an_age_that_nothing_reads_is_refused(
    own_world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def made_young(table: pd.DataFrame) -> pd.DataFrame:
        table.loc[at(table, "p00_0.png"), "age"] = "15"
        return table

    change_table(own_world, made_young)
    unmapped = {"landmarks": "landmarks", "sex": "sex"}
    change_card(own_world, columns=unmapped)
    for command in (["validate"], ["plan"], ["generate", "-o", str(tmp_path / "out")]):
        assert run([command[0], str(own_world.recipe), *command[1:]]) == 2
        told = " ".join(capsys.readouterr().err.split())
        assert "the column 'age' looks like an age" in told
        assert 'options: {ignore: ["age"]}' in told
    assert not (tmp_path / "out" / "release.json").exists()
    change_card(own_world, columns=unmapped, ignore=["age"])
    assert own_world.generate(tmp_path / "out", "--inline") == 0


def test_one_stated_age_excludes_the_identity(own_world: World, tmp_path: Path) -> None:
    def young(table: pd.DataFrame) -> pd.DataFrame:
        table.loc[at(table, "p00_0.png"), "age"] = "15"
        table.loc[at(table, "p00_1.png"), "age"] = ""
        return table

    change_table(own_world, young)
    assert own_world.generate(tmp_path / "out", "--inline") == 0
    assert rejects(tmp_path / "out") == {
        "nobody/p00_0": "under_age",
        "nobody/p00_1": "minor_identity",
    }
    assert not {name for name in used(tmp_path / "out") if name.startswith("p00")}


def test_so_do_copies_under_a_second_name_id_or_source(own_world: World, tmp_path: Path) -> None:
    faces, other = own_world.faces, own_world.folder / "other"
    other.mkdir()
    (faces / "again.png").write_bytes((faces / "p00_1.png").read_bytes())
    image = cv2.imread(str(faces / "p00_1.png"))
    assert image is not None
    small = cv2.resize(image, None, fx=0.75, fy=0.75, interpolation=cv2.INTER_AREA)
    assert cv2.imwrite(str(other / "near.jpg"), small, [cv2.IMWRITE_JPEG_QUALITY, 60])
    for name in ("p01_0.png", "p02_0.png"):  # those of adults may be in two sources
        (other / name).write_bytes((faces / name).read_bytes())

    def doubled(table: pd.DataFrame) -> pd.DataFrame:
        table["id"] = table["image"].str[:-4]
        table.loc[at(table, "p00_0.png"), "age"] = "15"
        table.loc[at(table, "p00_1.png"), "age"] = ""
        more = table[at(table, "p00_1.png")]
        return pd.concat(
            [
                table,
                more.assign(image="again.png", identity="second name", id="again"),
                more.assign(identity="third name", id="second id"),
            ]
        )

    table = change_table(own_world, doubled)
    points = np.array(yaml.safe_load(table[at(table, "p00_1.png")]["landmarks"].iloc[0]))
    near = table[at(table, "p00_1.png")].iloc[:1]
    near = near.assign(
        image="near.jpg", id="near", identity="fourth", landmarks=str((points * 0.75).tolist())
    )
    rest = table[table["image"].isin(["p01_0.png", "p02_0.png"])]
    pd.concat([near, rest.assign(age="")]).to_csv(other / "faces.csv", index=False)
    columns = {**CARD["options"]["columns"], "id": "id"}
    change_card(own_world, columns=columns)
    card = {**CARD, "id": "other", "options": {"columns": columns}}
    (own_world.folder / "other.yaml").write_text(yaml.safe_dump(card), encoding="utf-8")
    own_world.write_recipe(
        sources=[*RECIPE["sources"], {"card": "other.yaml", "root": "other"}],
        split={"shares": {"train": "1/2", "test": "1/2"}},
        methods=[{"use": "self_blend", "share": 1, "min_change": 0.5}],
    )
    assert own_world.generate(tmp_path / "out", "--inline") == 0
    assert rejects(tmp_path / "out") == {
        "nobody/p00_0": "under_age",
        "nobody/p00_1": "minor_identity",
        "nobody/again": "copy_of_minor",
        "nobody/second id": "copy_of_minor",
        "other/near": "copy_of_minor",
    }
    assert not used(tmp_path / "out") & {"p00_0", "p00_1", "again", "second id", "near"}


def test_the_identity_of_a_copy_is_left_out_too(own_world: World, tmp_path: Path) -> None:
    faces = own_world.faces
    (faces / "copy.png").write_bytes((faces / "p00_0.png").read_bytes())

    def copied(table: pd.DataFrame) -> pd.DataFrame:
        table.loc[at(table, "p00_0.png"), "age"] = "15"
        table.loc[at(table, "p03_1.png"), "age"] = ""
        more = table[at(table, "p00_0.png")].assign(image="copy.png", identity="p03", age="")
        return pd.concat([table, more])

    change_table(own_world, copied)
    assert own_world.generate(tmp_path / "out", "--inline") == 0
    assert rejects(tmp_path / "out") == {
        "nobody/p00_0": "under_age",
        "nobody/p00_1": "minor_identity",
        "nobody/copy": "copy_of_minor",
        "nobody/p03_0": "minor_identity",
        "nobody/p03_1": "minor_identity",
    }
    assert not {name for name in used(tmp_path / "out") if name.startswith(("p00", "p03", "copy"))}


def test_a_second_run_reads_no_minor_again_and_finds_the_same(
    own_world: World, tmp_path: Path
) -> None:
    test_one_stated_age_excludes_the_identity(own_world, tmp_path)
    job = own_world.job(tmp_path / "again")
    assert (job.built.analyzed, job.built.remembered) == (0, 22)
    assert job.built.warnings == []


def test_minors_whose_images_are_gone_are_told(own_world: World, tmp_path: Path) -> None:
    def young(table: pd.DataFrame) -> pd.DataFrame:
        table.loc[at(table, "p00_0.png"), "age"] = "15"
        return table

    change_table(own_world, young)
    (own_world.faces / "p00_0.png").unlink()
    (warning,) = own_world.job(tmp_path / "out").built.warnings
    assert warning.startswith("1 image of stated minors could not be read")


def test_nor_is_a_network_trained_on_minors(
    own_world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def young(table: pd.DataFrame) -> pd.DataFrame:
        table.loc[at(table, "p00_0.png"), "age"] = "15"
        table.loc[at(table, "p00_1.png"), "age"] = ""
        return table

    change_table(own_world, young)
    command = ["train", str(own_world.recipe), "-o", str(tmp_path / "out"), "--name", "young"]
    command += ["--identities", "p00,p01", "--min-images", "1", "--steps", "1", "--inline"]
    assert run(command) == 2
    assert "no face of 'p00' in the index" in capsys.readouterr().err
