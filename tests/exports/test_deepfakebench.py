"""The export for DeepfakeBench, read back as its loader reads it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from datagen import api
from datagen.errors import ReleaseError, UserError
from datagen.exports.deepfakebench_rules import problems_of
from datagen.release.reader import Release
from tests.support.releases import change_rows
from tests.support.world import World, digests


@pytest.fixture(scope="module")
def bench(release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bench") / "copy"
    api.export(release, folder, "deepfakebench", progress=False)
    return folder


def loaded(bench: Path, place: Path, dataset: str, mode: str) -> Iterator[tuple[str, Any]]:
    """Yield label and images of every frame, found as the loader finds them.

    It runs in a folder with ``datasets/rgb``, takes paths that begin with a dot as they are,
    sorts frames by the number in their name, and replaces ``frames`` to find the rest.
    """
    (place / "datasets").mkdir()
    (place / "datasets" / "rgb").symlink_to(bench)
    body = json.loads((bench / "dataset_json" / f"{dataset}.json").read_text())
    for label, splits in body[dataset].items():
        for video in splits[mode].values():
            assert video["label"] == label
            for frame in sorted(video["frames"], key=lambda p: int(p.split("/")[-1].split(".")[0])):
                assert frame.startswith(".")
                image = cv2.imread(str(place / frame))
                assert image is not None
                mask = cv2.imread(str(place / frame.replace("frames", "masks")), 0)
                points = place / frame.replace("frames", "landmarks").replace(".png", ".npy")
                yield label, (image, mask, np.load(points), frame.split("/")[-2])


@pytest.mark.parametrize("mode", ["train", "test"])
def test_the_loader_finds_frames_masks_and_landmarks(
    release: Path, bench: Path, tmp_path: Path, mode: str
) -> None:
    frames = list(loaded(bench, tmp_path, "small", mode))
    rows = Release(release).table(split=mode)
    assert len(frames) == (rows["kind"] != "control").sum()
    by_id = rows.set_index("sample_id")
    for label, (image, mask, points, video) in frames:
        row = by_id.loc[video]
        assert label == f"small_{'Fake' if row['label'] else 'Real'}"
        assert np.array_equal(image[..., ::-1], Release(release).image(row))
        assert points.shape == (81, 2)
        assert np.allclose(points[:68], np.reshape(row["landmarks"], (68, 2)))
        if row["kind"] == "fake":
            assert mask.max() == row["mask_peak"]
        else:
            assert mask is None
    assert len({video for _, (*_, video) in frames}) == len(frames)


def test_each_method_has_a_data_set_of_its_own_with_its_reals(release: Path, bench: Path) -> None:
    rows = Release(release).table()
    for method, own in rows[rows["kind"] != "control"].groupby("method"):
        body = json.loads((bench / "dataset_json" / f"small-{method}.json").read_text())
        names = [
            name
            for splits in body[f"small-{method}"].values()
            for videos in splits.values()
            for name in videos
        ]
        assert sorted(names) == sorted(own["sample_id"])


def test_pairs_lead_from_each_fake_to_its_real(release: Path, bench: Path) -> None:
    pairs = json.loads((bench / "pairs.json").read_text())
    rows = Release(release).table()
    assert sorted(pairs) == sorted(rows.loc[rows["kind"] == "fake", "sample_id"])
    assert all(
        fake.removesuffix("-fake") == real.removesuffix("-real") for fake, real in pairs.items()
    )


def test_the_linter_finds_nothing(bench: Path) -> None:
    assert list(problems_of(bench)) == []


def test_a_stopped_export_is_completed(release: Path, bench: Path, tmp_path: Path) -> None:
    again = Path(shutil.copytree(bench, tmp_path / "copy"))
    lost = min((again / ".done").iterdir())
    lost.unlink()
    for frame in (again / "small" / "frames").glob(f"small-{lost.name.split('-')[0]}*"):
        shutil.rmtree(frame)
    (again / "README.md").unlink()
    for done in (again / ".done").iterdir():
        if done.name.startswith(lost.name.split("-")[0]):
            done.unlink()
    result = api.export(release, again, "deepfakebench", progress=False)
    assert 0 < result.reused < result.files
    assert digests(again) == digests(bench)


def test_a_name_with_the_word_frames_is_refused(world: World, tmp_path: Path) -> None:
    assert world.generate(tmp_path / "out", "--inline", "--set", "name=keyframes") == 0
    with pytest.raises(UserError, match="the word 'frames'"):
        api.export(tmp_path / "out", tmp_path / "copy", "deepfakebench", progress=False)


@pytest.mark.parametrize("method", ["a/../../../../pwn", "/tmp/pwn", "..", "a b", "a|b", "<b>"])
def test_no_file_is_named_after_a_strangers_method(
    release: Path, tmp_path: Path, method: str
) -> None:
    out = Path(shutil.copytree(release, tmp_path / "room" / "deep" / "out"))
    change_rows(out, lambda rows: [row.update(method=method) for row in rows])
    before = sorted(tmp_path.rglob("*"))
    copy = tmp_path / "room" / "deep" / "copy"
    with pytest.raises(ReleaseError, match="cannot be part of a file's name"):
        api.export(out, copy, "deepfakebench", progress=False)
    assert [
        path for path in tmp_path.rglob("*") if path not in before and copy not in path.parents
    ] == [copy]


def test_ids_of_which_no_paths_can_be_made_are_refused(release: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(release, tmp_path / "out"))

    def change(rows: list[dict[str, Any]]) -> None:
        for row in rows[:2]:
            row |= {"pair_id": "frames", "sample_id": f"frames-{row['kind']}"}

    change_rows(out, change)
    with pytest.raises(ReleaseError, match="'frames-real' holds the word 'frames'"):
        api.export(out, tmp_path / "copy", "deepfakebench", progress=False)


def test_ids_of_two_shards_that_are_equal_are_refused(release: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(release, tmp_path / "out"))
    shards = [path.stem for path in sorted((out / "manifest").glob("*.parquet"))]
    assert len(shards) > 1

    def change(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            if row["item"] == rows[0]["item"]:
                row |= {"pair_id": "same", "sample_id": f"same-{row['kind']}"}

    for shard in shards[:2]:
        change_rows(out, change, shard=shard)
    with pytest.raises(ReleaseError, match="sample_ids more than once, such as same-"):
        api.export(out, tmp_path / "copy", "deepfakebench", progress=False)
