from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

import datagen as dg
from tests.support.world import World, digests

ROOT = Path(__file__).parents[1]
EVERY_NAME = """
import importlib, pkgutil, types
import datagen
for module in pkgutil.walk_packages(datagen.__path__, "datagen."):
    importlib.import_module(module.name)
for name in datagen.__all__:
    assert not isinstance(getattr(datagen, name), types.ModuleType), name
    assert callable(getattr(datagen, name)), name
"""
LOADED = """
import sys
before = set(sys.modules)
import datagen
print(len(set(sys.modules) - before))
"""


def child(*arguments: str, cwd: Path | None = None) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=False, cwd=cwd
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def brightness(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    return np.asarray(images.mean(axis=(1, 2, 3)) / 255, np.float64)


@pytest.fixture(scope="module")
def out(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("api") / "out"
    release = dg.generate(world.recipe, folder, inline=True, progress=False)
    assert len(release) == 36
    return folder


def test_every_public_name_is_there_after_every_module_was_imported() -> None:
    """A module that is named like a public function would take its place in the package."""
    child("-c", EVERY_NAME)


def test_the_package_lists_its_names_and_refuses_others() -> None:
    assert set(dg.__all__) <= set(dir(dg))
    with pytest.raises(AttributeError, match="no attribute 'generat'"):
        _ = dg.generat


def test_importing_the_package_is_quick() -> None:
    """Pandas or numpy alone load hundreds of modules; none of them is needed yet."""
    assert int(child("-c", LOADED)) < 200


def test_all_errors_are_public() -> None:
    from datagen import errors

    assert set(errors.__all__) <= set(dg.__all__)


@pytest.mark.slow
def test_a_downstream_program_type_checks(tmp_path: Path) -> None:
    program = tmp_path / "downstream.py"
    program.write_text((ROOT / "tests" / "downstream.py").read_text(encoding="utf-8"))
    told = child("-m", "mypy", "--strict", "--no-incremental", str(program), cwd=tmp_path)
    assert "Success" in told


def test_overrides_may_be_a_mapping(world: World) -> None:
    recipe = dg.load_recipe(world.recipe, {"splits.train": 6, "face.size": 64})
    assert recipe.spec.splits["train"] == 6
    assert recipe.digest == dg.load_recipe(str(world.recipe), ["face.size=64"]).digest


def test_plan_gives_counts_by_split_and_method(world: World) -> None:
    found = dg.plan(world.recipe, inline=True, progress=False)
    frame = found.to_frame()
    assert list(frame.columns) == ["split", "method", "pairs", "controls", "identities", "faces"]
    assert frame.groupby("split")["pairs"].sum().to_dict() == {"train": 24, "test": 12}
    assert frame["controls"].sum() == 9
    assert set(frame["method"]) == {"self_blend", "landmark_swap"}
    assert found.pairs == 36
    assert found.decisions[0].covered
    assert found.expected_bytes > 0
    many = dg.plan(dg.load_recipe(world.recipe, {"splits.train": 6000}), inline=True)
    assert any("6000 pairs" in warning for warning in many.warnings)
    assert "<table" in many._repr_html_()
    assert "6000 pairs" in str(many)
    assert dg.plan(world.recipe, limit=6, inline=True).pairs == 6


def test_generate_returns_the_release_and_equals_the_command(
    world: World, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.generate(tmp_path / "command", "--inline") == 0
    assert digests(tmp_path / "command") == digests(out)
    capsys.readouterr()
    again = dg.generate(dg.load_recipe(world.recipe), str(out), inline=True, progress=False)
    assert len(again) == 36
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "")
    dg.generate(world.recipe, out, inline=True)
    assert "36 pairs and 9 controls in 6 shards (6 already there)" in capsys.readouterr().err


def test_generate_refuses_and_reports(own_world: World, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("mine")
    with pytest.raises(dg.ReleaseError, match="full"):
        dg.generate(own_world.recipe, tmp_path / "full", inline=True, progress=False)
    with pytest.raises(dg.UserError, match="one process"):
        dg.generate(own_world.recipe, tmp_path / "out", inline=True, workers=2)
    own_world.write_recipe(methods=[{"use": "self_blend", "share": 1, "min_change": 99}])
    with pytest.raises(dg.RunError, match="were rejected"):
        dg.generate(own_world.recipe, tmp_path / "out", inline=True, progress=False)


def test_verify_takes_a_release_or_a_path(out: Path, tmp_path: Path) -> None:
    assert dg.verify(out) == dg.verify(str(out)) == dg.verify(dg.Release(out), pixels=True) == []
    with pytest.raises(dg.ReleaseError, match=r"not a datagen release .there is no such folder"):
        dg.verify(tmp_path / "nowhere")


def test_score_and_evaluate_a_function(out: Path, tmp_path: Path) -> None:
    release = dg.Release(out)
    scores = dg.score(release, brightness, split="test", progress=False)
    rows = release.table(split=["test"]).set_index("sample_id")
    assert len(scores) == len(rows)
    first = scores.iloc[0]
    expected = release.image(rows.loc[first["sample_id"]]).mean() / 255
    assert first["score"] == pytest.approx(expected)

    result = dg.evaluate(out, scores)
    assert 0 <= result.metrics["auc"] <= 1
    low, high = result.intervals["auc"]
    assert low <= result.metrics["auc"] <= high
    assert result.passed is None
    assert "AUC" in str(result)
    frame = result.to_frame()
    assert {"overall", "method"} <= set(frame["by"])
    result.to_html(tmp_path / "new" / "page.html")
    page = result.to_html()
    assert page.startswith("<!")
    assert (tmp_path / "new" / "page.html").read_text(encoding="utf-8") == page
    assert json.loads(result.to_json())["overall"]["auc"]["value"] == result.metrics["auc"]
    assert "AUC" in result.to_markdown()
    assert result.to_junit().startswith("<?xml")


def test_gates_baseline_and_scores_files(out: Path, tmp_path: Path) -> None:
    scores = dg.score(out, brightness, split=["test"], progress=False)
    file = tmp_path / "scores.csv"
    scores[["sample_id", "score"]].to_csv(file, index=False)
    gates = tmp_path / "gates.yaml"
    gates.write_text("auc: {min: 0.999}\non_undecided: fail\n")
    result = dg.evaluate(out, file, gates, baseline=scores)
    assert not result.passed
    assert result.verdicts[0].gate == "auc"
    assert result.evaluation.comparison is not None
    with pytest.raises(dg.UserError, match="no split 'tset'"):
        dg.evaluate(out, scores, split="tset")
    gates.write_text("regression: {max_drop: 0.1}\n")
    with pytest.raises(dg.UserError, match="needs a baseline"):
        dg.evaluate(out, scores, gates)


def test_a_detector_may_be_a_spec(
    out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "somebodys.py").write_text("def detect(images):\n    return [0.5] * len(images)\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    config = tmp_path / "config.yaml"
    config.write_text("higher_is: real\n")
    asked = {"split": "test", "inline": True, "progress": False}
    scores = dg.score(out, "somebodys:detect", config=config, **asked)  # type: ignore[arg-type]
    assert set(scores["score"]) == {0.5}
    with pytest.raises(dg.DetectorError):
        dg.score(out, "no_such_module:detect", inline=True)


def test_faces_come_from_the_index_behind_the_rights_gate(own_world: World) -> None:
    faces = dg.open_index(own_world.recipe, inline=True, progress=False)
    assert len(faces) == len(list(faces)) == len(faces.to_frame()) == 24
    face = faces[0]
    assert face.image.shape == (96, 96, 3)
    assert face.landmarks.shape == (68, 2)
    assert face.identity == "nobody/p00"
    assert faces[-1].identity == "nobody/p11"
    assert [one.number for one in faces[1:3]] == [1, 2]
    with pytest.raises(IndexError):
        _ = faces[24]
    card = own_world.folder / "nobody.yaml"
    card.write_text(card.read_text().replace("alteration: true", "alteration: false"))
    for image in own_world.faces.glob("*.png"):
        image.unlink()  # no image is opened
    with pytest.raises(dg.RightsError, match="alteration"):
        dg.open_index(own_world.recipe, inline=True, progress=False)


def test_preview_makes_one_pair(world: World) -> None:
    faces = dg.open_index(world.recipe, inline=True, progress=False)
    pair = dg.preview("self_blend", faces[0], seed=7)
    assert pair.real.shape == pair.fake.shape == (96, 96, 3)
    assert pair.mask.shape == (96, 96)
    assert not np.array_equal(pair.real, pair.fake)
    assert np.array_equal(pair.real[pair.mask == 0], pair.fake[pair.mask == 0])
    assert pair.control is not None
    again, other = (dg.preview("self_blend", faces[0], seed=seed) for seed in (7, 8))
    assert np.array_equal(pair.fake, again.fake)
    assert pair.params == again.params != other.params
    assert pair._repr_html_().count("<img") == 4
    swap = dg.preview("landmark_swap", faces[0], faces[5])
    assert swap.method == "landmark_swap"


@pytest.mark.parametrize(
    ("method", "donor", "options", "words"),
    [
        ("self_blnd", None, {}, "Did you mean 'self_blend'"),
        ("self_blend", None, {"prts": ["mouth"]}, "prts"),
        ("self_blend", 5, {}, "takes no donor"),
        ("landmark_swap", None, {}, "needs a donor"),
        ("landmark_swap", 1, {}, "is the identity of the face itself"),
    ],
)
def test_preview_refuses(
    world: World, method: str, donor: int | None, options: dict[str, object], words: str
) -> None:
    faces = dg.open_index(world.recipe, inline=True, progress=False)
    lent = None if donor is None else faces[donor]
    with pytest.raises(dg.RecipeError, match=words):
        dg.preview(method, faces[0], lent, options)


def test_there_is_no_door_for_loose_photographs() -> None:
    """Faces come from an index; nothing public makes one of an array or a file."""
    with pytest.raises(TypeError):
        dg.IndexedFace(np.zeros((96, 96, 3), np.uint8))  # type: ignore[call-arg,arg-type]
    with pytest.raises(dg.RecipeError, match="face: must come from open_index"):
        dg.preview("self_blend", np.zeros((96, 96, 3), np.uint8))  # type: ignore[arg-type]


def test_a_plugin_file_defines_a_method(world: World, tmp_path: Path) -> None:
    from tests.cli.test_commands import PLUGIN

    plugin = tmp_path / "teal.py"
    plugin.write_text(PLUGIN.replace("green_mouth", "teal_mouth"))
    methods = {"methods": [{"use": "teal_mouth", "share": 1}], "splits": {"train": 4}}
    recipe = dg.load_recipe(world.recipe, methods, plugins=[plugin])
    release = dg.generate(recipe, tmp_path / "out", inline=True, progress=False)
    assert {pair.method for pair in release} == {"teal_mouth"}
    assert release.record["made"]["with"]["plugins"]


@pytest.mark.slow
def test_the_example_goes_from_nothing_to_an_evaluated_detector(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = ROOT / "examples" / "evaluate_detector.py"
    assert len(script.read_text(encoding="utf-8").splitlines()) <= 25
    monkeypatch.setenv("DATAGEN_CACHE", str(tmp_path / "cache"))
    told = child(str(script), cwd=tmp_path)
    assert "AUC 0." in told
    assert "<table" in (tmp_path / "example-out.html").read_text(encoding="utf-8")
    assert len(dg.Release(tmp_path / "example-out")) == 44


def test_a_release_is_read_without_its_recipe(out: Path) -> None:
    rows = dg.Release(str(out)).table(["pair_id", "kind"])
    assert isinstance(rows, pd.DataFrame)
    assert rows["kind"].value_counts()["fake"] == 36


anything: Any = dg  # as in a program that is not type-checked


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda r, a, b: anything.plan(r, limit=b),
            "limit: must be a whole number of at least 1 (found",
        ),
        (
            lambda r, a, b: anything.generate(r, "x", limit=b),
            "limit: must be a whole number of at least",
        ),
        (
            lambda r, a, b: anything.generate(r, "x", workers=b),
            "workers: must be a whole number of at l",
        ),
        (
            lambda r, a, b: anything.score(a, brightness, batch=b),
            "batch: must be a whole number of at",
        ),
    ],
)
@pytest.mark.parametrize("bad", [-1, 0, 2.5, True, "5", np.float64(3), [1]])
def test_numbers_are_checked_before_anything_starts(
    world: World, out: Path, call: Any, words: str, bad: object
) -> None:
    with pytest.raises(dg.UserError) as caught:
        call(world.recipe, out, bad)
    assert words in str(caught.value)
    assert caught.value.key in ("limit", "workers", "batch")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda r, a: anything.generate(r, None),
            "out: must be the path or address of a folder (found",
        ),
        (lambda r, a: anything.Release(None), "release: must be a Release or its path, found None"),
        (
            lambda r, a: anything.score(pd.DataFrame(), brightness),
            "release: must be a Release or its path, found DataFrame",
        ),
        (lambda r, a: anything.verify(3), "release: must be a Release or its path, found 3"),
        (
            lambda r, a: anything.evaluate(a, [1], trained_on=3),
            "trained_on: must be a Release or its",
        ),
        (
            lambda r, a: anything.load_recipe(None),
            "recipe: must be the path of its file (found None)",
        ),
        (
            lambda r, a: anything.load_recipe({"name": "x"}),
            "recipe: must be the path of its file (found",
        ),
        (
            lambda r, a: anything.plan({"name": "x"}),
            "recipe: must be a Recipe or the path of its file",
        ),
        (
            lambda r, a: anything.load_recipe(r, {5: 3}),
            "overrides: a key: must be a text, e.g. 'splits",
        ),
        (
            lambda r, a: anything.load_recipe(r, 5),
            "overrides: must be a text or a list of texts (found",
        ),
        (lambda r, a: anything.load_recipe(r, {"splits": {1, 2}}), "a value of type set"),
        (
            lambda r, a: anything.load_recipe(r, plugins=5),
            "plugins: must be a path or a list of paths",
        ),
        (
            lambda r, a: anything.load_recipe(r, allow_outside="no"),
            "allow_outside: must be True or Fal",
        ),
        (
            lambda r, a: anything.plan(r, progress="no"),
            "progress: must be True or False (found 'no')",
        ),
        (
            lambda r, a: anything.plan(r, inline="yes"),
            "inline: must be True or False (found 'yes')",
        ),
        (
            lambda r, a: anything.plan(r, address=5),
            "address: must be a text, e.g. 'auto' (found 5)",
        ),
        (lambda r, a: anything.score(a, 3), "detector: must be a callable or a spec, found int"),
        (
            lambda r, a: anything.score(a, brightness, 3),
            "split: must be a text or a list of texts (fou",
        ),
        (lambda r, a: anything.score(a, brightness, config=3), "config: must be a mapping such as"),
        (
            lambda r, a: anything.score(a, brightness, config={"logit": True}),
            "Did you mean 'logits'",
        ),
        (
            lambda r, a: anything.evaluate(a, np.zeros(3)),
            "scores: must be a table (DataFrame) as score",
        ),
        (
            lambda r, a: anything.evaluate(a, {"a": 1}),
            "scores: must be a table (DataFrame) as score",
        ),
        (lambda r, a: anything.evaluate(a, None), "scores: must be a table (DataFrame) as score"),
        (
            lambda r, a: anything.evaluate(a, pd.Series([1.0])),
            "scores: must be a table (DataFrame) as",
        ),
        (
            lambda r, a: anything.evaluate(a, "x", split=["test"]),
            "split: must be a text, e.g. 'test'",
        ),
        (
            lambda r, a: anything.evaluate(a, "x", threshold="a"),
            "threshold: must be a number from 0 to",
        ),
        (
            lambda r, a: anything.evaluate(a, "x", threshold=2),
            "threshold: must be a number from 0 to 1",
        ),
        (
            lambda r, a: anything.evaluate(a, "x", logits="no"),
            "logits: must be True or False (found",
        ),
        (lambda r, a: anything.evaluate(a, "x", gates=5), "gates: must be a mapping such as"),
    ],
)
def test_arguments_of_a_wrong_kind_are_named(
    world: World, out: Path, call: Any, words: str
) -> None:
    with pytest.raises(dg.UserError) as caught:
        call(world.recipe, out)
    assert words in str(caught.value)
    assert caught.value.key is not None or caught.value.path is not None
    assert "--" not in str(caught.value)  # the words of the command line mean nothing here


