"""Releases with degradations and with a ladder, from the recipe to the rows."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from datagen.cli.main import run
from datagen.core.arrays import Mask
from datagen.errors import ItemError
from datagen.methods import Result
from datagen.release import Folder
from datagen.release.reader import Release
from tests.support.world import World, digests

DEGRADED = [
    {"use": "clean", "share": "1/4"},
    {"use": "jpeg", "share": "1/4", "severity": [1, 5]},
    {"use": "rotate", "share": "1/4"},
    {"use": "noise", "share": "1/4"},
]


@pytest.fixture(scope="module")
def degraded(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("degraded")
    recipe = world.write_recipe("degraded.yaml", degradations=DEGRADED, encode={"format": "png"})
    assert run(["generate", str(recipe), "-o", str(out), "--inline"]) == 0
    return out


def manifest(out: Path) -> pd.DataFrame:
    return Release(Folder(str(out))).manifest


def test_the_release_is_whole(degraded: Path) -> None:
    assert run(["verify", str(degraded), "--pixels"]) == 0
    assert run(["show", str(degraded)]) == 0
    assert "rotate" in (degraded / "report" / "index.html").read_text()


def test_every_member_of_a_pair_is_damaged_alike(degraded: Path) -> None:
    table = manifest(degraded)
    for _, rows in table.groupby("pair_id"):
        told = [json.loads(text)["operations"] for text in rows["degradation_params"]]
        executed = [[(o["use"], o["params"]) for o in operations] for operations in told]
        assert all(steps == executed[0] for steps in executed)
        assert rows["degradation"].nunique() == 1


def test_rows_tell_what_was_done(degraded: Path) -> None:
    table = manifest(degraded)
    assert set(table["degradation"]) == {"clean", "jpeg", "rotate", "noise"}
    clean = table[table["degradation"] == "clean"]
    assert clean["psnr"].isna().all()
    assert clean["severity"].isna().all()
    assert (clean["change"].dropna() == clean["change_released"].dropna()).all()
    jpeg = table[table["degradation"] == "jpeg"]
    assert jpeg["psnr"].between(15, 60).all()
    assert jpeg["severity"].between(1, 5).all()
    noise = table[(table["degradation"] == "noise") & (table["kind"] == "fake")]
    assert (noise["change"] != noise["change_released"]).mean() > 0.5


def test_geometry_follows_a_turned_image(degraded: Path, world: World) -> None:
    """Outside the mask a turned fake equals its turned real, so the mask has turned as well."""
    release = Release(Folder(str(degraded)))
    table = release.manifest
    turned = table[table["degradation"] == "rotate"]
    plain = world.folder / "plain"
    recipe = world.write_recipe("plain.yaml", encode={"format": "png"})
    assert run(["generate", str(recipe), "-o", str(plain), "--inline"]) == 0
    before = manifest(plain).set_index("sample_id")
    for pair, rows in turned.groupby("pair_id"):
        members = {row["kind"]: row for row in rows.to_dict("records")}
        real, fake = release.image(members["real"]), release.image(members["fake"])
        mask = release.mask(members["fake"])
        far = far_outside(mask)
        assert np.abs(real.astype(int) - fake)[far].max(initial=0) <= 2
        old = np.array(before.loc[f"{pair}-real", "landmarks"]).reshape(68, 2)
        new = np.array(members["real"]["landmarks"]).reshape(68, 2)
        turn = members["real"]["roll"] - before.loc[f"{pair}-real", "roll"]
        assert not np.allclose(old, new, atol=0.05) or abs(turn) < 0.2
        angles = [np.degrees(np.arctan2(*(p[45] - p[36])[::-1])) for p in (old, new)]
        assert turn == pytest.approx(angles[1] - angles[0], abs=0.05)


def far_outside(mask: Mask) -> NDArray[np.bool_]:
    """Mark what is at least four pixels outside a mask: the kernels of the warp reach so far."""
    return np.asarray(cv2.dilate(mask, np.ones((9, 9), np.uint8)) == 0)


def test_a_ladder_makes_the_same_pairs_at_every_level(world: World, tmp_path: Path) -> None:
    recipe = world.write_recipe(
        "ladder.yaml",
        ladder={"use": "jpeg", "severities": [0, 1, 3, 5]},
        splits={"train": 4, "test": 4},
        encode={"format": "png"},
    )
    outs = [tmp_path / name for name in ("a", "b")]
    for out, extra in zip(outs, ([], ["--set", "shard_pairs=6"]), strict=True):
        assert run(["generate", str(recipe), "-o", str(out), "--inline", *extra]) == 0
        assert run(["verify", str(out), "--pixels"]) == 0
    assert digests(outs[0]) == digests(outs[1])
    table = manifest(outs[0])
    fakes = table[table["kind"] == "fake"]
    assert len(fakes) == 32
    for _, rows in fakes.groupby("base_id"):
        assert list(rows["severity"]) == [0, 1, 3, 5]
        same = ["method_params", "image_id", "donor_image_id", "change", "attempt", "encoder"]
        assert (rows[same].nunique(dropna=False) == 1).all()
        assert rows["psnr"].isna().tolist() == [True, False, False, False]
        assert rows["psnr"].dropna().is_monotonic_decreasing
    record = json.loads((outs[0] / "release.json").read_text())
    assert record["counts"]["planned"] == {"train": 16, "test": 16}


@pytest.mark.ray
def test_workers_damage_as_one_process_does(
    ray_cluster: object, degraded: Path, world: World, tmp_path: Path
) -> None:
    recipe = world.folder / "degraded.yaml"
    options = ["-o", str(tmp_path / "out"), "--workers", "2"]
    assert run(["generate", str(recipe), *options]) == 0
    there = {name: digest for name, digest in digests(degraded).items() if "report" not in name}
    assert digests(tmp_path / "out") == there


def test_what_is_wrong_ends_with_exit_2(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = world.write_recipe("wrong.yaml", degradations=[{"use": "jpeg", "share": 1, "qual": 3}])
    assert run(["validate", str(recipe)]) == 2
    assert "degradations[0].qual: unknown key" in capsys.readouterr().err


def test_a_ladder_of_what_has_no_severities_is_refused(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = world.write_recipe("flat.yaml", ladder={"use": "social_feed"})
    assert run(["validate", str(recipe)]) == 2
    told = capsys.readouterr().err
    assert "'social_feed' has no severities. Degradations with severities: avif" in told


def test_a_lost_face_is_a_reject_that_names_its_damage(world: World, tmp_path: Path) -> None:
    """Cutting six tenths off leaves hardly any face whole."""
    recipe = world.write_recipe(
        "lost.yaml",
        degradations=[{"use": "crop_pad", "share": 1, "modes": ["crop"], "amount": 0.6}],
        rejects={"max_share": 1},
    )
    assert run(["generate", str(recipe), "-o", str(tmp_path / "out"), "--inline"]) == 0
    rejects = pd.read_parquet(tmp_path / "out" / "rejects")
    lost = rejects[rejects["code"] == "face_lost"]
    assert len(lost) > 10
    assert set(lost["degradation"]) == {"crop_pad"}


def test_a_base_pair_that_fails_is_a_reject_at_every_level_and_is_tried_once(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both ways to make a fake: a face at a time, and by a network a batch ahead."""
    pytest.importorskip("onnxruntime")
    from datagen.methods.onnx_edit import OnnxEdit
    from datagen.methods.resample_forgery import ResampleForgery
    from tests.support.small.onnx_broken import build_broken

    weights = tmp_path / "weights"
    build_broken(weights)
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(weights))
    tried: list[str] = []

    def fails(self: object, *_: object) -> Result:
        tried.append(type(self).__name__)
        raise ItemError("method_failed", "as asked")

    monkeypatch.setattr(OnnxEdit, "finish", fails)
    monkeypatch.setattr(ResampleForgery, "apply", fails)
    recipe = world.write_recipe(
        "failing.yaml",
        splits={"train": 6},
        methods=[
            {"use": "onnx_edit", "share": 0.5, "weights": "broken_nan"},
            {"use": "resample_forgery", "share": 0.5},
        ],
        ladder={"use": "jpeg", "severities": [0, 1, 3]},
        rejects={"max_share": 1.0},
    )
    out = tmp_path / "out"
    assert run(["generate", str(recipe), "-o", str(out), "--inline"]) == 0
    rejects = pd.read_parquet(out / "rejects")
    assert rejects.groupby("method")["code"].agg(list).to_dict() == {
        "onnx_edit": ["method_failed"] * 9,
        "resample_forgery": ["method_failed"] * 9,
    }
    assert sorted(tried) == ["OnnxEdit"] * 3 + ["ResampleForgery"] * 3
