from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.clip_world import ClipWorld
from tests.support.small.faceswap import CARD, FACESWAP
from tests.training.made import make_recipe, train


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    return make_recipe(tmp_path)


def test_the_last_line_says_what_came_of_it_and_how_to_use_it(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(recipe, tmp_path / "out", "--steps", "1") == 0
    told = capsys.readouterr()
    (line,) = told.out.strip().splitlines()
    assert f"{FACESWAP}" in line
    assert "permits: research, commercial, redistribute" in line
    assert "cp -r " in line
    assert "training on procedural/p0000000 (3), procedural/p0000001 (3)" in told.err


def test_without_torch_the_extra_is_named_before_a_face_is_read(
    recipe: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    assert train(recipe, tmp_path / "out", "--steps", "1") == 2
    told = capsys.readouterr().err
    assert "needs the package 'torch'" in told
    assert "pip install 'datagen[torch]'" in told
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("consent", "told"),
    [
        ({"alteration": "unknown"}, "consent.alteration is unknown"),
        ({"alteration": False}, "consent.alteration is false"),
        ({"redistribution": False}, "consent.redistribution is false"),
        ({"expires": "2001-01-01"}, "consent expired on 2001-01-01"),
    ],
)
def test_faces_without_consent_are_not_trained_on(
    consent: dict[str, Any], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card = {"consent": {**CARD["consent"], **consent}}
    assert train(make_recipe(tmp_path, card=card), tmp_path / "out", "--steps", "1") == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_commercial_purpose_wants_a_commercial_license(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    purpose = {"use": "commercial", "redistribute": False}
    recipe = make_recipe(tmp_path, card={"license": "CC-BY-NC-4.0"}, purpose=purpose)
    assert train(recipe, tmp_path / "out", "--steps", "1") == 2
    assert "license CC-BY-NC-4.0 does not permit commercial use" in capsys.readouterr().err


def test_too_few_images(recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(recipe, tmp_path / "out", "--steps", "1", "--min-images", "9") == 2
    told = capsys.readouterr().err
    assert "has 0 identities with at least 9 usable images" in told
    assert "procedural/p0000000 3" in told
    assert "lower --min-images" in told


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--split", "all"], "--split: expected train, val or test (found 'all')"),
        (["--device", "tpu"], "must be one of cpu, cuda (found 'tpu')"),
        (["--size", "100"], "size: must be 64, 128 or 256 (found 100)"),
        (["--width", "1"], "width: must be greater than or equal to 4"),
        (["--identities", "a,,b"], "--identities: expected names"),
        (["--name", "A b"], "name: must be lower-case letters, digits"),
        (["--rate", "7"], "rate: must be less than or equal to 0.1"),
        (["--steps", "0"], "--steps"),
        (
            ["-o", "s3://bucket/work"],
            "-o s3://bucket/work: a training needs a folder on a local disk",
        ),
    ],
)
def test_wrong_options_are_named(
    options: list[str],
    told: str,
    recipe: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert train(recipe, tmp_path / "out", "--steps", "1", *options) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_gpu_that_is_not_there(
    recipe: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert train(recipe, tmp_path / "out", "--steps", "1", "--device", "cuda") == 2
    assert "device: cuda was requested" in capsys.readouterr().err


def test_the_name_is_the_recipe_s_or_must_be_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = {"use": "autoencoder_swap", "share": 0.5}
    two = [{**entry, "weights": "one"}, {**entry, "weights": "two"}]
    none = [{"use": "self_blend", "share": 1}]
    recipe = make_recipe(tmp_path, methods=two)
    assert train(recipe, tmp_path / "out", "--steps", "1") == 2
    assert "names several weights (one, two): pass --name" in capsys.readouterr().err
    recipe = make_recipe(tmp_path, methods=none)
    assert train(recipe, tmp_path / "out", "--steps", "1") == 2
    assert "has no autoencoder_swap with weights: pass --name" in capsys.readouterr().err
    assert train(recipe, tmp_path / "out", "--steps", "1", "--name", "two") == 0
    card = yaml.safe_load((tmp_path / "out" / "weights" / "cards" / "two.yaml").read_text())
    assert card["id"] == "two"


def test_another_run_in_the_same_folder_is_kept_out(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from datagen.release import Folder
    from datagen.release.lock import lock_folder

    with lock_folder(Folder(str(tmp_path / "out"))):
        assert train(recipe, tmp_path / "out", "--steps", "1") == 2
    assert "is writing here" in capsys.readouterr().err


def test_a_recipe_of_clips_is_refused_with_what_to_set(
    clip_world: ClipWorld, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert train(clip_world.recipe, out, "--name", "mine", "--steps", "1") == 2
    told = " ".join(capsys.readouterr().err.split())
    assert "'datagen train' reads still images" in told
    assert "--set clip=null" in told
    assert not out.exists()
