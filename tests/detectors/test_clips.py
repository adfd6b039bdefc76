"""Detectors on a release of clips: whole, or frame by frame with a pooling that is named."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import onnx
import pandas as pd
import pyarrow as pa
import pytest
from onnx import TensorProto, helper, numpy_helper

from datagen.cli.main import run
from datagen.detectors.batched import ArrayDetector
from datagen.detectors.clips import FramesDetector, ReleasedClip, Shelf
from datagen.detectors.config import DetectorConfig, config_of
from datagen.detectors.parts import opened_parts, part_name, write_part
from datagen.detectors.repeat import Rescore
from datagen.detectors.score import ScoreShard, score_release, score_to_file
from datagen.detectors.shards import shards_of
from datagen.detectors.spec import read_spec
from datagen.engine import InlineEngine
from datagen.errors import DetectorError
from datagen.release.pooling import Pooling
from datagen.release.reader import Release
from datagen.release.scores import FRAME_SCORES, SCORES
from tests.detectors.made import PROGRAM, onnx_mean, read_rows
from tests.support.clip_world import ClipWorld


def mean(batch: np.ndarray) -> Any:
    assert batch.dtype == np.uint8
    assert batch.ndim == 4
    return batch.mean(axis=(1, 2, 3)) / 255


def motion(batch: np.ndarray) -> Any:
    """Scores clips by how much their frames differ."""
    assert batch.shape[1:2] == (4,)
    return np.abs(np.diff(batch.astype(float), axis=1)).mean(axis=(1, 2, 3, 4)) / 255


def means_of(out: Path) -> dict[str, np.ndarray]:
    """Return the mean of each frame of each clip."""
    release = Release(out)
    return {
        str(row["sample_id"]): release.clip(row).mean(axis=(1, 2, 3)) / 255
        for row in release.manifest.to_dict("records")
    }


def yaml_file(folder: Path, text: str) -> str:
    path = folder / "det.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def frames_release(clip_world: ClipWorld, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four pairs whose frames are PNG files in the tars."""
    out = tmp_path_factory.mktemp("frames") / "out"
    assert (
        clip_world.generate(out, "--inline", "--limit", "4", "--set", "encode={format: frames}")
        == 0
    )
    return out


class TestAFunction:
    def test_of_clips_is_given_whole_clips(self, clip_release: Path) -> None:
        release = Release(clip_release)
        frame = score_release(release, motion, "test", config=DetectorConfig(takes="clips"))
        assert list(frame.columns) == SCORES.names
        rows = release.table(split="test").to_dict("records")
        want = [float(motion(release.clip(row)[None])[0]) for row in rows]
        assert frame["score"].to_list() == pytest.approx(want)
        assert frame["sample_id"].to_list() == [row["sample_id"] for row in rows]
        assert frame.attrs["detector"]["config"] == {"takes": "clips"}

    @pytest.mark.parametrize(
        ("pooling", "rule"),
        [
            ("mean", lambda one: one.mean()),
            ("max", lambda one: one.max()),
            ("top:0.5", lambda one: np.sort(one)[2:].mean()),
        ],
    )
    def test_of_images_is_given_frames(self, clip_release: Path, pooling: str, rule: Any) -> None:
        config = config_of({"pooling": pooling})
        frame = score_release(Release(clip_release), mean, config=config, batch=3)
        want = {name: float(rule(one)) for name, one in means_of(clip_release).items()}
        assert dict(zip(frame["sample_id"], frame["score"], strict=True)) == pytest.approx(want)

    def test_frames_may_keep_their_scores(self, clip_release: Path) -> None:
        config = config_of({"pooling": "none"})
        frame = score_release(Release(clip_release), mean, "test", config=config)
        assert list(frame.columns) == FRAME_SCORES.names
        found = frame.groupby("sample_id", sort=False)["score"].apply(list)
        want = {name: one for name, one in means_of(clip_release).items() if "-test-" in name}
        assert list(found.index) == list(want)
        for name, one in want.items():
            assert found[name] == pytest.approx(one.tolist())
        assert frame["frame"].to_list() == [0, 1, 2, 3] * len(want)

    def test_clips_stored_as_frames(self, frames_release: Path) -> None:
        frame = score_release(
            Release(frames_release), mean, config=DetectorConfig(pooling="mean"), batch=5
        )
        want = {name: float(one.mean()) for name, one in means_of(frames_release).items()}
        assert dict(zip(frame["sample_id"], frame["score"], strict=True)) == pytest.approx(want)

    def test_a_clip_of_which_a_frame_fails_has_no_score(self, clip_release: Path) -> None:
        seen = means_of(clip_release)
        bad = min(seen, key=lambda name: seen[name].min())
        low = seen[bad].min()

        def picky(batch: np.ndarray) -> Any:
            found = mean(batch)
            if (found <= low + 1e-9).any():
                raise ValueError("too dark")
            return found

        frame = score_release(
            Release(clip_release), picky, config=DetectorConfig(pooling="max")
        ).set_index("sample_id")
        assert frame.loc[bad, "status"] == "failed"
        number = int(np.argmin(seen[bad]))
        assert frame.loc[bad, "detail"] == f"frame {number}: ValueError: too dark"
        assert (frame.drop(index=bad)["status"] == "ok").all()

    def test_a_size_is_that_of_each_frame(self, clip_release: Path) -> None:
        def of_size(batch: np.ndarray) -> Any:
            assert batch.shape[1:] == (4, 40, 32, 3)
            return np.full(len(batch), 0.5)

        config = DetectorConfig(takes="clips", size=(40, 32))
        frame = score_release(Release(clip_release), of_size, "test", config=config)
        assert (frame["status"] == "ok").all()


