"""Scores of frames: pooled by a rule that is named, and never of half a clip."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import datagen
from datagen.cli.main import run
from datagen.errors import ScoresError, UserError
from datagen.evaluation.frames import refuse_idle_pooling, scores_of_clips
from datagen.release.pooling import parse_pooling
from datagen.release.reader import Release
from datagen.release.scores import Scores, scores_of
from tests.evaluation.made import make, write_release

FRAMES = {"a": 3, "b": 2, "c": 3}

MANIFEST = pa.table(
    {
        "sample_id": ["a", "b", "c"],
        "sha256": ["1" * 64, "2" * 64, "3" * 64],
        "split": ["test", "test", "train"],
        "frames": [3, 2, 3],
    }
)


def table(**changes: Any) -> pd.DataFrame:
    """Return the scores of all frames of a and b, shuffled."""
    body = {
        "sample_id": ["b", "a", "a", "b", "a"],
        "frame": [1, 0, 2, 0, 1],
        "score": [0.4, 0.1, 0.5, 0.2, 0.9],
    }
    return pd.DataFrame({**body, **changes})


def pooled(frame: pd.DataFrame, rule: str | None = "mean", logits: bool = False) -> Scores:
    pooling = None if rule is None else parse_pooling(rule)
    return scores_of_clips(MANIFEST, "test", scores_of(frame, logits), pooling, logits)


def by_id(scores: Scores) -> dict[str, float]:
    return dict(zip(scores.ids.to_pylist(), scores.raw.tolist(), strict=True))


def test_one_score_per_clip() -> None:
    found = pooled(table())
    assert by_id(found) == pytest.approx({"a": 0.5, "b": 0.3})
    assert found.frame is None
    assert found.status.to_pylist() == ["ok", "ok"]
    assert by_id(pooled(table(), "max")) == {"a": 0.9, "b": 0.4}
    assert by_id(pooled(table(), "top:0.5")) == pytest.approx({"a": 0.7, "b": 0.4})


def test_scores_of_clips_stay_as_they_are() -> None:
    scores = scores_of(table().drop_duplicates("sample_id").drop(columns="frame"))
    assert scores_of_clips(MANIFEST, "test", scores, None, False) is scores
    with pytest.raises(UserError, match=r"--pooling max .* has no column frame"):
        refuse_idle_pooling(parse_pooling("max"), [scores])
    refuse_idle_pooling(parse_pooling("max"), [scores, scores_of(table())])
    refuse_idle_pooling(None, [scores])


def test_logits_are_pooled_as_probabilities() -> None:
    logits = table(score=[-1.0, 2.0, 0.0, 1.0, 30.0])
    found = pooled(logits, logits=True)
    expected = 1 / (1 + np.exp([-2.0, -0.0, -30.0]))
    at = found.ids.to_pylist().index("a")
    assert found.probability[at] == pytest.approx(expected.mean())
    assert found.raw[at] == pytest.approx(np.log(expected.mean() / (1 - expected.mean())))


def test_a_clip_of_which_a_frame_failed_has_no_score() -> None:
    frame = table(score=[0.4, 0.1, np.nan, 0.2, np.nan], status=["ok", "ok", "late", "ok", "lost"])
    found = pooled(frame)
    assert dict(zip(found.ids.to_pylist(), found.status.to_pylist(), strict=True)) == {
        "b": "ok",
        "a": "lost",  # frame 1 comes before frame 2
    }
    assert np.isnan(by_id(found)["a"])
    assert by_id(found)["b"] == pytest.approx(0.3)
    nothing = pooled(table(score=np.full(5, np.nan), status="lost"))
    assert np.isnan(nothing.raw).all()


def _from(value: float) -> Any:
    return lambda one: one.assign(frame=one["frame"] + value)


BAD = {
    "2 clips lack frames: a, b. The first has 2 of 3, and not 1": lambda one: one[
        one["frame"] != 1
    ],
    "1 clip lacks frames: a. The first has 1 of 3, and not 1, 2": lambda one: one.iloc[[0, 1, 3]],
    "1 ids score a frame more than once: b": lambda one: pd.concat([one, one.iloc[:1]]),
    "b: frame 2 is scored, and the clip has 2": _from(1),
    "column frame: -1, frames are counted from 0": _from(-1),
    "column frame: expected whole numbers": _from(0.5),
    "expected whole numbers, counted from 0": lambda one: one.assign(frame="x"),
    "1 rows without a frame": lambda one: one.assign(frame=[None, *one["frame"][1:]]),
    "several sha256 in their rows: b": lambda one: one.assign(sha256=["1" * 64, *["2" * 64] * 4]),
}


@pytest.mark.parametrize(("words", "rows"), BAD.items(), ids=list(BAD))
def test_frames_that_do_not_make_a_clip(words: str, rows: Any) -> None:
    with pytest.raises(ScoresError, match=re.escape(words)):
        pooled(rows(table()))


def test_a_rule_is_needed_and_a_release_of_clips() -> None:
    with pytest.raises(ScoresError, match=r"--pooling .* mean, max, or top:0\.1"):
        pooled(table(), None)
    images = MANIFEST.drop_columns(["frames"])
    with pytest.raises(ScoresError, match="the release holds images"):
        scores_of_clips(images, "test", scores_of(table()), parse_pooling("mean"), False)


def test_clips_of_other_splits_need_not_be_whole() -> None:
    frame = pd.concat([table(), pd.DataFrame({"sample_id": ["c"], "frame": [1], "score": [0.5]})])
    assert by_id(pooled(frame))["c"] == 0.5
    with pytest.raises(ScoresError, match="1 clip lacks frames: c"):
        scores_of_clips(MANIFEST, ["test", "train"], scores_of(frame), parse_pooling("mean"), False)


def test_by_digest_and_by_member() -> None:
    digests = {"a": "1" * 64, "b": "2" * 64}
    frame = table().rename(columns={"sample_id": "sha256"})
    found = pooled(frame.assign(sha256=frame["sha256"].map(digests)))
    assert by_id(found) == pytest.approx({digests["a"]: 0.5, digests["b"]: 0.3})
    both = pooled(table(sha256=[digests[one] for one in table()["sample_id"]]))
    assert dict(zip(both.ids.to_pylist(), both.digest.to_pylist(), strict=True)) == digests


def test_files_of_frames_name_them() -> None:
    """As the tars hold them where ``format: frames`` was asked for."""
    paths = [f"out/p1.{kind}.{n:06d}.png" for kind in ("real", "fake") for n in range(3)]
    found = scores_of(pd.DataFrame({"path": paths, "score": 0.5}))
    assert found.ids.to_pylist() == ["p1-real"] * 3 + ["p1-fake"] * 3
    assert found.frame is not None
    assert found.frame.tolist() == [0, 1, 2, 0, 1, 2]
    whole = scores_of(pd.DataFrame({"path": ["a/p1.real.mp4", "a/p1.fake.mp4"], "score": 0.5}))
    assert whole.ids.to_pylist() == ["p1-real", "p1-fake"]
    assert whole.frame is None


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".tsv.gz", ".jsonl"])
def test_every_format_keeps_frames(tmp_path: Path, suffix: str) -> None:
    from datagen.release.score_files import write_table
    from datagen.release.scores import read_scores

    path = tmp_path / f"s{suffix}"
    write_table(path, pa.Table.from_pandas(table(), preserve_index=False))
    read = read_scores(path)
    assert read.frame is not None
    assert read.frame.tolist() == table()["frame"].tolist()
    assert read.ids.to_pylist() == table()["sample_id"].tolist()


class TestTheCommand:
    """On a release of clips that was generated."""

    def scored(self, out: Path, **config: Any) -> pd.DataFrame:
        def gray(batch: np.ndarray) -> Any:
            return batch.mean(axis=tuple(range(1, batch.ndim))) / 255

        return datagen.score(out, gray, config=config, progress=False)

    def test_scores_of_frames_give_what_scores_of_clips_give(
        self, clip_release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        frames, clips = tmp_path / "frames.csv", tmp_path / "clips.csv"
        self.scored(clip_release, pooling="none").to_csv(frames, index=False)
        self.scored(clip_release, pooling="top:0.5").to_csv(clips, index=False)
        report = tmp_path / "report"
        arguments = ["evaluate", str(clip_release), "--scores", str(frames)]
        assert run([*arguments, "--pooling", "top:0.5", "--report", str(report)]) == 0
        first = capsys.readouterr().out.splitlines()
        assert run(["evaluate", str(clip_release), "--scores", str(clips)]) == 0
        second = capsys.readouterr().out.splitlines()
        assert [one for one in first if re.match(r"[a-z_]+  ", one)] == [
            one for one in second if re.match(r"[a-z_]+  ", one)
        ]
        assert any("mean of the highest 50 % of its frames' scores" in one for one in first)
        document = json.loads((report / "metrics.json").read_text(encoding="utf-8"))
        assert (document["what"], document["pooling"]) == ("clip", "top:0.5")
        clips_in_test = len(Release(clip_release).table(split="test"))
        assert f"{clips_in_test} of {clips_in_test} clips scored" in (
            report / "report.md"
        ).read_text(encoding="utf-8")
        page = (report / "index.html").read_text(encoding="utf-8")
        assert "data:image/png;base64," in page
        assert "data:video" not in page

    def test_bad_input(
        self, clip_release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = tmp_path / "s.csv"
        arguments = ["evaluate", str(clip_release), "--scores", str(path)]
        frames = self.scored(clip_release, pooling="none")
        frames.to_csv(path, index=False)
        for options, words in (
            ((), "--pooling"),
            (("--pooling", "median"), "--pooling: expected mean, max"),
        ):
            assert run([*arguments, *options]) == 2
            assert words in capsys.readouterr().err
        test = frames["sample_id"].str.contains("-test-")
        frames[~(test & (frames["frame"] == 2))].to_csv(path, index=False)
        assert run([*arguments, "--pooling", "mean"]) == 2
        assert "has 3 of 4, and not 2" in " ".join(capsys.readouterr().err.split())
        self.scored(clip_release, takes="clips").to_csv(path, index=False)
        assert run([*arguments, "--pooling", "mean"]) == 2
        assert "has no column frame" in capsys.readouterr().err

    def test_the_call(self, clip_release: Path) -> None:
        frames = self.scored(clip_release, pooling="none")
        found = datagen.evaluate(clip_release, frames, pooling="max")
        clips = datagen.evaluate(clip_release, self.scored(clip_release, pooling="max"))
        assert found.metrics == pytest.approx(clips.metrics, nan_ok=True)
        assert found.intervals["auc"] == clips.intervals["auc"]
        assert clips.evaluation.context.pooling == "max"  # as its configuration says
        both = datagen.evaluate(
            clip_release, frames, baseline=self.scored(clip_release, takes="clips"), pooling="max"
        )
        assert both.evaluation.comparison is not None
        with pytest.raises(UserError, match="pooling"):
            datagen.evaluate(clip_release, frames, pooling=3)  # type: ignore[arg-type]


def test_scores_of_frames_for_a_release_of_images(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = make(people=4, pairs_each=2)
    out = write_release(tmp_path / "out", made)
    path = tmp_path / "s.csv"
    frame = pd.DataFrame({"sample_id": made.ids, "score": made.scores(), "frame": 0})
    frame.to_csv(path, index=False)
    assert run(["evaluate", str(out), "--scores", str(path), "--pooling", "mean"]) == 2
    assert "the release holds images" in capsys.readouterr().err


def test_what_a_file_says_of_its_pooling_may_be_anything() -> None:
    from datagen.evaluation.result import _pooling_told

    scores = scores_of(table().drop_duplicates("sample_id").drop(columns="frame"))
    told: list[Any] = [None, [], {"pooling": 3}, {"pooling": "x" * 9000}, {"pooling": "none"}]
    for config in told:
        assert _pooling_told(replace(scores, detector={"config": config}), None) is None