def test_values_of_numpy_and_paths_are_taken(world: World, out: Path) -> None:
    recipe = dg.load_recipe(
        world.recipe,
        {"splits.train": np.int64(6), "sources[0].root": world.faces},
        plugins=[],
    )
    assert recipe.spec.splits["train"] == 6
    assert anything.plan(recipe, limit=np.int64(6), inline=np.bool_(True)).pairs == 6
    release = dg.Release(out)
    assert dg.Release(release) == release
    assert hash(dg.Release(release)) == hash(release)
    assert release != 3


class Bright:
    """A detector that is a class."""

    made = 0

    def __init__(self) -> None:
        Bright.made += 1

    def __call__(self, images: npt.NDArray[np.uint8]) -> object:
        return brightness(images)


def test_a_class_is_instantiated_once(out: Path) -> None:
    scores = dg.score(out, Bright, "test", config={"logits": False}, progress=False)
    assert Bright.made == 1
    assert scores["score"].notna().all()

    class Needs:
        def __init__(self, weights: str) -> None:
            self.weights = weights

    with pytest.raises(dg.DetectorError, match=r"Needs: does not load: .* pass an object instead"):
        dg.score(out, Needs, "test", progress=False)


def test_a_detector_that_scores_nothing_is_an_error(out: Path) -> None:
    def broken(images: npt.NDArray[np.uint8]) -> object:
        raise ZeroDivisionError("no idea")

    with pytest.raises(dg.DetectorError, match=r"none of \d+ images has a score.*no idea"):
        dg.score(out, broken, "test", progress=False)


def test_what_is_shown_is_short(world: World, out: Path) -> None:
    recipe = dg.load_recipe(world.recipe)
    assert hash(recipe) == hash(dg.load_recipe(world.recipe))
    plan = dg.plan(recipe, inline=True, progress=False)
    faces = dg.open_index(recipe, inline=True, progress=False)
    pair = dg.preview("self_blend", faces[0], seed=7)
    assert repr(pair) == "<PreviewPair self_blend, 96x96: real, fake, mask, control>"
    for shown in (recipe, plan, pair):
        assert len(repr(shown)) < 200
    result = dg.evaluate(out, dg.score(out, brightness, "test", progress=False))
    assert "<table" in result._repr_html_()
    assert result.to_json() == result.to_json(None)


def test_dir_lists_what_is_public() -> None:
    assert dir(dg) == sorted([*dg.__all__, "__version__", "loaders"])
