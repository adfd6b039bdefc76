"""A small release, and a copy of it that a test may harm."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.world import World


@pytest.fixture(scope="module")
def whole(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "out"
    assert world.generate(folder, "--inline", "--set", "splits.train=12") == 0
    return folder


@pytest.fixture
def out(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "out"))
