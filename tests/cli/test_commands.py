from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from datagen import __version__
from datagen.cli import plan
from datagen.cli.main import run
from datagen.methods import METHODS
from tests.support.world import World, digests

ROOT = Path(__file__).parents[2]

COMMANDS = (
    "validate",
    "index",
    "plan",
    "generate",
    "verify",
    "show",
    "list",
    "evaluate",
    "export",
    "lint-deepfakebench",
    "score",
    "baseline",
    "mine",
    "train",
    "weights",
)

PLUGIN = '''
"""A method of somebody else's: turns the mouth of the target green."""

import cv2
import numpy as np

from datagen.methods import Method, Result
from datagen.core.schema import Frozen


class Options(Frozen):
    strength: int = 60


class Params(Frozen):
    amount: int


class GreenMouth(Method):
    """Green lips."""

    name = "green_mouth"
    family = "attribute_edit"
    options = Options
    params = Params
    min_change = 1.0

    def sample(self, rng, ctx):
        return Params(amount=int(rng.integers(self.config.strength // 2, self.config.strength)))

    def apply(self, ctx, params):
        mask = np.zeros(ctx.target.image.shape[:2], np.uint8)
        cv2.fillConvexPoly(mask, np.rint(ctx.target.landmarks[48:60]).astype(np.int32), 255)
        image = ctx.target.image.copy()
        green = np.minimum(image[..., 1].astype(np.int32) + params.amount, 255)
        image[..., 1] = np.where(mask == 255, green, image[..., 1]).astype(np.uint8)
        return Result(image, mask, ctx.target.landmarks)

    def control(self, ctx, params):
        return ctx.target.image
'''


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.strip() == __version__
    assert run(["--help"]) == 0
    told = capsys.readouterr().out
    for command in COMMANDS:
        assert command in told


@pytest.mark.parametrize(
    "command", [*(c for c in COMMANDS if c != "weights"), "weights list", "weights add"]
)
def test_help_names_values_by_words(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*command.split(), "-h"]) == 0
    told = capsys.readouterr().out
    assert "-h" in told
    for riddle in ("<bool>", "<str>  ", "range>", "list["):
        assert riddle not in told.partition("Options")[2], riddle
    assert "{" not in told.partition("Usage")[2].partition("\n")[0]


@pytest.mark.parametrize(
    "arguments", [["frobnicate"], ["generate"], ["generate", "r.yaml", "-o", "x", "--limit", "0"]]
)
def test_a_wrong_command_line_is_exit_2(arguments: list[str]) -> None:
    assert run(arguments) == 2


def test_a_renamed_command_is_refused_with_its_new_name(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["probe", "out"]) == 2
    assert "the command 'probe' is now called 'baseline'" in capsys.readouterr().err


