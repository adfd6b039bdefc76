"""A small release, and its export for the hub."""

from __future__ import annotations

from pathlib import Path

import pytest

from datagen import api
from tests.support.world import World


@pytest.fixture(scope="module")
def release(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "out"
    options = ("--set", "splits.train=12", "--set", "controls=0.25")
    assert world.generate(folder, "--inline", *options) == 0
    return folder


@pytest.fixture(scope="module")
def copy(release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hub") / "copy"
    api.export(release, folder, "hf", progress=False)
    return folder
