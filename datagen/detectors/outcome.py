"""What a scoring run came to: counts, causes of failures, and doubts about its scores."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from datagen.core.text import counted
from datagen.detectors.config import DetectorConfig
from datagen.errors import DetectorError, ReleaseError
from datagen.release.score_doubts import doubts_of_scores, doubts_of_sigmoid
from datagen.release.scores import OK

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ALONE", "ScoringResult", "doubts_of", "one_cause", "refuse_no_score", "result_of"]

ALONE = b"datagen.alone"
"""Key in the metadata of a shard's scores: how the score of an image that is alone differs."""

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class ScoringResult:
    """Counts of a scoring run.

    Attributes:
        status: Number of images by status.
        problems: The most frequent reasons for missing scores, with their counts.
        shards: Number of shards.
        reused: Number of shards that an earlier run had already scored.
        doubts: What makes the scores doubtful although each of them is valid.
        what: What a score is of: ``image``, ``clip`` or ``frame``.
    """

    status: Counter[str]
    problems: list[tuple[str, int]]
    shards: int
    reused: int
    doubts: list[str] = field(default_factory=list)
    what: str = "image"

    def summary(self, path: Path) -> str:
        """Return the result in one line."""
        statuses = ", ".join(f"{count} {status}" for status, count in sorted(self.status.items()))
        reused = f" ({self.reused} from an earlier run)" if self.reused else ""
        images = counted(self.status.total(), self.what)
        return f"{path}: {images} in {counted(self.shards, 'shard')}{reused}: {statuses}"


def one_cause(
    tables: Sequence[pa.Table], what: str = "image"
) -> DetectorError | ReleaseError | None:
    """Return the error of a run in which every image failed for the same reason.

    Args:
        tables: The scores of its shards.
        what: What a score is of.
    """
    names = ["status", "detail"]
    found = pa.concat_tables([table.select(names) for table in tables])
    rows = found.group_by(names, use_threads=False).aggregate([]).to_pylist()
    causes = {(row["status"], re.sub(r"[\d.]+", "#", row["detail"])) for row in rows}
    if len(causes) != 1 or rows[0]["status"] == OK:
        return None
    status, detail, count = rows[0]["status"], rows[0]["detail"], found.num_rows
    if status == "unreadable":
        return ReleaseError(f"none of {counted(count, what)} can be read: {detail}")
    return DetectorError(
        f"the detector failed for every one of {counted(count, what)}: {detail}. No scores "
        "were written"
    )


def doubts_of(tables: Iterable[pa.Table], config: DetectorConfig) -> Iterator[str]:
    """Yield what makes the scores doubtful although each of them is valid.

    Args:
        tables: The scores of all shards.
        config: What the detector's answers mean.
    """
    tables = list(tables)
    for table in tables:
        if difference := (table.schema.metadata or {}).get(ALONE, b"").decode():
            yield (
                f"the score of an image depends on the other images in its batch ({difference}). "
                "Is the network in evaluation mode (model.eval()), and do the answers keep the "
                "order of the images?"
            )
    found = pa.concat_tables([table.select(["score"]) for table in tables]).column("score")
    scores = np.asarray(found.drop_null().to_numpy(), np.float64)
    yield from doubts_of_scores(scores)
    if config.transform == "sigmoid":
        yield from doubts_of_sigmoid(scores, config.higher_is == "real")


def refuse_no_score(frame: pd.DataFrame, what: str = "image") -> None:
    """Refuse a table without a single score: it says nothing of the detector.

    Args:
        frame: The table.
        what: What a score is of.

    Raises:
        DetectorError: No image has a score.
    """
    if len(frame) and not (frame["status"] == "ok").any():
        first = frame.iloc[0]
        raise DetectorError(
            f"detector: none of {counted(len(frame), what)} has a score. The first, "
            f"{first['sample_id']}: {first['status']}: {first['detail']}",
            key="detector",
        )


def result_of(
    tables: Sequence[pa.Table], reused: int, doubts: list[str], what: str = "image"
) -> ScoringResult:
    """Return the counts of a run.

    Args:
        tables: The scores of its shards.
        reused: Number of shards that an earlier run had already scored.
        doubts: What is doubtful about them.
        what: What a score is of.
    """
    rows = pa.concat_tables(tables).to_pandas()
    bad = rows[rows["status"] != "ok"]
    problems = Counter(f"{row.status}: {row.detail}" for row in bad.itertuples())
    status = Counter(rows["status"].tolist())
    common = problems.most_common(_SHOWN)
    return ScoringResult(status, common, len(tables), reused, doubts, what)