def test_what_is_missing_is_said(
    clip_release: Path, tmp_path: Path, small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(DetectorError, match=r"holds clips.*pooling: mean, max.*takes: clips"):
        score_release(Release(clip_release), mean)
    with pytest.raises(DetectorError, match="takes: clips, but the release holds images"):
        score_release(Release(small), mean, config=DetectorConfig(takes="clips"))
    arguments = ["score", str(clip_release), "--detector", str(onnx_mean(tmp_path / "m.onnx"))]
    out = tmp_path / "s.parquet"
    assert run([*arguments, "-o", str(out), "--inline"]) == 2
    assert "say in --detector-config" in capsys.readouterr().err
    config = yaml_file(tmp_path, "pooling: median\n")
    assert run([*arguments, "-o", str(out), "--inline", "--detector-config", config]) == 2
    assert "expected mean, max, or top:0.1" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"takes": "clips", "pooling": "mean"}, "one answer per clip"),
        ({"layout": "ncthw"}, "add 'takes: clips'"),
        ({"layout": "nchw", "takes": "clips"}, "no axis of frames"),
        ({"pooling": "top"}, "expected mean, max"),
    ],
)
def test_keys_that_contradict_each_other(config: dict[str, Any], words: str) -> None:
    with pytest.raises(DetectorError, match=words):
        config_of(config)


