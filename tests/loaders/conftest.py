"""A release with controls and two degradations, and a copy that a test may harm."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.world import World

DEGRADATIONS = (
    "degradations=[{use: jpeg, share: 0.5, severity: [1, 5]}, {use: clean, share: 0.25}, "
    "{use: blur, share: 0.25}]"
)


@pytest.fixture(scope="session")
def out(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("loaders") / "out"
    assert world.generate(folder, "--inline", "--set", DEGRADATIONS) == 0
    return folder


@pytest.fixture
def copy(out: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(out, tmp_path / "copy"))
