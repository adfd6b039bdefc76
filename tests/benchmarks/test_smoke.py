"""Every benchmark script runs at a tiny size and prints its table."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from datagen.methods import METHODS
from tests.support.assets import london, weights
from tests.support.world import World

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
# Imported by other scripts; they have no ``main``.
PARTS = {"network_shard", "random_networks", "random_onnx"}
# Tested beside what they measure.
ELSEWHERE = {"controls", "fuzz"}


@pytest.fixture
def main_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Callable[..., Any]]:
    """Return what gives the ``main`` of a script."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return lambda name: importlib.import_module(f"benchmarks.{name}").main


def table(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return the printed lines."""
    return capsys.readouterr().out.splitlines()


def test_every_script_is_tested_here_or_named() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    scripts = {path.stem for path in BENCHMARKS.glob("*.py")} - PARTS - ELSEWHERE
    assert {name for name in scripts if f'main_of("{name}")' not in source} == set()


def test_methods_measures_what_needs_no_weights_and_names_the_rest(
    main_of: Callable[[str], Callable[..., Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    main_of("methods")(["--size", "128", "--rounds", "1"])
    lines = table(capsys)
    learned = {name for name in METHODS if METHODS.load(name).learned}
    measured = {line.split()[0] for line in lines[2:-1]}
    assert measured == set(METHODS) - learned
    assert lines[-1].endswith(", ".join(name for name in METHODS if name in learned))


def test_ceilings(
    main_of: Callable[[str], Callable[..., Any]],
    capsys: pytest.CaptureFixture[str],
    world: World,
    tmp_path: Path,
) -> None:
    out = tmp_path / "out"
    assert world.generate(out, "--inline", "--set", "controls=0.5") == 0
    capsys.readouterr()
    main_of("ceilings")([str(out), "--table", str(tmp_path / "table.csv")])
    *_, last, share = table(capsys)
    assert last.split()[0] == "all"
    assert share.startswith("share of the way: ")
    methods = pd.read_csv(tmp_path / "table.csv").set_index("method")
    assert set(methods.index) == {"landmark_swap", "self_blend", "all"}
    mean = methods.drop("all")["ceiling"].mean()
    assert methods.loc["all", "ceiling"] == pytest.approx(mean, abs=1e-3)


def test_degradations(
    main_of: Callable[[str], Callable[..., Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("av")
    main_of("degradations")(["--size", "64", "--rounds", "1"])
    lines = table(capsys)
    assert lines[0].startswith("floor")
    assert {"jpeg", "reshare", "video_c40"} <= {line.split()[0] for line in lines[2:]}


def test_evaluate(
    main_of: Callable[[str], Callable[..., Any]], capfd: pytest.CaptureFixture[str]
) -> None:
    main_of("evaluate")(["--images", "600", "--identities", "24"])
    out = capfd.readouterr().out.splitlines()
    assert out[0].startswith("600 images of 24 identities")
    assert [line.split(" ")[0] for line in out[1:]] == ["metrics", "baseline,"]


@pytest.mark.slow
@pytest.mark.ray
def test_generate(
    main_of: Callable[[str], Callable[..., Any]],
    capsys: pytest.CaptureFixture[str],
    ray_cluster: object,
) -> None:
    recipe = str(BENCHMARKS.parent / "recipes" / "quickstart.yaml")
    settings = ["--set", "splits={train: 30}", "--set", "shard_pairs=10"]
    main_of("generate")([recipe, *settings, "--pairs", "10"])
    lines = table(capsys)
    assert [line.partition(":")[0] for line in lines[:2]] == [
        "floor (read, decode one, encode two)",
        "inline, one core",
    ]
    assert "30 pairs" in lines[2]


@pytest.mark.slow
def test_networks(
    main_of: Callable[[str], Callable[..., Any]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    pytest.importorskip("torch")
    for name in ("DATAGEN_WEIGHTS", "DATAGEN_CACHE"):
        monkeypatch.setenv(name, str(tmp_path))
    options = ["--methods", "autoencoder_swap", "--images", "4", "--batch", "2", "--size", "128"]
    assert main_of("networks")([*options, "--folder", str(tmp_path)]) == 0
    assert table(capsys)[-1].split()[:3] == ["autoencoder_swap", "fp32", "2"]


def test_loaders(
    main_of: Callable[[str], Callable[..., Any]],
    capsys: pytest.CaptureFixture[str],
    world: World,
    tmp_path: Path,
) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("webdataset")
    assert world.generate(tmp_path / "out", "--inline") == 0
    capsys.readouterr()
    main_of("loaders")([str(tmp_path / "out"), "--images", "60", "--rounds", "1"])
    lines = table(capsys)
    assert [line.partition(":")[0] for line in lines] == [
        "PairDataset, random order, 2 workers",
        "webdataset, 2 workers",
        "PairDataset, random order, one process",
        "stream, one process",
        "PairDataset / webdataset (images/s)",
        "random access / streaming (time)",
    ]


def test_abba(
    main_of: Callable[[str], Callable[..., Any]],
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    main, here = main_of("abba"), BENCHMARKS.parent
    seconds = sys.modules[main.__module__].cpu_seconds(here, tmp_path, "recipes/quickstart.yaml", 2)
    assert seconds > 0
    monkeypatch.setattr(f"{main.__module__}.cpu_seconds", lambda *_: seconds)
    main([str(here), str(here), "--rounds", "2"])
    assert capfd.readouterr().out.splitlines()[-1] == "old / new CPU time: 1.000 (1.000 to 1.000)"


@pytest.mark.photos
@pytest.mark.slow
def test_fakes(
    main_of: Callable[[str], Callable[..., Any]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATAGEN_LONDON", str(london().parent))
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(weights("face_landmarker.task").parent))
    main_of("fakes")(["self_blend", "--pairs", "4"])
    assert table(capsys)[-1].split()[0] == "self_blend"


@pytest.mark.photos
def test_paste_back(
    main_of: Callable[[str], Callable[..., Any]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("insightface")
    monkeypatch.setenv("DATAGEN_LONDON", str(london().parent))
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(weights("face_landmarker.task").parent))
    main_of("paste_back")(["--rounds", "1", "--photographs", "1", "--sizes", "380"])
    assert table(capsys)[-1].split()[0] == "380"


@pytest.mark.photos
def test_procedural(
    main_of: Callable[[str], Callable[..., Any]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(weights("face_landmarker.task").parent))
    assert main_of("procedural")(["--identities", "2", "--compared", "3"]) == 0
    assert table(capsys)[0].split() == ["identities", "2"]


@pytest.mark.slow
def test_clips(
    main_of: Callable[[str], Callable[..., Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("av")
    main_of("clips")(["landmark_swap", "--rounds", "1", "--people", "2"])
    words = [line.split()[:2] for line in table(capsys)[-2:]]
    assert words == [["camera", "landmark_swap"], ["moving", "landmark_swap"]]


@pytest.mark.photos
@pytest.mark.slow
def test_tracks(
    main_of: Callable[[str], Callable[..., Any]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("av")
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(weights("face_landmarker.task").parent))
    main_of("tracks")([str(london().parent), "--people", "1", "--frames", "40", "--long", "0"])
    lines = table(capsys)
    assert lines[1].startswith("person 0: raw ")
    assert lines[2].startswith("blinks: ")


@pytest.mark.photos
@pytest.mark.slow
def test_identity(
    main_of: Callable[[str], Callable[..., Any]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATAGEN_LONDON", str(london().parent))
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(weights("faceres.onnx").parent))
    main_of("identity")(["morph", "--pairs", "2"])
    assert [line.split()[3] for line in table(capsys)[2:]] == ["mobileface", "faceres"]


def test_gpu_runs_on_a_cpu_with_few_libraries() -> None:
    hidden = ("pydantic", "pyarrow", "PIL", "yaml", "onnxruntime", "onnx", "ray", "pandas", "scipy")
    script = (
        f"import runpy, sys; sys.modules.update(dict.fromkeys({hidden!r})); "
        f"sys.argv = ['gpu.py', '--little', '--no-compile', '--device', 'cpu']; "
        f"runpy.run_path({str(BENCHMARKS / 'gpu.py')!r}, run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    rows = [line.split("|") for line in done.stdout.splitlines() if line.startswith("| `")]
    assert len(rows) == 3 * 3
    assert {row[6].strip() for row in rows} == {"yes"}
    assert "Halving was not tried" in done.stdout  # main_of("gpu") would load what is hidden here


def test_trained_networks(
    main_of: Callable[[str], Callable[..., Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    for file in ("taef2.safetensors", "mobileface.onnx", "esrgan_slim_x2.onnx"):
        weights(file)
    main_of("trained_networks")(["--size", "64", "--batch", "2", "--rounds", "1"])
    lines = [line for line in table(capsys) if line.startswith("| ")]
    assert len(lines) == 2 + 2 + 2 + 4
    assert lines[2].startswith("| `taef2`, 64 pixels")


def test_likeness(
    main_of: Callable[[str], Callable[..., Any]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    for file in ("mobileface.onnx", "faceres.onnx"):
        monkeypatch.setenv("DATAGEN_WEIGHTS", str(weights(file).parent))  # the script sets its own
    little = ["--images", "8", "--held", "2", "--steps", "2", "--width", "4", "--batch", "2"]
    main_of("likeness")([*little, "--folder", str(tmp_path)])
    judged = [line.split("|")[2].strip() for line in table(capsys) if line.startswith("| 0")]
    assert judged == ["mobileface", "faceres"] * 2
    assert (tmp_path / "fakes.png").exists()
