"""Whole runs that make clips: equal bytes on any engine, lossless pixels, equal containers."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datagen import Release, ReleasedPair, generate, load_recipe, open_index, preview
from datagen.cli.main import run
from datagen.engine import Engine
from datagen.release.clip_schema import CLIP_NAMES
from datagen.video.encode import picture_types
from tests.support.assets import london, weights
from tests.support.clip_world import ClipWorld
from tests.support.world import digests

ROOT = Path(__file__).parents[2]
LOSSLESS = {"ffv1": {"codec": "ffv1"}, "frames": {"format": "frames"}}


def test_a_release_of_clips_is_whole(clip_release: Path) -> None:
    release = Release(clip_release)
    assert release.verify() == []
    assert release.record["made"]["with"]["smoothing"]
    assert len(release) == 8
    table = release.table()
    assert set(CLIP_NAMES) <= set(table.columns)
    assert (table["frames"] == 4).all()
    assert (table["motion"] == "rendered").all()
    for pair in release:
        assert pair.real.shape == pair.fake.shape == (4, 96, 96, 3)
        assert pair.mask.shape == (4, 96, 96)
        assert pair.row["segments"] == [[0, 4]]
        frames = release.frames(pair.row)
        assert frames["frame"].tolist() == [0, 1, 2, 3]
        assert frames["manipulated"].all()
        steps = np.diff(frames["source_frame"])
        assert (steps == 1).all()
        assert (frames["donor_frame"].notna() == (pair.method == "landmark_swap")).all()


def test_the_clips_of_a_pair_have_equal_picture_types_and_settings(clip_release: Path) -> None:
    release = Release(clip_release)
    for pair in release:
        types = {picture_types(release.bytes_of(row)) for row in pair.rows.values()}
        assert len(types) == 1
        assert types.pop()[0] == "I"
        assert len({row["encoder"] for row in pair.rows.values()}) == 1


def test_a_clip_moves_and_its_fake_moves_with_it(clip_release: Path) -> None:
    for pair in Release(clip_release):
        real, fake = pair.real.astype(int), pair.fake.astype(int)
        assert np.abs(np.diff(real, axis=0)).max() > 3
        assert np.abs(real - fake)[pair.mask > 0].mean() > 0.5


@pytest.mark.parametrize("how", LOSSLESS)
def test_lossless_clips_are_equal_outside_the_mask(
    clip_world: ClipWorld, tmp_path: Path, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    setting = f"encode={json.dumps(LOSSLESS[how])}"
    assert clip_world.generate(tmp_path / "out", "--inline", "--limit", "4", "--set", setting) == 0
    assert run(["verify", str(tmp_path / "out"), "--pixels"]) == 0
    assert "4 of 4 pairs were compared" in capsys.readouterr().err
    for pair in Release(tmp_path / "out"):
        apart = (pair.real != pair.fake).any(axis=3)
        assert apart[pair.mask > 0].any()
        assert not apart[pair.mask == 0].any()


def test_a_changed_pixel_of_a_lossless_clip_is_found(
    clip_world: ClipWorld, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    setting = f"encode={json.dumps(LOSSLESS['frames'])}"
    assert clip_world.generate(out, "--inline", "--limit", "2", "--set", setting) == 0
    tar = next((out / "media").glob("*-000000.tar"))
    data = bytearray(tar.read_bytes())
    at = data.index(b"IDAT", data.index(b".fake.000002.png"))
    data[at + 20] ^= 1
    tar.write_bytes(data)
    assert run(["verify", str(out), "--pixels"]) == 1
    assert "-fake" in capsys.readouterr().out


@pytest.mark.ray
def test_bytes_are_equal_on_workers_and_after_a_resume(
    clip_release: Path, clip_world: ClipWorld, tmp_path: Path, ray_cluster: Engine
) -> None:
    expected = digests(clip_release)
    for workers in ("1", "2"):
        out = tmp_path / workers
        assert clip_world.generate(out, "--workers", workers) == 0
        assert digests(out) == expected
    out = tmp_path / "2"
    (out / "commits" / "train-000001.json").unlink()
    (out / "release.json").unlink()
    (out / "frames" / "test-000000.parquet").write_bytes(b"damaged")
    assert clip_world.generate(out, "--inline") == 0
    assert digests(out) == expected


PLUGIN = """
import numpy as np

from datagen import Method
from datagen.core.schema import Frozen
from datagen.methods import Context, Result


class Params(Frozen):
    amount: int
    bright: bool


class Square(Method):
    \"\"\"A square on the nose.\"\"\"

    name = "square"
    family = "attribute_edit"
    params = Params
    min_change = 1.0
    has_control = False

    def sample(self, rng, ctx):
        return Params(amount=int(rng.integers(20, 60)), bright=bool(rng.integers(2)))

    def apply(self, ctx, params):
        x, y = np.rint(ctx.target.landmarks[30]).astype(int)
        mask = np.zeros(ctx.target.image.shape[:2], np.uint8)
        mask[y - 6 : y + 6, x - 6 : x + 6] = 255
        moved = ctx.target.image.astype(int) + (params.amount if params.bright else -params.amount)
        image = np.where(mask[..., None] > 0, moved.clip(0, 255), ctx.target.image)
        return Result(image.astype(np.uint8), mask, ctx.target.landmarks)
