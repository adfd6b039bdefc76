"""What training the baseline detector gives: a model, scores, and a table by method."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from datagen.core.arrays import Image
from datagen.core.digests import sha256_bytes
from datagen.core.files import write_atomically
from datagen.core.stats import auc
from datagen.release.scores import note_on_replaced, write_scores

__all__ = ["BASELINE", "FALSE_ALARMS", "BaselineModel", "BaselineResult", "MethodAuc", "by_method"]

BASELINE = "datagen baseline"
"""The detector's name in a scores file."""

FALSE_ALARMS = 0.05
"""Share of the reals above the score from which a control counts as a false alarm."""


class BaselineModel(Protocol):
    """A trained model of either form."""

    def probabilities(self, images: list[Image]) -> NDArray[np.float64]:
        """Return the probabilities of fake of decoded images."""
        ...

    def to_bytes(self) -> bytes:
        """Return the content of the model file."""
        ...


@dataclass(frozen=True, slots=True)
class MethodAuc:
    """The AUC of one method's fakes against all reals and controls of a split.

    Attributes:
        split: The split.
        method: Name of the method, or ``all``.
        fakes: Number of scored fakes.
        reals: Number of scored reals and controls.
        auc: Area under the ROC curve; NaN without fakes or without reals.
        controls: Number of the method's scored controls.
        alarms: Share of them above the score that ``FALSE_ALARMS`` of the reals exceed; NaN
            without them.
    """

    split: str
    method: str
    fakes: int
    reals: int
    auc: float
    controls: int
    alarms: float


@dataclass(frozen=True, slots=True)
class BaselineResult:
    """The trained baseline detector and its scores.

    Attributes:
        model: The model, trained on split train.
        scores: Scores of the requested splits, with the columns of ``SCORES``. Those of train come
            from models that were not trained on the identity.
        table: The AUC by split and method.
        problems: The most frequent reasons for missing scores, with their counts.
        release: Name, version and digests of the release.
        trained_fakes: Number of fakes that it was trained on.
    """

    model: BaselineModel
    scores: pa.Table
    table: list[MethodAuc]
    problems: list[tuple[str, int]]
    release: dict[str, Any]
    trained_fakes: int

    def write_model(self, path: Path) -> None:
        """Write the model, for ``datagen score --detector``."""
        write_atomically(path, self.model.to_bytes())

    def write_scores(self, path: Path) -> str | None:
        """Write the scores file; return what to tell of one that it replaces.

        Raises:
            ScoresError: The file holds the scores of something else.
        """
        digest = sha256_bytes(self.model.to_bytes())
        detector = {"spec": BASELINE, "kind": "baseline", "digest": digest}
        note = note_on_replaced(path, detector, self.release)
        write_scores(path, [self.scores], detector, self.release)
        return note


def by_method(rows: pd.DataFrame, splits: Sequence[str]) -> Iterator[MethodAuc]:
    """Yield the table of some splits.

    Args:
        rows: Manifest rows with a column ``score``, NaN where there is none.
        splits: The splits.
    """
    for split in splits:
        scored = rows[(rows["split"] == split) & rows["score"].notna()]
        negatives = scored.loc[scored["label"] == 0, "score"].to_numpy()
        reals = scored.loc[scored["kind"] == "real", "score"].to_numpy()
        limit = float(np.quantile(reals, 1 - FALSE_ALARMS)) if len(reals) else np.nan
        fakes = scored[scored["label"] == 1]
        controls = scored[scored["kind"] == "control"]
        for method in ("all", *sorted(fakes["method"].unique())):
            of = [
                part if method == "all" else part[part["method"] == method]
                for part in (fakes, controls)
            ]
            own, beside = (part["score"].to_numpy() for part in of)
            alarms = float((beside > limit).mean()) if len(beside) else np.nan
            value = auc(negatives, own)
            yield MethodAuc(split, method, len(own), len(negatives), value, len(beside), alarms)
