from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml

from datagen import methods
from datagen.cli.main import run
from datagen.core.stats import auc
from datagen.detectors.shards import release_facts
from datagen.recipe import load_recipe
from datagen.release.scores import SCORES, write_scores
from datagen.sources.procedural import render
from tests.detectors.made import read_rows, released
from tests.support.clip_world import ClipWorld
from tests.support.world import CARD, RECIPE, World

DEGRADATIONS = [
    {"use": "clean", "share": "1/2"},
    {"use": "jpeg", "share": "1/2", "severity": [3, 4]},
]


@pytest.fixture(scope="module")
def degraded(world: World, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A release with two degradations, and its recipe."""
    folder = tmp_path_factory.mktemp("degraded")
    recipe = world.write_recipe("degraded.yaml", degradations=DEGRADATIONS)
    assert run(["generate", str(recipe), "-o", str(folder / "out"), "--inline"]) == 0
    return folder / "out", recipe


def invented(out: Path, to: Path, weak: tuple[str, str], *splits: str) -> Path:
    """Write scores that are right but for one cell of method x degradation."""
    rows = released(out).manifest
    rows = rows[rows["split"].isin(splits)]
    wrong = (rows["method"] == weak[0]) & (rows["degradation"] == weak[1]) & (rows["label"] == 1)
    return write(out, to, rows, 0.1 + 0.8 * rows["label"].where(~wrong, 0.0))


def write(out: Path, to: Path, rows: pd.DataFrame, score: Any) -> Path:
    frame = pd.DataFrame(
        {
            "sample_id": rows["sample_id"],
            "sha256": rows["sha256"],
            "score": score,
            "status": "ok",
            "detail": "",
        }
    )
    table = SCORES.empty_table().from_pandas(frame, schema=SCORES, preserve_index=False)
    write_scores(to, [table], {"spec": "made up"}, release_facts(released(out)))
    return to


def mine(out: Path, scores: Path, recipe: Path, to: Path) -> int:
    return run(["mine", str(out), "--scores", str(scores), "--recipe", str(recipe), "-o", str(to)])


def test_shares_are_reweighted_toward_the_weak_cell_and_say_why(
    degraded: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, recipe = degraded
    scores = invented(out, tmp_path / "s.parquet", ("landmark_swap", "jpeg"), "train")
    to = tmp_path / "far" / "away" / "next.yaml"
    assert mine(out, scores, recipe, to) == 0
    told = capsys.readouterr()
    assert "warning" not in told.err
    made = load_recipe(to, allow_outside=True)
    before = load_recipe(recipe)
    assert [use.use for use in made.spec.methods] == ["self_blend", "landmark_swap"]
    for old, new in (
        (before.spec.methods, made.spec.methods),
        (before.spec.degradations or (), made.spec.degradations or ()),
    ):
        assert sum(use.share for use in new) == 1
        assert new[0].share < old[0].share
        assert old[1].share < new[1].share <= 2 * old[1].share
    assert made.spec.version == before.spec.version + 1
    assert made.spec.seed == before.spec.seed
    roots = [Path(recipe.sources()[0].root).resolve() for recipe in (before, made)]
    assert roots[0] == roots[1]
    text = to.read_text(encoding="utf-8")
    assert text.startswith("# Made by 'datagen mine' from degraded.yaml")
    assert "# Detector: made up" in text
    assert "lowest with jpeg: 0." in text
    assert "lowest on landmark_swap: 0." in text
    assert mine(out, scores, recipe, tmp_path / "again.yaml") == 0
    kept = made.spec.model_dump(exclude={"version", "methods", "degradations", "sources"})
    was = before.spec.model_dump(exclude={"version", "methods", "degradations", "sources"})
    assert kept == was


def test_a_method_that_train_does_not_have_keeps_its_share(
    degraded: tuple[Path, Path], world: World, tmp_path: Path
) -> None:
    out, _ = degraded
    third = Fraction(1, 3)
    methods = [
        {"use": "self_blend", "share": str(third)},
        {"use": "landmark_swap", "share": str(third)},
        {"use": "part_swap", "share": str(third), "splits": ["test"]},
    ]
    recipe = world.write_recipe("held-out.yaml", methods=methods, degradations=DEGRADATIONS)
    scores = invented(out, tmp_path / "s.parquet", ("self_blend", "clean"), "train")
    assert mine(out, scores, recipe, tmp_path / "next.yaml") == 0
    shares = [
        use.share for use in load_recipe(tmp_path / "next.yaml", allow_outside=True).spec.methods
    ]
    assert shares[2] == third
    assert shares[0] > third > shares[1]
    assert sum(shares) == 1
    text = (tmp_path / "next.yaml").read_text(encoding="utf-8")
    assert "# mine: share 1/3 kept: no scores in train or val" in text


def test_scores_of_test_are_refused(
    degraded: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, recipe = degraded
    scores = invented(out, tmp_path / "s.parquet", ("self_blend", "clean"), "train", "test")
    assert mine(out, scores, recipe, tmp_path / "next.yaml") == 2
    told = capsys.readouterr().err
    assert "would be tuned to the test set. Score with --split train --split val" in told
    assert not (tmp_path / "next.yaml").exists()


def test_wrong_scores_and_places_are_refused(
    degraded: tuple[Path, Path], small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, recipe = degraded
    to = tmp_path / "next.yaml"
    scores = invented(out, tmp_path / "s.parquet", ("self_blend", "clean"), "train")

    def refused(words: str, *, scores: Path = scores, to: Path = to, out: Path = out) -> None:
        assert mine(out, scores, recipe, to) == 2
        assert words in capsys.readouterr().err

    (tmp_path / "old.yaml").write_text("old")
    refused("old.yaml already exists: choose another path", to=tmp_path / "old.yaml")
    assert (tmp_path / "old.yaml").read_text() == "old"
    refused("must end in .yaml or .yml (found no suffix). Name it", to=tmp_path / "next")
    refused("is a folder: name a file in it", to=tmp_path)
    refused("no such scores file", scores=tmp_path / "none.parquet")
    (tmp_path / "text.parquet").write_text("score")
    refused("cannot be read as Parquet", scores=tmp_path / "text.parquet")
    pd.DataFrame({"sample_id": ["a"]}).to_parquet(tmp_path / "bare.parquet")
    refused("no column score", scores=tmp_path / "bare.parquet")
    pd.DataFrame({"sample_id": ["a"], "score": [0.5]}).to_csv(tmp_path / "bare.csv", index=False)
    refused("says neither which release was scored nor which images", scores=tmp_path / "bare.csv")
    refused("holds scores of release 'small'", out=small)
    refused("is the recipe itself", to=recipe)
    table = pq.read_table(scores)
    facts: dict[str, Any] = json.loads(table.schema.metadata[b"datagen.release"])
    write_scores(tmp_path / "twice.parquet", [table, table], {}, facts)
    refused("appear more than once", scores=tmp_path / "twice.parquet")
    strange = table.to_pandas().assign(sample_id=[f"x{n}" for n in range(len(table))])
    unknown = SCORES.empty_table().from_pandas(strange, schema=SCORES, preserve_index=False)
    write_scores(tmp_path / "unknown.parquet", [unknown], {}, facts)
    refused("ids are not in the release: x0", scores=tmp_path / "unknown.parquet")
    reals = table.filter([str(name).endswith("real") for name in table["sample_id"].to_pylist()])
    write_scores(tmp_path / "reals.parquet", [reals], {}, facts)
    refused("0 fakes and 24 reals of train and val have a score", scores=tmp_path / "reals.parquet")


def test_inverted_scores_are_refused(
    degraded: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The method that is detected best would count as the weakest."""
    out, recipe = degraded
    rows = released(out).manifest
    rows = rows[rows["split"] == "train"]
    scores = write(out, tmp_path / "s.parquet", rows, 1.0 - rows["label"])
    assert mine(out, scores, recipe, tmp_path / "next.yaml") == 2
    told = " ".join(capsys.readouterr().err.split())
    assert "the scores seem to be inverted: the AUC is 0.000" in told
    assert "'higher_is: real'" in told
    assert not (tmp_path / "next.yaml").exists()


def test_scores_that_are_all_alike_are_told(
    degraded: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, recipe = degraded
    rows = released(out).manifest
    scores = write(out, tmp_path / "s.parquet", rows[rows["split"] == "train"], 0.25)
    assert mine(out, scores, recipe, tmp_path / "next.yaml") == 0
    assert "warning: All 54 scores are 0.25" in capsys.readouterr().err


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".csv.gz", ".tsv.gz", ".jsonl.gz"])
def test_every_format_gives_the_same_recipe(
    degraded: tuple[Path, Path], tmp_path: Path, suffix: str
) -> None:
    """Which release was scored is known by the digests of the images."""
    out, recipe = degraded
    scores = invented(out, tmp_path / "s.parquet", ("landmark_swap", "jpeg"), "train")
    assert mine(out, scores, recipe, tmp_path / "a.yaml") == 0
    text = tmp_path / f"s{suffix}"
    write_scores(text, [pq.read_table(scores)], {}, {})
    if suffix == ".csv":
        text.write_bytes(b"\xef\xbb\xbf" + text.read_bytes() + b",,,,\r\n")
    assert mine(out, text, recipe, tmp_path / "b.yaml") == 0
    first, second = (
        load_recipe(tmp_path / name, allow_outside=True).spec for name in ("a.yaml", "b.yaml")
    )
    assert first.methods == second.methods
    table = pq.read_table(scores)
    digests = table.column("sha256").to_pylist()
    other = table.set_column(1, SCORES.field("sha256"), [["0" * 64, *digests[1:]]])
    write_scores(text, [other], {}, {})
    assert mine(out, text, recipe, tmp_path / "c.yaml") == 2


