from __future__ import annotations

import json
from pathlib import Path

import pytest

from datagen.errors import ReleaseError
from datagen.networks.autoencoder.config import Shape
from datagen.recipe.schema import Purpose
from datagen.training import setup as module
from datagen.training.setup import SETUP, Setup, claim


def _setup() -> Setup:
    values = {
        "name": "swap",
        "seed": 1,
        "split": "train",
        "faces": "f" * 64,
        "cards": {},
        "shape": Shape(size=64, width=4),
        "batch": 2,
        "rate": 1e-4,
        "adversarial": 0.0,
        "purpose": Purpose(use="research", redistribute=True),
    }
    counts = {"a/1": 3, "a/2": 4}
    key = next(name for name in ("people", "identities") if name in Setup.model_fields)
    return Setup.model_validate({**values, key: counts})


def test_a_folder_is_claimed_and_claimed_again(tmp_path: Path) -> None:
    claim(tmp_path / "out", _setup())
    claim(tmp_path / "out", _setup())
    assert json.loads((tmp_path / "out" / SETUP).read_text())["version"] == 2


@pytest.mark.parametrize("version", [1, 3, None])
def test_a_training_of_another_version_is_named_and_refused(
    tmp_path: Path, version: int | None
) -> None:
    claim(tmp_path, _setup())
    path = tmp_path / SETUP
    body = json.loads(path.read_text())
    body["version"] = version
    path.write_text(json.dumps(body))
    with pytest.raises(ReleaseError) as caught:
        claim(tmp_path, _setup())
    assert str(caught.value) == (
        f"{path} has version {version}; this datagen continues trainings of version "
        f"{module._VERSION}. Use a new folder"
    )
    assert caught.value.path == str(path)
