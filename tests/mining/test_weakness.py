from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datagen.errors import ScoresError, UserError
from datagen.mining import weakness
from datagen.mining.weakness import find_weakness
from datagen.release.pooling import parse_pooling
from datagen.release.reader import Release
from datagen.release.scores import read_scores, scores_of
from tests.support.releases import change_rows


def test_a_release_with_a_degradation_for_each_row_is_refused(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = Path(shutil.copytree(small, tmp_path / "out"))

    def change(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            row |= {"degradation": f"d{row['item']}", "degradation_params": "{}"}

    change_rows(out, change)
    release = Release(out)
    rows = release.table(["sample_id", "sha256", "split"])
    rows = rows[rows["split"] == "train"].assign(
        score=np.linspace(0.1, 0.9, sum(rows["split"] == "train"))
    )
    rows.to_csv(tmp_path / "scores.csv", index=False)
    scores = read_scores(tmp_path / "scores.csv")
    assert find_weakness(release, scores).scored == len(rows)
    monkeypatch.setattr(weakness, "_MOST_CELLS", 3)
    with pytest.raises(ScoresError, match="combinations of method and degradation: at most 3"):
        find_weakness(release, scores)


def test_scores_of_frames_are_pooled_by_the_rule_that_is_named(clip_release: Path) -> None:
    release = Release(clip_release)
    rows = release.table(["sample_id", "sha256", "split", "label"], split="train")
    clips = rows.assign(score=0.3 + 0.4 * rows["label"] + np.linspace(0, 0.1, len(rows)))
    frames = clips.loc[clips.index.repeat(4)]
    frames = frames.assign(
        frame=[0, 1, 2, 3] * len(clips),
        score=frames["score"] * np.tile([0.8, 1, 1, 1.2], len(rows)),
    )
    with pytest.raises(ScoresError, match="--pooling"):
        find_weakness(release, scores_of(frames))
    found = find_weakness(release, scores_of(frames), parse_pooling("mean"))
    whole = find_weakness(release, scores_of(clips))
    assert (found.auc, found.methods) == (whole.auc, whole.methods)
    assert found.scored == len(clips)
    with pytest.raises(UserError, match="has no column frame"):
        find_weakness(release, scores_of(clips), parse_pooling("mean"))
    with pytest.raises(ScoresError, match="lacks frames"):
        find_weakness(release, scores_of(frames.iloc[1:]), parse_pooling("mean"))
