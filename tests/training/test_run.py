from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from datagen.errors import ReleaseError
from datagen.training.checkpoint import read_checkpoint, write_checkpoint
from tests.support.world import start
from tests.training.made import TINY, make_recipe, train


def _bytes(out: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training of six steps in one go."""
    folder = tmp_path_factory.mktemp("whole")
    assert train(make_recipe(folder), folder / "out", "--steps", "6") == 0
    return folder / "out"


def test_a_resumed_training_equals_an_uninterrupted_one_bit_for_bit(
    whole: Path, tmp_path: Path
) -> None:
    recipe = make_recipe(tmp_path)
    for steps in ("1", "3", "4", "6"):
        assert train(recipe, tmp_path / "out", "--steps", steps) == 0
    assert _bytes(tmp_path / "out") == _bytes(whole)


def test_the_same_with_critics(tmp_path: Path) -> None:
    recipe = make_recipe(tmp_path)
    critics = ("--adversarial", "0.1", "--max-identities", "3")
    assert train(recipe, tmp_path / "one", "--steps", "5", *critics) == 0
    for steps in ("2", "5"):
        assert train(recipe, tmp_path / "two", "--steps", steps, *critics) == 0
    assert _bytes(tmp_path / "one") == _bytes(tmp_path / "two")
    last = (tmp_path / "one" / "log.csv").read_text().splitlines()[-1].split(",")
    assert float(last[3]) > 0
    assert float(last[4]) > 0


def test_it_learns(tmp_path: Path) -> None:
    recipe = make_recipe(tmp_path, people=2)
    assert train(recipe, tmp_path / "out", "--steps", "60", "--rate", "3e-3") == 0
    rows = [line.split(",") for line in (tmp_path / "out" / "log.csv").read_text().splitlines()]
    assert rows[0] == ["step", "image", "mask", "adversarial", "critic"]
    losses = np.array(rows[1:], float)
    assert losses[:, 0].tolist() == list(range(1, 61))
    assert losses[-10:, 1].mean() < 0.8 * losses[:5, 1].mean()
    assert losses[-10:, 2].mean() < 0.8 * losses[:5, 2].mean()


def test_the_preview_shows_each_person_by_each_decoder(whole: Path) -> None:
    sheet = cv2.imread(str(whole / "preview.png"))
    assert sheet is not None
    assert sheet.shape == (2 * 3 * 64, 3 * 64, 3)  # two people, three images each


def test_another_seed_trains_other_weights(whole: Path, tmp_path: Path) -> None:
    recipe = make_recipe(tmp_path, seed=2)
    assert train(recipe, tmp_path / "out", "--steps", "6") == 0
    name = "weights/small_faceswap/model.safetensors"
    assert (tmp_path / "out" / name).read_bytes() != (whole / name).read_bytes()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--size", "128"], 'shape: started with {"size": 64, "width": 4}'),
        (["--batch", "3"], "batch: started with 2, now 3"),
        (["--set", "seed=5"], "seed: started with 1, now 5"),
        (["--identities", "p0000001,p0000002"], "people: started with"),
        (["--name", "other"], 'name: started with "small_faceswap", now "other"'),
    ],
)
def test_another_training_is_refused_in_its_folder(
    options: list[str],
    told: str,
    whole: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = _bytes(whole)
    assert train(whole.parent / "recipe.yaml", whole, "--steps", "8", *options) == 2
    error = capsys.readouterr().err
    assert "contains another training" in error
    assert told in error
    assert _bytes(whole) == before


def test_fewer_steps_than_were_taken_are_refused(
    whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(whole.parent / "recipe.yaml", whole, "--steps", "5") == 2
    assert "was already trained for 6 steps" in capsys.readouterr().err


def test_a_folder_of_something_else_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = make_recipe(tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "diary.txt").write_text("dear")
    (tmp_path / "file").write_text("x")
    assert train(recipe, tmp_path / "mine", "--steps", "2") == 2
    assert "is not the folder of a training (diary.txt)" in capsys.readouterr().err
    assert train(recipe, tmp_path / "file", "--steps", "2") == 2
    assert "is a file" in capsys.readouterr().err


@pytest.mark.parametrize("spoil", [b"", b"no safetensors at all, but long enough"])
def test_a_damaged_checkpoint_is_told(
    spoil: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = make_recipe(tmp_path)
    assert train(recipe, tmp_path / "out", "--steps", "2") == 0
    (tmp_path / "out" / "checkpoint.safetensors").write_bytes(spoil)
    assert train(recipe, tmp_path / "out", "--steps", "4") == 2
    assert re.search(r"checkpoint\.safetensors: is damaged", capsys.readouterr().err)


def test_a_flipped_bit_in_a_checkpoint_is_told(tmp_path: Path) -> None:
    import torch

    write_checkpoint(tmp_path, 7, "setup", {"a": torch.arange(6.0), "step": torch.tensor(3)})
    path = tmp_path / "checkpoint.safetensors"
    content = path.read_bytes()
    found = read_checkpoint(tmp_path, "setup")
    assert found is not None
    assert found[0] == 7
    assert found[1]["a"].tolist() == [0, 1, 2, 3, 4, 5]
    for place in range(len(content)):
        harmed = bytearray(content)
        harmed[place] ^= 1
        path.write_bytes(harmed)
        with pytest.raises(ReleaseError, match=r"is damaged|another training"):
            read_checkpoint(tmp_path, "setup")


def test_losses_that_are_not_finite_end_it_and_leave_the_checkpoint_before(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from datagen.training.trainer import Trainer

    recipe, out = make_recipe(tmp_path), tmp_path / "out"
    assert train(recipe, out, "--steps", "2") == 0
    before = _bytes(out)
    monkeypatch.setattr(Trainer, "step", lambda self, parts: {"image": float("nan")})
    assert train(recipe, out, "--steps", "4") == 1
    assert "losses of step 3 are not finite" in capsys.readouterr().err
    assert _bytes(out) == before


@pytest.mark.slow
def test_ctrl_c_leaves_a_checkpoint_from_which_the_same_command_goes_on(tmp_path: Path) -> None:
    recipe, out = make_recipe(tmp_path), tmp_path / "out"
    options = ["train", str(recipe), "-o", str(out), *TINY]
    child = start([*options, "--steps", "1000000"], DATAGEN_CACHE=os.environ["DATAGEN_CACHE"])
    until = time.monotonic() + 240
    while not (out / "checkpoint.safetensors").exists() and time.monotonic() < until:
        assert child.poll() is None, child.communicate()
        time.sleep(0.1)
    child.send_signal(signal.SIGINT)
    told = child.communicate(timeout=120)[1]
    assert child.returncode == 130, told
    assert "rerun the same command to continue" in told
    taken = int((out / "log.csv").read_text().splitlines()[-1].split(",")[0])
    assert taken >= 2
    assert train(recipe, out, "--steps", str(taken + 2)) == 0
    assert train(recipe, tmp_path / "again", "--steps", str(taken + 2)) == 0
    assert _bytes(out) == _bytes(tmp_path / "again")