def test_validate_names_every_wrong_recipe(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("name: x\nsed: 1\n")
    assert run(["validate", str(world.recipe), str(wrong), str(tmp_path / "none.yaml")]) == 2
    told = capsys.readouterr()
    assert f"{world.recipe}: valid; 24 images listed" in told.out
    assert "sed: unknown key. Did you mean 'seed'?" in told.err
    assert "none.yaml: no such file" in told.err
    assert run(["validate", str(world.recipe)]) == 0


def test_validate_says_when_it_could_not_look_at_the_sources(
    own_world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOT_SET_ROOT", raising=False)
    source = "sources.0.root=${NOT_SET_ROOT}"
    assert run(["validate", str(own_world.recipe), "--set", source]) == 0
    told = capsys.readouterr().out
    assert "its sources were not checked" in told
    assert "NOT_SET_ROOT" in told


def test_validate_refuses_a_donor_rule_that_leaves_somebody_alone(
    own_world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    table = own_world.faces / "faces.csv"
    rows = pd.read_csv(table)
    rows.loc[rows["identity"] == "p00", "sex"] = "other"
    rows.to_csv(table, index=False)
    for image in own_world.faces.glob("*.png"):
        image.unlink()  # validate reads no image
    rule = "methods.1.donor={match: [sex]}"
    assert run(["validate", str(own_world.recipe), "--set", rule]) == 2
    told = capsys.readouterr().err
    assert "method 'landmark_swap': no donor satisfies the rule {match: [sex]} for 2 of" in told
    assert "fallback: any" in told
    rule = "methods.1.donor={match: [sex], fallback: any}"
    assert run(["validate", str(own_world.recipe), "--set", rule]) == 0


def test_index_reads_once(own_world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["index", str(own_world.recipe), "--inline"]) == 0
    assert "24 images analyzed, 0 remembered" in capsys.readouterr().err
    assert run(["index", str(own_world.recipe), "--inline"]) == 0
    assert "0 images analyzed, 24 remembered" in capsys.readouterr().err


def test_plan_shows_counts_rights_and_warnings(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["plan", str(world.recipe), "--inline", "--set", "splits.train=6000"]) == 0
    told = capsys.readouterr()
    for text in ("purpose: research", "source 'nobody' (CC0-1.0): covered", "6000", "3000"):
        assert text in told.out
    assert "warning: split 'train': 16 faces for 6000 pairs" in told.err
    assert "MB and" in told.out
    assert "warning: split 'test': 4 identities, and an evaluation judges nothing" in told.err


def test_a_small_plan_has_no_size_of_zero(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    args = ["plan", str(world.recipe), "--inline"]
    assert run([*args, "--limit", "2"]) == 0
    told = capsys.readouterr()
    assert "\nless than 1 MB and less than a second on " in told.out
    assert run([*args, "--set", "splits={train: 9}"]) == 0
    told = capsys.readouterr()
    assert "\nidentities not used: 4 of 'test', a split without pairs; split.shares " in told.out
    sizes = [plan._size(n) for n in (999_999, 10**6, 9_999 * 10**6, 12 * 10**9)]
    assert sizes == ["less than 1 MB", "about 1 MB", "about 9,999 MB", "about 12 GB"]
    times = [plan._duration(n) for n in (0.9, 1.2, 119, 120, 7200)]
    assert times == ["less than a second", "about 1 s", "about 119 s", "about 2 minutes",
                     "about 2 hours"]  # fmt: skip


@pytest.mark.parametrize("kind", ["methods", "degradations", "sources", "analyzers"])
def test_the_list_says_where_a_name_goes(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["list", kind]) == 0
    key = {"methods": "'methods: - {use: NAME", "degradations": "'degradations: - {use: NAME",
           "sources": "'layout: NAME'", "analyzers": "'face: {analyzer: NAME}'"}[kind]  # fmt: skip
    assert key in capsys.readouterr().err.splitlines()[-1]


def test_inline_with_workers_is_a_contradiction(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.generate(tmp_path / "out", "--inline", "--workers", "4") == 2
    assert "inline runs in one process" in capsys.readouterr().err


def test_the_last_line_tells_what_came_of_it(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.generate(tmp_path / "out", "--inline") == 0
    (line,) = capsys.readouterr().out.strip().splitlines()
    assert line.startswith(
        f"{tmp_path / 'out'}: 36 pairs and 9 controls in 6 shards; rejects: none"
    )
    assert "MB" in line
    assert "pairs/s" in line


def test_show_takes_one_method_and_names_the_near_ones(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert world.generate(out, "--inline") == 0
    capsys.readouterr()
    assert run(["show", str(out), "-n", "4", "--method", "self_blend"]) == 0
    page = Path(capsys.readouterr().out.strip()).read_text(encoding="utf-8")
    assert page.count('data-pair="') == 4
    assert "landmark_swap" not in page
    assert run(["show", str(out), "--method", "selfblend"]) == 2
    assert "Did you mean 'self_blend'?" in capsys.readouterr().err


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    for room, name in (("methods", "self_blend"), ("sources", "folder"), ("analyzers", "given")):
        assert run(["list", room]) == 0
        told = capsys.readouterr().out
        assert told.startswith("name ")
        assert f"\n{name} " in told
        assert "``" not in told


def test_list_shows_what_a_plugin_defines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin = tmp_path / "green.py"
    plugin.write_text(PLUGIN)
    assert run(["list", "methods", "--plugin", str(plugin)]) == 0
    assert "\ngreen_mouth " in capsys.readouterr().out


def plugin_run(world: World, out: Path, *options: str) -> int:
    methods = "methods=[{use: green_mouth, share: 1, strength: 80}]"
    return world.generate(out, "--set", methods, *options)


def test_a_plugin_file_adds_a_method(world: World, tmp_path: Path) -> None:
    plugin = tmp_path / "green.py"
    plugin.write_text(PLUGIN)
    assert plugin_run(world, tmp_path / "out", "--inline", "--plugin", str(plugin)) == 0
    rows = pd.read_parquet(tmp_path / "out" / "manifest")
    assert set(rows["method"]) == {"green_mouth"}
    assert run(["verify", str(tmp_path / "out")]) == 0


def test_the_source_of_a_plugin_travels_only_when_asked(world: World, tmp_path: Path) -> None:
    plugin = tmp_path / "green.py"
    plugin.write_text(PLUGIN)
    for name, asked in (("without", ()), ("with", ("--include-plugins",))):
        out = tmp_path / name
        assert plugin_run(world, out, "--inline", "--plugin", str(plugin), *asked) == 0
        assert run(["verify", str(out)]) == 0
        digest = json.loads((out / "release.json").read_text())["made"]["with"]["plugins"]
        assert list(digest) == ["green.py"]
        copies = list((out / "plugins").glob("*.py")) if asked else []
        assert (out / "plugins").exists() == bool(asked)
        assert [copy.read_text() for copy in copies] == [PLUGIN] * len(copies)


def test_a_changed_plugin_replaces_shards_and_says_so(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin = tmp_path / "green.py"
    text = PLUGIN.replace("green_mouth", "lime_mouth")
    methods = "methods=[{use: lime_mouth, share: 1}]"
    for change in ("", "\n# changed\n"):
        METHODS._added.pop("lime_mouth", None)  # as in another process
        plugin.write_text(text + change)
        options = ("--inline", "--plugin", str(plugin), "--set", methods, "--limit", "6")
        assert world.generate(tmp_path / "out", *options) == 0
    shown = " ".join(capsys.readouterr().err.split())
    assert "of the same recipe were made again: a plug-in," in shown


def test_the_documents_degradation_works(world: World, tmp_path: Path) -> None:
    text = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    plugin = tmp_path / "fade.py"
    plugin.write_text(text.partition("# fade.py\n")[2].partition("```")[0])
    options = ("--inline", "--plugin", str(plugin), "--set")
    fade = "degradations=[{use: fade, share: 1, severity: [1, 5]}]"
    assert world.generate(tmp_path / "out", *options, fade) == 0
    rows = pd.read_parquet(tmp_path / "out" / "manifest")
    assert set(rows["degradation"]) == {"fade"}
    assert set(rows["severity"]) == {1, 2, 3, 4, 5}
    by_level = rows.groupby("severity")["psnr"].mean()
    assert by_level.is_monotonic_decreasing


@pytest.mark.ray
def test_a_plugin_file_reaches_the_workers(
    ray_cluster: object, world: World, tmp_path: Path
) -> None:
    plugin = tmp_path / "green.py"
    plugin.write_text(PLUGIN)
    for name, engine in (("ray", ["--workers", "2"]), ("inline", ["--inline"])):
        assert plugin_run(world, tmp_path / name, *engine, "--plugin", str(plugin)) == 0
    assert digests(tmp_path / "ray") == digests(tmp_path / "inline")


@pytest.mark.slow
def test_an_installed_package_adds_a_method(world: World, tmp_path: Path) -> None:
    package = tmp_path / "package"
    (package / "green_methods").mkdir(parents=True)
    (package / "green_methods" / "__init__.py").write_text(PLUGIN)
    (package / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "green-methods"\nversion = "1.0"\n'
        '[project.entry-points."datagen.methods"]\ngreen_mouth = "green_methods:GreenMouth"\n'
    )
    site = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target"]
    subprocess.run([*install, str(site), str(package)], check=True, capture_output=True)
    code = f"""
import sys
sys.path.insert(0, {str(site)!r})
from datagen.cli import plan
from datagen.cli.main import run
sys.exit(run(["generate", {str(world.recipe)!r}, "-o", {str(tmp_path / "out")!r}, "--inline",
              "--set", "methods=[{{use: green_mouth, share: 1}}]"]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert set(pd.read_parquet(tmp_path / "out" / "manifest")["method"]) == {"green_mouth"}


def test_no_command_takes_loose_photographs(capsys: pytest.CaptureFixture[str]) -> None:
    """Faces enter through a source card: no option or argument of any command is an image."""
    for command in COMMANDS:
        assert run([command, "--help"]) == 0
        told = capsys.readouterr().out.lower()
        for word in ("--source", "--target", "--face", "--image", "--photo", "--image"):
            assert word not in told, f"{command} {word}"
