from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from datagen.api import verify
from datagen.cli.main import run
from datagen.release.clip_schema import ANY_MANIFEST, manifest_schema
from datagen.release.identity_schema import IDENTITY_NAMES
from datagen.release.likeness import likeness_by_method
from datagen.release.reader import Release
from tests.support.assets import weights

QUICK = str(Path(__file__).parents[2] / "recipes" / "quickstart.yaml")


def test_means_are_those_of_measured_fakes() -> None:
    rows = pd.DataFrame(
        {
            "method": ["a", "a", "a", "b"],
            "similarity_target": [0.4, 0.6, None, 0.9],
            "similarity_donor": [0.8, 0.4, None, None],
        }
    )
    one, other = likeness_by_method(rows)
    assert (one.method, one.fakes, one.nearer) == ("a", 2, 0.5)
    assert one.target == pytest.approx(0.5)
    assert one.donor == pytest.approx(0.6)
    assert (other.donor, other.nearer) == (None, None)
    assert likeness_by_method(rows[["method"]]) == []


def test_columns_exist_only_where_they_are_measured() -> None:
    assert set(IDENTITY_NAMES) <= set(ANY_MANIFEST.names)
    for clips in (False, True):
        assert not set(IDENTITY_NAMES) & set(manifest_schema(clips, identity=False).names)


def test_a_release_tells_whom_its_fakes_resemble(tmp_path: Path) -> None:
    weights("mobileface.onnx")
    out = str(tmp_path / "out")
    small = ["--set", "splits={train: 8}", "--set", "sources.0.options={identities: 14}"]
    small += ["--set", "split.shares={train: 1}", "--set", "face.embedder=mobileface"]
    small += ["--set", "purpose={use: research, redistribute: false}"]
    assert run(["generate", QUICK, "-o", out, "--inline", *small]) == 0
    release = Release(out)
    assert str(release.embedder).startswith("mobileface@")
    rows = release.manifest
    fakes = rows[rows["kind"] == "fake"]
    assert fakes["similarity_target"].between(-1, 1).all()
    given = fakes["donor_image_id"].notna()
    assert (fakes["similarity_donor"].notna() == given).all()
    assert rows.loc[rows["kind"] != "fake", list(IDENTITY_NAMES)].isna().all(axis=None)
    assert verify(out) == []
    assert run(["show", out]) == 0
    page = (tmp_path / "out" / "report" / "index.html").read_text()
    assert "nearer to donor" in page
    for name in release.manifest_files():
        assert set(IDENTITY_NAMES) <= set(pq.read_schema(tmp_path / "out" / name).names)
