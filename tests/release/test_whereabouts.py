"""A folder that is no release: the one that was meant is named."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from datagen import api
from datagen.errors import ReleaseError
from datagen.release.reader import Release
from tests.support.world import World


@pytest.fixture(scope="module")
def out(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("meant") / "out"
    assert world.generate(folder, "--inline", "--limit", "3") == 0
    return folder


def told(folder: Path) -> str:
    with pytest.raises(ReleaseError, match="is not a datagen release") as raised:
        Release(folder)
    return str(raised.value)


def test_the_folder_around_a_release(out: Path, tmp_path: Path) -> None:
    shutil.copytree(out, tmp_path / "own")
    assert f"name {tmp_path / 'own'})" in told(tmp_path)


@pytest.mark.parametrize("part", ["media", "rights/cards"])
def test_a_folder_of_a_release(out: Path, part: str) -> None:
    assert f"it is a part of the release {out}, name that" in told(out / part)


def test_a_copy_of_a_release(out: Path, tmp_path: Path) -> None:
    api.export(out, tmp_path / "copy", "hf", progress=False)
    assert "it is a copy made by 'datagen export'" in told(tmp_path / "copy")


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    assert "name the folder that 'datagen generate -o' wrote" in told(tmp_path)
