"""The instrument of usefulness in little: its parts fit together, and a stopped run goes on."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from datagen.core.images import decode
from datagen.core.rng import rng
from datagen.core.yaml_io import read_yaml
from datagen.errors import RecipeError, ReleaseError
from datagen.methods import METHODS
from tests.support.crops import procedural_crop

PACKAGE = "benchmarks.usefulness"
ROOT = Path(__file__).parents[2]
KINDS = ["splice", "bicubic"]


def part(name: str) -> ModuleType:
    """Return a module of the instrument."""
    return importlib.import_module(f"{PACKAGE}.{name}")


def run(cache: Path, *more: str) -> int:
    """Run the instrument in little."""
    configurations = cache / "configurations.yaml"
    configurations.write_text(
        "configurations:\n"
        "  self_blend_old: {methods: {self_blend: 1}, defaults: old, pairs: 200, controls: 0.1}\n"
        "  pair_batches: {methods: {self_blend: 1}, defaults: old, pairs: 200, controls: 0.1,\n"
        "                 batches: pairs, controls_as_reals: true}\n"
    )
    options = ["--little", "--configurations", str(configurations), "--cache", str(cache)]
    options += ["--each", "2", "--epochs", "1", "--detectors", "spectral", "network"]
    code: int = part("__main__").main([*options, "--kinds", *KINDS, *more])
    return code


@pytest.mark.slow
def test_a_run_in_little_fills_the_tables_and_a_second_run_trains_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    assert run(tmp_path, "--open-report") == 0
    assert "opened for the first time" in capsys.readouterr().out
    for detector in ("spectral", "network"):
        stem = f"procedural-choose-{detector}"
        matrix = pd.read_parquet(tmp_path / f"{stem}-matrix.parquet")
        assert set(matrix["configuration"]) == {"self_blend_old", "pair_batches"}
        assert set(matrix["kind"]) == set(KINDS)
        assert matrix["changed"].nunique() == 2
        assert (matrix["low"] <= matrix["auc"]).all()
        assert (matrix["auc"] <= matrix["high"]).all()
        assert matrix[matrix["kind"] == "splice"]["control"].notna().all()
        assert matrix[matrix["kind"] == "bicubic"]["control"].isna().all()
        gaps = pd.read_parquet(tmp_path / f"{stem}-differences.parquet")
        assert list(gaps["over"]) == ["clean", "changed", "both"]
        assert [*tmp_path.glob(f"{stem}-heat-map.*")]
    blended = pd.read_parquet(tmp_path / "procedural-choose-spectral-matrix.parquet")
    old = blended[blended["configuration"] == "self_blend_old"]
    assert old.loc[~old["changed"], "auc"].mean() > 0.6
    made = {path: path.stat().st_mtime_ns for path in (tmp_path / "scores").iterdir()}
    assert run(tmp_path, "--open-report") == 0
    assert "as opened on" in capsys.readouterr().out
    assert made == {path: path.stat().st_mtime_ns for path in (tmp_path / "scores").iterdir()}
    assert len(json.loads((tmp_path / "opened.json").read_text())) == 1


def test_what_cannot_be_run_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert part("__main__").main(["--people", "london", "--little"]) == 2
    assert part("__main__").main(["--only", "no_such", "--cache", str(tmp_path)]) == 2
    assert "no configuration no_such; it has: self_blend_old" in capsys.readouterr().err


def test_kinds_without_networks_change_the_face_and_controls_hardly_do() -> None:
    foreign = part("foreign")
    face, donor = procedural_crop(1, 256), procedural_crop(2, 256)
    for name, kind in foreign.KINDS.items():
        if kind.file:
            continue
        made = foreign.opened(kind)(face, donor, rng("kinds", name))
        assert made.fake.dtype == np.uint8
        assert made.fake.shape == face.image.shape
        change = np.abs(made.fake.astype(int) - made.real).max(axis=2)
        assert 0.005 < (change > 0).mean() < 1, name
        assert (made.fake[:4, :4] == made.real[:4, :4]).all() or name == "mean_morph"
        if made.control is not None:
            kept = np.abs(made.control.astype(int) - made.real).mean()
            assert 0 < kept < 2, name
        again = foreign.opened(kind)(face, donor, rng("kinds", name))
        assert (again.fake == made.fake).all(), name
    assert set(foreign.CHOOSE) | set(foreign.REPORT) == set(foreign.KINDS)
    assert len(foreign.CHOOSE) == 4


def test_an_image_that_equals_the_real_is_treated_like_it() -> None:
    changes, image = part("changes"), procedural_crop(1, 128).image
    for treat in (changes.clean, changes.changed):
        first, second = treat([image, image.copy()], rng("treat", 1))
        assert first == second
        assert decode(first).shape == image.shape


def test_pinned_defaults_cover_every_option() -> None:
    """Who adds an option says in ``added_options`` what leaves a method as it was."""
    configurations = part("configurations")
    pinned = read_yaml(configurations.OLD, RecipeError)["methods"]
    assert set(pinned) == {name for name in METHODS if not METHODS.load(name).learned}
    for name, given in pinned.items():
        method = METHODS.load(name)
        options = set(method.options.model_fields)
        assert options - set(given) - set(method.added_options) == set(), name
        assert set(given) - options == {"version", "min_change"}, name
        body = {key: given[key] for key in given if key in options}
        method.build({**method.added_options, **body})


def test_shipped_configurations_are_recipes() -> None:
    configurations, people = part("configurations"), part("people")
    known = configurations.read_configurations(configurations.CONFIGURATIONS)
    assert "self_blend_old" in known
    for name, configuration in known.items():
        recipe = people.recipe_of("procedural", configurations.changes_of(configuration))
        assert recipe.spec.splits == {"train": configuration.pairs}, name
    assert len(configurations.changes_of(known["ten_without_self_blend"])["methods"]) == 9


def test_nobody_is_in_two_parts_and_a_release_of_tested_people_is_refused(tmp_path: Path) -> None:
    people = part("people").People("procedural", little=True)
    names = [people.identities(one) for one in ("train", "choose", "report")]
    assert [len(one) for one in names] == [18, 5, 7]
    assert len(set.union(*names)) == 30
    rows = pd.DataFrame({"source": "procedural", "identity_id": sorted(names[1])})
    with pytest.raises(ReleaseError, match=r"trains on 5 people of the test parts"):
        part("releases")._refuse_known(type("R", (), {"folder": "out"})(), rows, people)


def scores(seeds: int = 2) -> pd.DataFrame:
    """Return made-up scores of two configurations, the second of which is better."""
    stream, rows = np.random.default_rng(3), []
    for name, lift in (("base", 0.3), ("better", 3.0)):
        for seed in range(seeds):
            for identity in range(40):
                for what, mean in (("real", 0.0), ("fake", lift), ("control", 0.0)):
                    common = {"kind": "splice", "changed": False, "what": what, "seed": seed}
                    given = {"configuration": name, "identity": f"p{identity}", "sharpness": seed}
                    rows.append({**common, **given, "score": mean + stream.normal()})
    return pd.DataFrame(rows)


def test_differences_are_paired_and_their_intervals_hold_the_difference() -> None:
    from datagen.core.stats import auc

    results, frame = part("results"), scores()
    matrix = results.Matrix(frame)
    own = frame[(frame["configuration"] == "base") & (frame["seed"] == 0)]
    real, fake = (own.loc[own["what"] == what, "score"].to_numpy() for what in ("real", "fake"))
    assert matrix.by_seed("base", "splice", False)[0] == pytest.approx(auc(real, fake))
    (gap,) = results.differences(matrix, "base", ["splice"]).query("over == 'both'").itertuples()
    assert gap.configuration == "better"
    assert 0 < gap.low < gap.difference < gap.high
    twin = frame[frame["configuration"] == "base"].assign(configuration="twin")
    same = results.Matrix(pd.concat([frame[frame["configuration"] == "base"], twin]))
    (none,) = results.differences(same, "base", ["splice"]).query("over == 'both'").itertuples()
    assert (none.low, none.difference, none.high) == (0, 0, 0)


def test_without_matplotlib_the_heat_map_is_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heat_map = part("heat_map")
    monkeypatch.setattr(heat_map, "find_spec", lambda name: None)
    table = pd.DataFrame({"splice": [0.9, np.nan]}, index=["a<b", "c"])
    path = heat_map.write_heat_map(table, "AUC", tmp_path / "map")
    assert path.suffix == ".html"
    assert "a&lt;b" in path.read_text()
    assert "0.90" in path.read_text()


def test_a_second_opening_is_told(tmp_path: Path) -> None:
    note: Callable[..., str] = part("openings").note_opening
    path = tmp_path / "opened.json"
    assert note(path, "london", ["a", "b"]).endswith("opened for the first time")
    assert "as opened on" in note(path, "london", ["a"])
    assert "opened for the first time" in note(path, "procedural", ["a"])
    assert "opened 1 times before" in note(path, "london", ["c"])


def test_sharpness_falls_with_blur_and_bands_follow() -> None:
    import cv2

    measures, image = part("measures"), procedural_crop(1, 128).image
    mask = np.zeros(image.shape[:2], np.uint8)
    mask[32:96, 32:96] = 255
    sharp, soft = (measures.measures(one, mask) for one in (image, cv2.blur(image, (5, 5))))
    assert set(sharp) == set(measures.MEASURES)
    assert soft["sharpness"] < sharp["sharpness"] - 0.5
    assert soft["spectrum high"] < sharp["spectrum high"] - 1
    assert abs(soft["lightness"] - sharp["lightness"]) < 1


@pytest.mark.slow
def test_controls(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("sklearn")
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2] / "benchmarks"))
    main = importlib.import_module("benchmarks.controls").main
    saved = tmp_path / "controls.parquet"
    main(["resample_forgery", "--pairs", "20", "--little", "--save", str(saved)])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines[2:]] == ["`resample_forgery`", "`all`"]
    table = pd.read_parquet(saved)
    assert float(table.loc[["resample_forgery"], "sharpness, fake"].to_numpy()[0]) > 0.3


def test_the_recipe_for_training_is_the_configuration_that_was_chosen() -> None:
    configurations = part("configurations")
    chosen = configurations.read_configurations(configurations.CONFIGURATIONS)[
        "trio_variety_pairs_2000"
    ]
    changes = configurations.changes_of(chosen)
    recipe = read_yaml(ROOT / "recipes" / "train-detector.yaml", RecipeError)
    assert [(one["use"], Fraction(one["share"])) for one in recipe["methods"]] == [
        (one["use"], Fraction(one["share"])) for one in changes["methods"]
    ]
    assert recipe["degradations"] == changes["degradations"]
    assert recipe["splits"]["train"] == changes["splits"]["train"]