"""


def test_a_method_of_a_plug_in_makes_clips_without_a_line_more(
    clip_world: ClipWorld, tmp_path: Path
) -> None:
    plugin = tmp_path / "square.py"
    plugin.write_text(PLUGIN, encoding="utf-8")
    methods = [{"use": "square", "share": 1}]
    path = clip_world.write_recipe("plugin.yaml", methods=methods, encode={"codec": "ffv1"})
    arguments = ["generate", str(path), "-o", str(tmp_path / "out"), "--plugin", str(plugin)]
    assert run([*arguments, "--inline", "--limit", "4"]) == 0
    for pair in Release(tmp_path / "out"):
        changes = {
            int(np.median(fake.astype(int)[mask > 0] - real.astype(int)[mask > 0]))
            for real, fake, mask in zip(pair.real, pair.fake, pair.mask, strict=True)
        }
        amount = pair.params["amount"] * (1 if pair.params["bright"] else -1)
        assert changes == {amount}  # one value for all frames, 0 and False included
        centers = [np.argwhere(mask > 0).mean(axis=0) for mask in pair.mask]
        noses = release_noses(pair)
        assert np.abs(np.array(centers)[:, ::-1] - noses).max() < 1.1


def release_noses(pair: ReleasedPair) -> Any:
    frames = pair.release.frames(pair.row)
    return np.array([np.reshape(points, (68, 2))[30] for points in frames["landmarks"]]) - 0.5


def test_degradations_of_clips(clip_world: ClipWorld, tmp_path: Path) -> None:
    kinds = ["video", "noise", "frame_drops", "crop_pad"]
    changes: dict[str, Any] = {
        "degradations": [{"use": kind, "share": 0.25} for kind in kinds],
        "splits": {"train": 8},
        "split": {"shares": {"train": 1}},
    }
    world = dataclasses.replace(clip_world)
    path = world.write_recipe("degraded.yaml", **changes)
    assert run(["generate", str(path), "-o", str(tmp_path / "out"), "--inline"]) == 0
    release = Release(tmp_path / "out")
    assert release.verify() == []
    assert set(release.table(["degradation"])["degradation"]) == set(kinds)
    for pair in release:
        operations = json.loads(pair.row["degradation_params"])["operations"]
        assert operations[0]["use"] == pair.row["degradation"]


def test_a_ladder_degrades_the_same_clips_at_every_severity(
    clip_world: ClipWorld, tmp_path: Path
) -> None:
    changes: dict[str, Any] = {
        "ladder": {"use": "noise", "severities": [0, 3]},
        "splits": {"train": 2},
        "split": {"shares": {"train": 1}},
    }
    path = clip_world.write_recipe("ladder.yaml", **changes)
    assert run(["generate", str(path), "-o", str(tmp_path / "out"), "--inline"]) == 0
    release = Release(tmp_path / "out")
    assert release.verify() == []
    levels = {pair.row["severity"]: pair for pair in release.pairs(where={"item": [0, 1]})}
    clean, noisy = levels[0].real.astype(int), levels[3].real.astype(int)
    assert np.abs(clean - noisy).mean() > 2
    grain = np.diff(noisy - clean, axis=0)
    assert np.abs(grain).mean() > 2  # anew in each frame
    assert np.array_equal(levels[0].mask, levels[3].mask)


def test_a_face_of_a_video_is_its_middle_frame_to_look_at(clip_world: ClipWorld) -> None:
    faces = open_index(clip_world.recipe, inline=True)
    assert faces[0].image.shape == (96, 96, 3)
    made = preview("landmark_swap", faces[0], faces[1])
    assert made.fake.shape == made.real.shape == (96, 96, 3)
    assert made.mask.any()


def test_a_degradation_of_clips_is_refused_for_images(
    clip_world: ClipWorld, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes: dict[str, Any] = {
        "degradations": [{"use": "frame_drops", "share": 1}],
        "encode": {"format": "jpeg"},
        "clip": None,
    }
    path = clip_world.write_recipe("images.yaml", **changes)
    assert run(["generate", str(path), "-o", str(tmp_path / "out"), "--inline"]) == 2
    assert "frame_drops" in capsys.readouterr().err


@pytest.mark.slow
def test_the_quickstart_of_clips_is_whole(tmp_path: Path) -> None:
    recipe = load_recipe(ROOT / "recipes" / "quickstart-clips.yaml")
    release = generate(recipe, tmp_path / "out", inline=True, progress=False)
    assert release.verify() == []
    assert release.record["counts"]["rejects"] == {}
    assert len(release) == 12
    assert set(release.table(["method"])["method"]) == {use.use for use in recipe.spec.methods}


@pytest.mark.slow
@pytest.mark.photos
def test_clips_of_photographs_under_a_camera_are_whole(tmp_path: Path) -> None:
    london()
    weights("face_landmarker.task")
    recipe = load_recipe(ROOT / "recipes" / "clips-london.yaml", {"clip.frames": 8})
    release = generate(recipe, tmp_path / "out", inline=True, limit=8, progress=False)
    assert release.verify() == []
    assert set(release.table(["motion"])["motion"]) == {"camera"}
    for pair in release.pairs(method="landmark_swap"):
        frames = release.frames(pair.row)
        assert frames["donor_frame"].isna().all()  # a still
        assert np.abs(np.diff(pair.real.astype(int), axis=0)).max() > 0