def test_a_network_of_images_and_the_command(
    clip_release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "s.csv"
    config = yaml_file(tmp_path, "pooling: mean\nsize: 96\n")
    arguments = [
        "score",
        str(clip_release),
        "-o",
        str(out),
        "--inline",
        "--detector-config",
        config,
    ]
    assert run([*arguments, "--detector", str(onnx_mean(tmp_path / "m.onnx"))]) == 0
    count = len(Release(clip_release).manifest)
    assert f"{count} clips in 4 shards: {count} ok" in capsys.readouterr().out
    found = pd.read_csv(out).set_index("sample_id")["score"].to_dict()
    want = {name: float(one.mean()) for name, one in means_of(clip_release).items()}
    assert found == pytest.approx(want, abs=1e-5)


def clip_network(path: Path, layout: str = "ncthw") -> Path:
    """Write a network of clips of four frames that answers their mean."""
    axes = {"n": "n", "c": 3, "t": 4, "h": "h", "w": "w"}
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["x", "axes"], ["flat"], name="mean", keepdims=0),
        ],
        "mean",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [axes[a] for a in layout])],
        [helper.make_tensor_value_info("flat", TensorProto.FLOAT, ["n"])],
        [numpy_helper.from_array(np.asarray([1, 2, 3, 4], np.int64), "axes")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("layout", ["ncthw", "ntchw", "nthwc"])
def test_a_network_of_clips(clip_release: Path, tmp_path: Path, layout: Any) -> None:
    network = str(clip_network(tmp_path / "clip.onnx", layout))
    config = DetectorConfig(takes="clips", layout=layout)
    frame = score_release(Release(clip_release), network, "test", config=config, batch=3)
    want = [float(one.mean()) for name, one in means_of(clip_release).items() if "-test-" in name]
    assert frame["score"].to_list() == pytest.approx(want, abs=1e-5)


def test_a_network_whose_axes_are_others(clip_release: Path, tmp_path: Path) -> None:
    release, network = Release(clip_release), str(clip_network(tmp_path / "clip.onnx"))
    with pytest.raises(DetectorError, match="add 'layout'"):
        score_release(release, network, config=DetectorConfig(takes="clips"))
    with pytest.raises(DetectorError, match="set layout: ncthw"):
        score_release(release, network, config=DetectorConfig(takes="clips", layout="ntchw"))
    with pytest.raises(DetectorError, match="with 4 axes"):
        score_release(release, network, config=DetectorConfig(pooling="mean"))


@pytest.mark.parametrize("release", ["clip_release", "frames_release"])
def test_a_program_is_given_frames_as_files(
    release: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    out = request.getfixturevalue(release)
    (tmp_path / "detect.py").write_text(PROGRAM, encoding="utf-8")
    command = f"cmd: {sys.executable} {tmp_path / 'detect.py'} {{paths}} {{scores}}"
    frame = score_release(Release(out), command, config=DetectorConfig(pooling="max"))
    want = {name: float(one.max()) for name, one in means_of(out).items()}
    assert dict(zip(frame["sample_id"], frame["score"], strict=True)) == pytest.approx(want)


OF_PATHS = """
import csv, sys
from pathlib import Path

paths = open(sys.argv[1]).read().split()
with open(sys.argv[2], "w", newline="") as handle:
    out = csv.writer(handle)
    out.writerow(["path", "score"])
    for path in map(Path, paths):
        assert path.stat().st_mtime == 1_000_000_000
        if path.is_dir():
            names = [one.name for one in sorted(path.iterdir())]
            assert names == [f"{n:06d}.png" for n in range(4)]
        else:
            assert path.suffix == ".mp4" and path.read_bytes()[4:8] == b"ftyp"
        out.writerow([path, 0.25 + int(path.stem) / 1000])
"""


@pytest.mark.parametrize("release", ["clip_release", "frames_release"])
def test_a_program_is_given_clips_as_released(
    release: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    out = request.getfixturevalue(release)
    (tmp_path / "detect.py").write_text(OF_PATHS, encoding="utf-8")
    command = f"cmd: {sys.executable} {tmp_path / 'detect.py'} {{paths}} {{scores}}"
    frame = score_release(Release(out), command, config=DetectorConfig(takes="clips"))
    assert (frame["status"] == "ok").all(), frame["detail"].to_list()


def test_the_baseline_is_trained_on_frames_and_scores_them(
    clip_world: ClipWorld, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = ("--set", "splits.train=14", "--set", "shard_pairs=7")
    out = tmp_path / "out"
    assert clip_world.generate(out, "--inline", *changes) == 0
    model, own = tmp_path / "baseline.json", tmp_path / "own.parquet"
    arguments = ["baseline", str(out), "--inline", "--model", str(model), "-o", str(own)]
    assert run(arguments) == 0
    release = Release(out)
    fakes = sum(release.table(split="test")["kind"] == "fake")
    assert ["test", "all", str(fakes)] in [
        line.split()[:3] for line in capsys.readouterr().out.splitlines()
    ]
    scores = tmp_path / "scores.parquet"
    config = yaml_file(tmp_path, "pooling: mean\n")
    again = ["score", str(out), "--detector", str(model), "--inline", "--split", "test"]
    assert run([*again, "-o", str(scores), "--detector-config", config]) == 0
    # four frames are fewer than the baseline looks at: both have seen all of them
    first, second = read_rows(own), read_rows(scores)
    assert first["score"].to_dict() == pytest.approx(second["score"].to_dict())
    config = yaml_file(tmp_path, "takes: clips\n")
    assert run([*again, "-o", str(tmp_path / "t.parquet"), "--detector-config", config]) == 2
    assert "was trained on single images" in capsys.readouterr().err


def test_a_damaged_clip_is_unreadable_and_the_others_are_scored(
    clip_release: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(clip_release, out)
    release = Release(out)
    row = release.table(split="test").to_dict("records")[1]
    tar = out / row["media_path"]
    data = bytearray(tar.read_bytes())
    middle = row["media_offset"] + row["media_size"] // 2
    data[middle : middle + 64] = bytes(64)
    tar.write_bytes(bytes(data))
    for pooling in ("mean", "none"):
        frame = score_release(release, mean, "test", config=DetectorConfig(pooling=pooling))
        bad = frame[frame["sample_id"] == row["sample_id"]]
        assert set(bad["status"]) == {"unreadable"}
        assert bad["detail"].str.startswith("its bytes in").all()
        assert len(bad) == (4 if pooling == "none" else 1)
        assert (frame[frame["sample_id"] != row["sample_id"]]["status"] == "ok").all()


@pytest.mark.parametrize("pooling", ["mean", "none"])
def test_a_run_that_was_ended_goes_on(
    clip_release: Path, tmp_path: Path, pooling: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "s.parquet"
    config = DetectorConfig(pooling=pooling)
    spec = read_spec(str(onnx_mean(tmp_path / "m.onnx")), config)
    release = Release(clip_release)
    with opened_parts(out) as parts:
        for shard in shards_of(release, None)[:2]:
            task = ScoreShard(spec, release.folder, 32, per_frame=config.per_frame)
            write_part(parts / part_name(shard, spec), task(shard))
    again = score_to_file(release, spec, out, None, 32, InlineEngine, lambda *_: None)
    assert again.reused == 2
    assert again.what == ("frame" if pooling == "none" else "clip")
    whole = score_release(release, spec)
    assert pd.read_parquet(out)["score"].to_list() == whole["score"].to_list()


def test_parts_of_another_detector_are_not_used(clip_release: Path, tmp_path: Path) -> None:
    """What a digest cannot see is found by asking again, also for a single frame."""
    release, config = Release(clip_release), DetectorConfig(pooling="none")
    spec = read_spec(str(onnx_mean(tmp_path / "m.onnx")), config)
    (shard,) = shards_of(release, None)[:1]
    table = ScoreShard(spec, release.folder, 32, per_frame=True)(shard)
    assert Rescore(spec, release.folder, table)(shard) == ""
    scores = table["score"].to_pylist()
    scores[2] += 0.1
    other = table.set_column(2, table.schema.field("score"), pa.array(scores))
    assert " then, " in Rescore(spec, release.folder, other)(shard)


class Counted(ReleasedClip):
    """A clip that counts how often it is decoded, and how many are kept at once."""

    decoded: ClassVar[list[str]] = []

    def pixels(self) -> Any:
        Counted.decoded.append(self.sample_id)
        return np.full((4, 8, 8, 3), int(self.sample_id), np.uint8)


def clips(count: int) -> list[Counted]:
    rows = [{"sample_id": str(n), "frames": 4, "width": 8, "height": 8} for n in range(count)]
    return [Counted(None, row) for row in rows]  # type: ignore[arg-type]


@pytest.mark.parametrize("most", [1, 4 * 8 * 8 * 3 * 3, 10**6])
def test_clips_are_decoded_once_and_in_batches(most: int) -> None:
    Counted.decoded = []
    sizes: list[int] = []

    def infer(images: list[np.ndarray]) -> Any:
        sizes.append(len(images))
        return [float(one.mean()) / 255 for one in images]

    made = clips(10)
    detector = FramesDetector(ArrayDetector(infer, DetectorConfig()), Pooling("mean"), most)
    found = detector.score(made, 32)
    assert [round(one.score * 255) for one in found if one.score is not None] == list(range(10))
    assert sorted(Counted.decoded, key=int) == [one.sample_id for one in made]
    assert max(sizes) <= max(4, most // (8 * 8 * 3))


def test_a_shelf_keeps_the_last_clips() -> None:
    Counted.decoded = []
    made = clips(3)
    shelf = Shelf(2 * made[0].numbers)
    for number in (0, 1, 0, 2, 0, 1):
        shelf.pixels(made[number])
    assert Counted.decoded == ["0", "1", "2", "1"]
