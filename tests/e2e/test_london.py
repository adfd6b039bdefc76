"""The main job on real photographs: the shipped recipe, whole, on Ray."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from datagen.cli.main import run
from datagen.release import Folder
from datagen.release.reader import Release
from tests.support.assets import london, weights
from tests.support.world import digests

RECIPE = str(Path(__file__).parents[2] / "recipes" / "london.yaml")

pytestmark = [pytest.mark.photos, pytest.mark.ray, pytest.mark.slow]


@pytest.fixture(scope="module")
def release(ray_cluster: object, tmp_path_factory: pytest.TempPathFactory) -> Release:
    london()
    weights("face_landmarker.task")
    out = tmp_path_factory.mktemp("london") / "out"
    assert run(["generate", RECIPE, "-o", str(out), "--workers", "2"]) == 0
    return Release(Folder(str(out)))


def test_two_thousand_pairs_and_two_hundred_controls(release: Release) -> None:
    rows = pd.read_parquet(f"{release.folder}/manifest")
    assert rows["kind"].value_counts().to_dict() == {"real": 2000, "fake": 2000, "control": 200}
    assert release.record["counts"]["rejects"] == {}
    fakes = rows[rows["kind"] == "fake"]
    assert fakes.groupby(["split", "method"]).size().to_dict() == {
        ("train", "self_blend"): 700,
        ("train", "landmark_swap"): 700,
        ("val", "self_blend"): 100,
        ("val", "landmark_swap"): 100,
        ("test", "self_blend"): 200,
        ("test", "landmark_swap"): 200,
    }


def test_verify_is_silent(release: Release, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", str(release.folder)]) == 0
    assert capsys.readouterr().out == ""


def test_people_and_donors_stay_in_their_split(release: Release) -> None:
    rows = release.manifest
    splits = {name: set(group["identity_id"]) for name, group in rows.groupby("split")}
    donors = {
        name: set(group["donor_identity_id"].dropna()) for name, group in rows.groupby("split")
    }
    assert sum(map(len, splits.values())) == len(set.union(*splits.values())) == 53
    for name, people in donors.items():
        assert people <= splits[name]
    swaps = rows[rows["donor_identity_id"].notna()]
    assert (swaps["identity_id"] != swaps["donor_identity_id"]).all()


def test_every_change_is_visible_and_measured(release: Release) -> None:
    fakes = release.manifest[release.manifest["kind"] == "fake"]
    swaps = fakes[fakes["method"] == "landmark_swap"]
    assert swaps["change"].min() >= 3.0
    assert fakes["change"].min() >= 2.0
    # The smallest is a pair of brows alone.
    assert fakes["mask_area"].between(0.002, 0.6).all()
    assert set(fakes["attempt"]) <= set(range(8))


def test_members_of_a_pair_share_size_format_quality_and_subsampling(release: Release) -> None:
    rows = release.manifest
    for column in ("encoder", "width", "height", "media_type", "source_sha256"):
        assert (rows.groupby("pair_id")[column].nunique() == 1).all()
    assert rows["encoder"].nunique() == 21 * 2


def test_a_control_is_near_its_real_and_a_fake_is_not(release: Release) -> None:
    rows = release.manifest
    few = rows[rows["kind"] == "control"]["pair_id"].head(40)
    nearer = 0
    for pair in few:
        members = rows[rows["pair_id"] == pair].set_index("kind")
        real = release.image(members.loc["real"]).astype(np.float32)
        mask = release.mask(members.loc["fake"])
        inside = mask > mask.max() // 2
        away = {
            kind: np.abs(release.image(members.loc[kind]) - real)[inside].mean()
            for kind in ("control", "fake")
        }
        nearer += away["control"] < away["fake"]
    assert nearer == len(few)


def test_the_first_hundred_in_one_process_are_the_same(release: Release, tmp_path: Path) -> None:
    out = tmp_path / "few"
    assert run(["generate", RECIPE, "-o", str(out), "--inline", "--limit", "100"]) == 0
    few = pd.read_parquet(out / "manifest").set_index("sample_id")
    assert few.groupby("split")["pair_id"].nunique().to_dict() == {
        "train": 70,
        "val": 10,
        "test": 20,
    }
    all_ = release.manifest.set_index("sample_id")
    same = [column for column in few.columns if not column.endswith(("_offset", "_path"))]
    for column in same:
        assert few[column].map(str).equals(all_.loc[few.index, column].map(str)), column


def test_one_worker_gives_the_same_bytes(release: Release, tmp_path: Path) -> None:
    small = ["--set", "splits={test: 60}", "--set", "shard_pairs=20"]
    for name, engine in (("ray", ["--workers", "1"]), ("two", ["--workers", "2"])):
        assert run(["generate", RECIPE, "-o", str(tmp_path / name), *engine, *small]) == 0
    assert run(["generate", RECIPE, "-o", str(tmp_path / "inline"), "--inline", *small]) == 0
    assert digests(tmp_path / "ray") == digests(tmp_path / "two") == digests(tmp_path / "inline")


def test_the_report_opens(release: Release, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["show", str(release.folder), "-n", "6"]) == 0
    page = Path(capsys.readouterr().out.strip()).read_text(encoding="utf-8")
    assert page.count('data-pair="') == 6
    assert run(["verify", str(release.folder)]) == 0


@pytest.mark.parametrize(
    ("purpose", "clause"),
    [
        ("purpose.use=commercial", "consent.commercial is false"),
        ("purpose.redistribute=true", "consent.redistribution is false"),
    ],
)
def test_what_the_consent_does_not_cover_is_refused(
    purpose: str, clause: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run(["generate", RECIPE, "-o", str(out), "--inline", "--set", purpose]) == 2
    told = capsys.readouterr().err
    assert "source 'london'" in told
    assert clause in told
    assert "lab-based and web-based studies" in told
    assert not out.exists()
