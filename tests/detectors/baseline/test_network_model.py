from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from datagen.cli.main import run
from datagen.core.rng import rng
from datagen.core.stats import auc
from datagen.errors import DetectorError
from tests.detectors.made import read_rows

pytest.importorskip("torch")
pytest.importorskip("safetensors")

import torch
from safetensors.torch import save_file

from datagen.detectors.baseline.calibration import Calibration
from datagen.detectors.baseline.network_model import NetworkModel
from datagen.detectors.baseline.residual_network import (
    ResidualNetwork,
    TrainingSet,
    log_odds,
    train_network,
)


def test_the_network_learns_a_pasted_smooth_square() -> None:
    draw = rng("residual network")
    images, labels = [], []
    for number in range(80):
        side = 64 if number % 3 else 72
        image = draw.integers(0, 256, (side, side, 3), np.uint8)
        images.append(image)
        pasted = image.copy()
        pasted[16:48, 16:48] = pasted[16:48, 16:48].mean(axis=(0, 1)).astype(np.uint8)
        images.append(pasted)
        labels += [0, 1]
    goal = np.array(labels)
    groups = np.arange(160) // 2
    told: list[float] = []
    data = TrainingSet(images.__getitem__, goal, groups, groups >= 64)
    network = train_network(data, 0, 4, lambda epoch, value: told.append(value))
    found = log_odds(network, images[128:])
    assert auc(found[goal[128:] == 0], found[goal[128:] == 1]) == max(told) > 0.95


def test_the_network_form_trains_is_written_and_scores_the_same(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datagen.detectors.baseline.train_network.EPOCHS", 1)
    model, own, again = (
        tmp_path / name for name in ("net.safetensors", "own.parquet", "again.parquet")
    )
    arguments = ["baseline", str(small), "--inline", "--network"]
    assert run([*arguments, "-o", str(own), "--model", str(model)]) == 0
    told = capsys.readouterr()
    assert "epoch 1: AUC" in told.err
    assert told.out.splitlines()[0].split()[-2:] == ["controls", "alarms"]
    arguments = ["score", str(small), "--detector", str(model), "--split", "test", "--inline"]
    assert run([*arguments, "-o", str(again)]) == 0
    first, second = read_rows(own)["score"], read_rows(again)["score"]
    assert first.to_list() == pytest.approx(second.loc[first.index].to_list(), abs=1e-6)


def test_scores_of_the_people_it_was_trained_on_are_refused(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["baseline", str(small), "--inline", "--network", "--split", "train"]) == 2
    assert "the network was trained on those people" in capsys.readouterr().err
    wrong = ["baseline", str(small), "--network", "--model", str(tmp_path / "m.json")]
    assert run(wrong) == 2
    assert "must end in .safetensors" in capsys.readouterr().err


def written(
    path: Path, facts: str | dict[str, object] | None = None, **changes: torch.Tensor | None
) -> Path:
    model = NetworkModel(ResidualNetwork(), Calibration(1, 0), {})
    path.write_bytes(model.to_bytes())
    if facts is not None or changes:
        tensors = {**model.network.state_dict(), **changes}
        kept = {key: value for key, value in tensors.items() if value is not None}
        given = {
            "format": "datagen.baseline.network",
            "network": 1,
            "calibration": [1, 0],
            "trained_on": {},
        }
        text = facts if isinstance(facts, str) else json.dumps({**given, **(facts or {})})
        save_file(kept, path, {"datagen": text})
    return path


@pytest.mark.parametrize(
    ("facts", "changes", "words"),
    [
        ({"format": "other"}, {}, "is not a model of 'datagen baseline --network'"),
        ({"network": 2}, {}, "is of version 2 of the network"),
        ({"network": "9" * 9000}, {}, "train it again"),
        ({"calibration": [-1, 0]}, {}, "is damaged: ValueError: calibration"),
        ({"calibration": None}, {}, "is damaged: TypeError"),
        ({"trained_on": 7}, {}, "is damaged: TypeError"),
        ("[" * 50_000, {}, "nested too deeply"),
        ({}, {"head.bias": None}, "head.bias: expected a tensor of torch.float32"),
        ({}, {"head.bias": torch.ones(1, dtype=torch.float64)}, "expected a tensor of"),
        ({}, {"head.bias": torch.tensor([float("nan")])}, "expected finite numbers"),
        ({}, {"head.bias": torch.ones(7)}, "is damaged: RuntimeError"),
        ({}, {"other": torch.ones(7)}, "is damaged: RuntimeError"),
    ],
)
def test_a_hostile_file_is_refused(
    tmp_path: Path,
    facts: str | dict[str, object],
    changes: dict[str, torch.Tensor | None],
    words: str,
) -> None:
    path = written(tmp_path / "net.safetensors", facts, **changes)
    with pytest.raises(DetectorError) as error:
        NetworkModel.read(str(path))
    assert words in str(error.value)
    assert len(str(error.value)) < 800


@pytest.mark.parametrize("content", [b"", b"\x80\x04.", b"\xff" * 64, b"\x08" + b"\0" * 7 + b"{}"])
def test_a_file_of_another_form_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "net.safetensors"
    path.write_bytes(content)
    with pytest.raises(DetectorError, match=r"not a whole safetensors file|is not a model"):
        NetworkModel.read(str(path))
    path.write_bytes(written(path).read_bytes()[:-5])
    with pytest.raises(DetectorError, match="not a whole safetensors file"):
        NetworkModel.read(str(path))
    whole = NetworkModel.read(str(written(path)))
    assert whole.probabilities([np.zeros((40, 50, 3), np.uint8)]).shape == (1,)
