"""Releases of clips: read by the libraries of others, and exported."""

from __future__ import annotations

import json
import shutil
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from datagen import api
from datagen.cli.main import run
from datagen.errors import ReleaseError, UserError
from datagen.exports.deepfakebench_rules import problems_of
from datagen.release.clips import clip_of, masks_of
from datagen.release.reader import Release
from datagen.video.encode import decode_clip, decode_masks
from tests.support.clients import digest, expected, expected_masks, tars
from tests.support.releases import own_up
from tests.support.world import digests

pytestmark = pytest.mark.filterwarnings("ignore")  # of the libraries, about themselves


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("datasets.config.TORCHCODEC_AVAILABLE", False)


@pytest.fixture(scope="module")
def copy(clip_release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hub") / "copy"
    done = api.export(clip_release, folder, "hf", progress=False)
    assert " clips in " in str(done)
    return folder


@pytest.fixture(scope="module")
def bench(frame_clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bench") / "copy"
    api.export(frame_clips, folder, "deepfakebench", progress=False)
    return folder


@pytest.mark.parametrize(("name", "suffix"), [("clip_release", "mp4"), ("lossless_clips", "mkv")])
def test_datasets_reads_the_tars_without_torchcodec(
    name: str, suffix: str, request: pytest.FixtureRequest
) -> None:
    import datasets

    release = request.getfixturevalue(name)
    for control in (False, True):
        files = {"train": tars(release, control)}
        rows = datasets.load_dataset("webdataset", data_files=files, split="train")
        videos = [one for one in rows.column_names if one.endswith(("mp4", "mkv"))]
        for one in videos:
            rows = rows.cast_column(one, datasets.Video(decode=False))
        kinds = ["control"] if control else ["real", "fake"]
        found = [digest(row[f"{kind}.{suffix}"]["bytes"]) for row in rows for kind in kinds]
        assert sorted(found) == expected(release, *kinds)
        assert all(row["json"]["frames"] == 4 for row in rows)
        if not control:
            masks = [row["mask.mkv"]["bytes"] for row in rows]
            assert sorted(map(digest, masks)) == expected_masks(release)
            assert np.shape(decode_masks(masks[0])) == (4, 96, 96)


def test_datasets_reads_frames_as_images(frame_clips: Path) -> None:
    import datasets

    files = {"train": tars(frame_clips, False)}
    rows = datasets.load_dataset("webdataset", data_files=files, split="train")
    release = Release(frame_clips)
    pairs = {pair.pair_id: pair for pair in release}
    assert len(rows) == len(pairs)
    for row in rows:
        pair = pairs[row["json"]["pair_id"]]
        fake = np.stack([np.asarray(row[f"fake.{n:06d}.png"]) for n in range(4)])
        assert np.array_equal(fake, pair.fake)
        mask = np.stack([np.asarray(row[f"mask.{n:06d}.png"]) for n in range(4)])
        assert np.array_equal(mask, pair.mask)


def test_webdataset_streams_the_tars(clip_release: Path) -> None:
    import webdataset

    samples = list(webdataset.WebDataset(tars(clip_release, False), shardshuffle=False))
    found = [digest(sample[f"{kind}.mp4"]) for sample in samples for kind in ("real", "fake")]
    assert sorted(found) == expected(clip_release, "real", "fake")
    for sample in samples:
        facts = json.loads(sample["json"])
        fake = decode_clip(sample["fake.mp4"])
        assert np.shape(fake) == (facts["frames"], facts["height"], facts["width"], 3)
        assert np.max(decode_masks(sample["mask.mkv"])) == facts["mask_peak"]


def test_datasets_reads_the_export_without_torchcodec(clip_release: Path, copy: Path) -> None:
    import datasets

    found = datasets.load_dataset(str(copy))
    release = Release(clip_release)
    by_id = {row["sample_id"]: row for pair in release for row in pair.rows.values()}
    rows = [row for split in found.values() for row in split]
    assert sorted(row["sample_id"] for row in rows) == sorted(by_id)
    for row in rows:
        own = by_id[row["sample_id"]]
        assert row["video"]["bytes"] == release.bytes_of(own)
        assert row["segments"] == [list(ends) for ends in own["segments"]]
        if row["kind"] == "fake":
            assert row["mask"]["bytes"] == release.mask_bytes(own)
        else:
            assert row["mask"] is None
    assert isinstance(found["train"].features["video"], datasets.Video)
    frames = datasets.load_dataset(str(copy), "frames", split="train")
    assert (
        frames.to_pandas().shape
        == pd.concat(map(pd.read_parquet, (clip_release / "frames").glob("train-*"))).shape
    )


def test_the_export_says_that_it_has_videos(clip_release: Path, copy: Path) -> None:
    text = (copy / "README.md").read_text(encoding="utf-8")
    front = yaml.safe_load(text.split("---")[1])
    assert front["task_categories"] == ["video-classification"]
    features = {one["name"]: one for one in front["dataset_info"][0]["features"]}
    assert features["video"]["dtype"] == {"video": {"decode": False}}
    assert features["segments"]["list"] == {"list": "int32"}
    assert front["configs"][-1]["config_name"] == "frames"
    assert "| split | family | clips |" in text
    card = yaml.safe_load((clip_release / "README.md").read_text().split("---")[1])
    assert card["task_categories"] == ["video-classification"]
    assert "pd.read_parquet('frames')" in (clip_release / "README.md").read_text()


def test_what_is_missing_of_the_export_is_written(
    clip_release: Path, copy: Path, tmp_path: Path
) -> None:
    again = Path(shutil.copytree(copy, tmp_path / "copy"))
    min((again / "data").glob("*.parquet")).unlink()
    done = api.export(clip_release, again, "hf", progress=False)
    assert done.reused == done.files - 1
    assert digests(again) == digests(copy)


def test_clips_stored_as_frames_are_refused_for_the_hub(frame_clips: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"stored as frames .*load_dataset.*ffv1"):
        api.export(frame_clips, tmp_path / "copy", "hf", progress=False)


@pytest.mark.parametrize("of", ["clip_release", "lossless_clips", "frame_clips", "copy"])
def test_mlcroissant_reads_every_row_without_a_warning(
    of: str, request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> None:
    import mlcroissant

    folder = request.getfixturevalue(of)
    document = mlcroissant.Dataset(jsonld=str(folder / "croissant.json"))
    assert document.metadata.ctx.issues.report() == ""
    assert [record.getMessage() for record in caplog.records] == []
    release = request.getfixturevalue("clip_release") if of == "copy" else folder
    rows = list(document.records("clips"))
    assert sorted(row["clips/sha256"].decode() for row in rows) == expected(
        release, "real", "fake", "control"
    )
    if of == "copy":
        assert {digest(row["clips/video"]) == row["clips/sha256"].decode() for row in rows} == {
            True
        }
        body = json.loads((folder / "croissant.json").read_text(encoding="utf-8"))
        types = {field["name"]: field["dataType"] for field in body["recordSet"][1]["field"]}
        assert types["video"] == types["mask"] == "sc:VideoObject"
    else:
        assert len(list(document.records("frames"))) == 4 * len(rows)


def test_deepfakebench_gets_the_frames_of_each_clip_in_order(
    frame_clips: Path, bench: Path
) -> None:
    release = Release(frame_clips)
    body = json.loads((bench / "dataset_json" / "small-clips.json").read_text(encoding="utf-8"))
    videos = {
        name: video
        for block in body["small-clips"].values()
        for split in block.values()
        for name, video in split.items()
    }
    assert len(videos) == 2 * len(release)
    for pair in release:
        for kind in ("real", "fake"):
            row, clip = pair.rows[kind], getattr(pair, kind)
            video = videos[row["sample_id"]]
            _check_video(bench, video, clip, release.frames(row))
            numbers = [int(Path(path).stem) for path in video["frames"]]
            assert numbers == [row["start_frame"] + 1 + n for n in range(4)]
            if kind == "fake":
                masks = [cv2.imread(_at(bench, path), 0) for path in video["masks"]]
                assert np.array_equal(np.array(masks), pair.mask)
    assert list(problems_of(bench)) == []
    assert "with all its frames in order (at most 4)" in (bench / "README.md").read_text()


def _check_video(bench: Path, video: Any, clip: Any, frames: pd.DataFrame) -> None:
    for number, path in enumerate(video["frames"]):
        image = cv2.imread(_at(bench, path))
        assert image is not None
        assert np.array_equal(image[..., ::-1], clip[number])
        file = _at(bench, path).replace("frames", "landmarks").replace(".png", ".npy")
        expected_points = np.reshape(frames["landmarks"][number], (68, 2))
        assert np.allclose(np.load(file)[:68], expected_points)


def _at(bench: Path, path: str) -> str:
    return str(bench / path.removeprefix("./datasets/rgb/"))


@pytest.fixture
def own(frame_clips: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(frame_clips, tmp_path / "own"))


def changed(own: Path, table: str, change: Callable[[list[dict[str, Any]]], object]) -> None:
    """Change the rows of a table of the first shard of train, and the records with it."""
    name = f"{table}/train-000000.parquet"
    found = pq.read_table(own / name)
    rows = found.to_pylist()
    change(rows)
    pq.write_table(pa.Table.from_pylist(rows, found.schema), own / name)
    own_up(own, name, shard="train-000000")


def test_deepfakebench_refuses_strides_unless_told(
    own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed(own, "manifest", lambda rows: [row.update(stride=3) for row in rows])
    command = ["export", str(own), str(tmp_path / "copy"), "--to", "deepfakebench"]
    assert run(command) == 2
    assert "one frame in 3" in capsys.readouterr().err.replace("\n", " ")
    assert run([*command, "--strided"]) == 0
    row = Release(own).table(split="train").iloc[0]
    frames = tmp_path / "copy" / "small-clips" / "frames" / row["sample_id"]
    numbers = sorted(int(path.stem) for path in frames.iterdir())
    assert np.diff(numbers).tolist() == [3, 3, 3]


def test_a_clip_of_other_frames_than_its_row_says_is_not_exported(
    own: Path, tmp_path: Path
) -> None:
    changed(own, "manifest", lambda rows: [row.update(frames=3) for row in rows])
    with pytest.raises(ReleaseError, match="frames, the row says 3"):
        api.export(own, tmp_path / "copy", "deepfakebench", progress=False)


def test_a_window_of_a_clip_decodes_to_the_same_frames(lossless_clips: Path) -> None:
    release = Release(lossless_clips)
    row = release.table().query("kind == 'fake'").iloc[0].to_dict()
    data, masks = release.bytes_of(row), release.mask_bytes(row)
    assert np.array_equal(clip_of(data, row, range(1, 3)), release.clip(row)[1:3])
    assert np.array_equal(masks_of(masks, row, range(1, 3)), release.masks(row)[1:3])
    with pytest.raises(ReleaseError, match="has at most 4 frames"):
        clip_of(data, row, range(2, 6))


def test_rows_of_frames_are_objects_a_few_at_a_time(clip_release: Path, tmp_path: Path) -> None:
    """A table of frames of some kilobytes may repeat one row a million times."""
    out = Path(shutil.copytree(clip_release, tmp_path / "out"))
    name = "frames/train-000000.parquet"
    table = pq.read_table(out / name)
    again = pa.concat_tables([table, *[table.slice(0, 1)] * 20_000]).combine_chunks()
    pq.write_table(again, out / name)
    own_up(out, name)
    tracemalloc.start()
    try:
        api.export(out, tmp_path / "copy", "deepfakebench", progress=False)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 60 << 20
