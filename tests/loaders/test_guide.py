"""Every block of the guide to training runs as it is printed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from datagen.cli.main import run

ROOT = Path(__file__).resolve().parents[2]
QUICKSTART = ROOT / "recipes" / "quickstart.yaml"
CLIPS = ROOT / "recipes" / "quickstart-clips.yaml"
GUIDE = ROOT / "docs" / "training-data.md"
BLOCKS = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
TOOLS = ("torch", "torchcodec", "av", "webdataset", "datasets", "ray", "pandas", "polars", "duckdb")


def imported(block: str) -> list[str]:
    return re.findall(r"^(?:import|from) (\w+)", block, re.MULTILINE)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("guide")
    options = ("--inline", "--set", "splits={train: 60, test: 20}", "--set", "shard_pairs=20")
    assert run(["generate", str(QUICKSTART), "-o", str(folder / "out"), *options]) == 0
    assert run(["generate", str(CLIPS), "-o", str(folder / "clips-out"), "--inline"]) == 0
    return folder


def test_every_tool_has_a_block() -> None:
    assert set(TOOLS) <= {name for block in BLOCKS for name in imported(block)}


@pytest.mark.slow
@pytest.mark.parametrize("number", [n for n, b in enumerate(BLOCKS) if "ray" not in imported(b)])
def test_a_block_runs(here: Path, tmp_path: Path, number: int) -> None:
    for name in imported(BLOCKS[number]):
        pytest.importorskip(name)
    done = subprocess.run(
        [sys.executable, "-c", BLOCKS[number]],
        cwd=here,
        env={**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.filterwarnings("ignore")  # Ray's own
def test_the_block_of_ray_data_runs(
    here: Path, monkeypatch: pytest.MonkeyPatch, ray_cluster: object
) -> None:
    monkeypatch.chdir(here)
    (block,) = (block for block in BLOCKS if "ray" in imported(block))
    names: dict[str, Any] = {}
    exec(block.replace('"out/', f'"{here}/out/'), names)
    assert names["pairs"].count() == 60
    assert names["fakes"][0].shape == (256, 256, 3)