def test_logits_are_taken_when_said(
    degraded: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, recipe = degraded
    rows = released(out).manifest
    rows = rows[rows["split"] == "train"]
    scores = write(out, tmp_path / "s.parquet", rows, 6.0 * rows["label"] - 3)
    assert mine(out, scores, recipe, tmp_path / "next.yaml") == 2
    assert "say so: --logits" in capsys.readouterr().err
    command = ["mine", str(out), "--scores", str(scores), "--recipe", str(recipe), "--logits"]
    assert run([*command, "-o", str(tmp_path / "next.yaml")]) == 0


METHODS = ("landmark_swap", "resample_forgery")


def write_faces(folder: Path, seed: int, count: int) -> None:
    folder.mkdir(parents=True)
    rows = []
    for person in range(count):
        face, name = render(seed, person, 0, 200), f"p{person:02d}.png"
        assert cv2.imwrite(str(folder / name), cv2.cvtColor(face.image, cv2.COLOR_RGB2BGR))
        points = json.dumps(face.landmarks.ravel().tolist())
        rows.append({"image": name, "identity": name[:3], "landmarks": points, "sex": face.sex})
    pd.DataFrame(rows).to_csv(folder / "faces.csv", index=False)


def write_recipe(path: Path, faces: str, shares: tuple[str, ...], **keys: Any) -> None:
    columns = {"landmarks": "landmarks", "sex": "sex"}
    source = {"card": "card.yaml", "root": faces, "options": {"columns": columns}}
    methods = [
        {"use": name, "share": share, "min_change": 0.5}
        for name, share in zip(METHODS, shares, strict=True)
    ]
    body = {
        **RECIPE,
        "controls": 0,
        "face": {**RECIPE["face"], "size": 80},
        "encode": {"format": "png"},
        "shard_pairs": 40,
        "sources": [source],
        "methods": methods,
    }
    path.write_text(yaml.safe_dump({**body, **keys}), encoding="utf-8")


def by_method(exam: Path, model: Path, to: Path) -> dict[str, float]:
    """Return the AUC of each method on identities that were never trained on."""
    arguments = ["score", str(exam), "--detector", str(model), "-o", str(to), "--inline"]
    assert run(arguments) == 0
    manifest = pd.read_parquet(exam / "manifest").set_index("sample_id")
    rows = read_rows(to).join(manifest[["label", "method"]])
    reals = rows.loc[rows["label"] == 0, "score"].to_numpy()
    fakes = rows[rows["label"] == 1]
    return {str(name): auc(reals, own["score"].to_numpy()) for name, own in fakes.groupby("method")}


@pytest.mark.slow
def test_one_round_improves_the_worst_group_on_fresh_people(tmp_path: Path) -> None:
    (tmp_path / "card.yaml").write_text(yaml.safe_dump(CARD), encoding="utf-8")
    write_faces(tmp_path / "faces", 3, 40)
    write_faces(tmp_path / "others", 4, 40)
    rare = {
        "splits": {"train": 240, "val": 40},
        "split": {"shares": {"train": "4/5", "val": "1/5"}},
    }
    write_recipe(tmp_path / "first.yaml", "faces", ("1/20", "19/20"), **rare)
    fresh = {"splits": {"test": 120}, "split": {"shares": {"test": 1}}}
    write_recipe(tmp_path / "exam.yaml", "others", ("1/2", "1/2"), **fresh)

    def generate(name: str) -> Path:
        arguments = ["generate", str(tmp_path / f"{name}.yaml"), "-o", str(tmp_path / name)]
        assert run([*arguments, "--inline"]) == 0
        return tmp_path / name

    def baseline(name: str) -> Path:
        model = tmp_path / f"{name}.json"
        scores = ["-o", str(tmp_path / f"{name}.parquet"), "--split", "train", "--split", "val"]
        assert (
            run(["baseline", str(tmp_path / name), "--model", str(model), "--inline", *scores]) == 0
        )
        return model

    exam, first = generate("exam"), generate("first")
    before = by_method(exam, baseline("first"), tmp_path / "before.parquet")
    scores, recipe = tmp_path / "first.parquet", tmp_path / "first.yaml"
    assert mine(first, scores, recipe, tmp_path / "second.yaml") == 0
    generate("second")
    after = by_method(exam, baseline("second"), tmp_path / "after.parquet")
    worst = min(before, key=lambda name: before[name])
    assert after[worst] > before[worst] + 0.02
    assert min(after.values()) > min(before.values())


def test_the_method_of_a_plug_in_is_reweighted(world: World, tmp_path: Path) -> None:
    plugin, recipe = (
        tmp_path / "glow.py",
        world.write_recipe(
            "glow.yaml",
            methods=[
                {"use": "glow", "share": 0.5, "min_change": 0.5},
                {"use": "landmark_swap", "share": 0.5, "min_change": 0.5},
            ],
        ),
    )
    plugin.write_text(
        "from datagen.methods.self_blend import SelfBlend\n"
        "class Glow(SelfBlend):\n    name = 'glow'\n"
    )
    out, known = tmp_path / "out", ("--plugin", str(plugin))
    assert run(["generate", str(recipe), "-o", str(out), "--inline", *known]) == 0
    rows = released(out).manifest
    rows = rows[rows["split"] == "train"]
    scores = write(out, tmp_path / "s.parquet", rows, 0.1 + 0.8 * rows["label"])
    to = ("mine", str(out), "--scores", str(scores), "--recipe", str(recipe), "-o")
    methods.METHODS._added.clear()  # as a process that has not run the file
    assert run([*to, str(tmp_path / "a.yaml")]) == 2
    assert run([*to, str(tmp_path / "b.yaml"), *known]) == 0
    assert "use: glow" in (tmp_path / "b.yaml").read_text()


def test_a_recipe_of_clips(clip_release: Path, clip_world: ClipWorld, tmp_path: Path) -> None:
    rows = released(clip_release).table(["sample_id", "sha256", "label"], split="train")
    frames = rows.loc[rows.index.repeat(4)].assign(frame=[0, 1, 2, 3] * len(rows))
    frames["score"] = 0.2 + 0.5 * frames["label"] + np.linspace(0, 0.1, len(frames))
    scores, to = tmp_path / "frames.csv", tmp_path / "next.yaml"
    frames.to_csv(scores, index=False)
    assert mine(clip_release, scores, clip_world.recipe, to) == 2
    names = ("--scores", str(scores), "--recipe", str(clip_world.recipe), "-o", str(to))
    assert run(["mine", str(clip_release), *names, "--pooling", "mean"]) == 0
    assert load_recipe(to, allow_outside=True).spec.clip is not None
