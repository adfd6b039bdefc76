from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datagen.errors import ScoresError
from datagen.mining import weakness
from datagen.mining.weakness import find_weakness
from datagen.release.reader import Release
from datagen.release.scores import read_scores
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
