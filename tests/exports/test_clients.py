"""The libraries of others read a release and its export whole, with their own code alone."""

from __future__ import annotations

import io
import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from datagen.engine.ray import RayEngine
from datagen.release import Folder, MediaFile, ShardWriter
from datagen.release.reader import Release
from tests.support.clients import digest, expected, loaded, tars
from tests.support.releases import GOOD, good_row

pytestmark = pytest.mark.filterwarnings("ignore")  # of the libraries, about themselves


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)


def test_datasets_reads_the_tars_of_pairs_and_of_controls(release: Path) -> None:
    pairs, controls = loaded(tars(release, False)), loaded(tars(release, True))
    found = [digest(row[kind]["bytes"]) for row in pairs for kind in ("real.jpg", "fake.jpg")]
    assert sorted(found) == expected(release, "real", "fake")
    assert sorted(digest(row["control.jpg"]["bytes"]) for row in controls) == expected(
        release, "control"
    )
    for row in (*pairs, *controls):
        assert (row["json"]["label_real"], row["json"]["label_fake"]) == (0, 1)
        assert row["json"]["pair_id"] == row["__key__"].rpartition("/")[2]


def test_datasets_keeps_a_donor_that_comes_after_twenty_samples_without(tmp_path: Path) -> None:
    """Types are taken from the first samples: a null there would lose what comes later."""
    image = cv2.imencode(".jpg", np.zeros((96, 96, 3), np.uint8))[1].tobytes()
    with ShardWriter(Folder(str(tmp_path)), GOOD, "d") as shard:
        for number in range(30):
            pair = f"small-train-{number:08d}"
            for kind in ("real", "fake"):
                shard.add_image(pair, MediaFile(kind, "jpg", image))
            fake = good_row(pair, "fake")
            if number >= 20:
                fake |= {"donor_identity_id": "nobody/p01", "severity": 3, "age": 30.5}
                fake |= {"landmarks": [1.5] * 136, "weights": [f"net@{'0' * 64}"]}
            shard.add_rows([good_row(pair), fake])
    found = loaded([str(tmp_path / GOOD.media)])
    assert len(found) == 30
    late = [row["json"] for row in found][20:]
    assert {row["donor_identity_id"] for row in late} == {"nobody/p01"}
    assert {row["severity"] for row in late} == {3}
    assert {row["age"] for row in late} == {30.5}
    assert {tuple(row["landmarks_fake"]) for row in late} == {(1.5,) * 136}


def test_datasets_reads_the_export(release: Path, copy: Path) -> None:
    import datasets

    found = datasets.load_dataset(str(copy))
    rows = [
        row
        for split in found.values()
        for row in split.cast_column("image", datasets.Image(decode=False))
    ]
    assert sorted(digest(row["image"]["bytes"]) for row in rows) == expected(
        release, "real", "fake", "control"
    )
    assert found["train"].features["label"].names == ["real", "fake"]
    assert found["train"][0]["image"].size == (96, 96)
    family = datasets.load_dataset(str(copy), "face_swap", split="train")
    assert set(family["family"]) == {"face_swap"}


def test_webdataset_streams_the_tars(release: Path) -> None:
    import webdataset

    stream = webdataset.WebDataset(tars(release, False), shardshuffle=False).decode("rgb8")
    samples = list(stream)
    assert len(samples) == len(Release(release))
    assert {tuple(sorted(key for key in s if key[0] != "_")) for s in samples} == {
        ("fake.jpg", "json", "mask.png", "real.jpg")
    }
    assert samples[0]["real.jpg"].shape == (96, 96, 3)
    assert samples[0]["json"]["label_fake"] == 1


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.parametrize("control", [False, True])
def test_ray_data_reads_the_tars(release: Path, control: bool, ray_cluster: RayEngine) -> None:
    import ray

    found = ray.data.read_webdataset(tars(release, control), decoder=None).take_all()
    kinds = ("control",) if control else ("real", "fake")
    data = [digest(row[f"{kind}.jpg"]) for row in found for kind in kinds]
    assert sorted(data) == expected(release, *kinds)


@pytest.mark.parametrize("of", ["release", "copy"])
def test_mlcroissant_reads_every_row_without_a_warning(
    of: str, request: pytest.FixtureRequest, release: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import mlcroissant

    folder = request.getfixturevalue(of)
    document = mlcroissant.Dataset(jsonld=str(folder / "croissant.json"))
    assert document.metadata.ctx.issues.report() == ""
    assert [record.getMessage() for record in caplog.records] == []
    rows = list(document.records("images"))
    assert sorted(row["images/sha256"].decode() for row in rows) == expected(
        release, "real", "fake", "control"
    )
    if of == "copy":
        assert {row["images/image"].size for row in rows} == {(96, 96)}


def test_tables_are_read_by_pandas_polars_duckdb_and_arrow(release: Path) -> None:
    import duckdb
    import polars as pl
    import pyarrow.dataset

    count = len(Release(release).table())
    folder = release / "manifest"
    assert len(pd.read_parquet(folder)) == count
    assert pl.read_parquet(str(folder / "*.parquet")).height == count
    query = f"select count(*) from '{folder}/*.parquet'"
    assert duckdb.connect().execute(query).fetchone() == (count,)
    table = pyarrow.dataset.dataset(folder).to_table()
    assert table.num_rows == count
    assert b"highest level of the mask" in table.schema.field("mask_peak").metadata[b"description"]


def test_whole_numbers_stay_whole_when_pandas_is_asked(release: Path) -> None:
    rows = pd.read_parquet(release / "manifest", dtype_backend="pyarrow")
    assert str(rows["mask_peak"].dtype) == "int16[pyarrow]"
    assert rows["mask_peak"].max() <= 255


def test_the_tars_alone_are_enough(release: Path) -> None:
    """With the standard library, NumPy and Pillow, as docs/training-data.md shows."""
    import tarfile

    from PIL import Image

    seen = []
    for name in (release / "media" / "train.txt").read_text().split():
        with tarfile.open(release / "media" / name) as tar:
            samples: dict[str, dict[str, bytes]] = {}
            for member in tar:
                key, _, suffix = member.name.partition(".")
                file = tar.extractfile(member)
                assert file is not None
                samples.setdefault(key, {})[suffix] = file.read()
        for members in samples.values():
            facts = json.loads(members["json"])
            fake = np.asarray(Image.open(io.BytesIO(members["fake.jpg"])))
            mask = np.asarray(Image.open(io.BytesIO(members["mask.png"])))
            assert fake.shape[:2] == mask.shape == (facts["height"], facts["width"])
            assert mask.max() == facts["mask_peak"]
            seen.append(facts["sha256_fake"])
    rows = Release(release).table(split="train")
    assert sorted(seen) == sorted(rows.loc[rows["kind"] == "fake", "sha256"])
