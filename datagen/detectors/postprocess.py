"""From the answer of a detector to the probability of fake: checked, never repaired."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datagen.detectors.config import DetectorConfig
from datagen.errors import DetectorError

__all__ = ["Answer", "BadAnswerError", "read_answers"]

_CONFIG = "--detector-config"


# float32 rounds a probability of 1 to a little above it.
_ROUNDING = 1e-6


class BadAnswerError(Exception):
    """An answer without a score; the message becomes the ``detail`` of its row."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The result for one image.

    Attributes:
        score: Probability of fake in [0, 1]; ``None`` unless ``status`` is ``ok``.
        status: ``ok``, ``unreadable`` (the image) or ``failed`` (the detector).
        detail: Reason for a status other than ``ok``, as text; empty otherwise.
    """

    score: float | None
    status: str = "ok"
    detail: str = ""


def read_answers(raw: object, count: int, config: DetectorConfig) -> list[Answer]:
    """Turn the answers for a batch into scores.

    Args:
        raw: Anything that converts to an array of shape ``(count,)``, ``(count, 1)`` or
            ``(count, classes)``.
        count: Number of images in the batch.
        config: What the answers mean.

    Raises:
        BadAnswerError: The answers are not numbers, or cannot be assigned to the images.
        DetectorError: The answers have another scale than ``config`` says, or no such ``index``.
            This concerns every image, even if some answers happen to look right.
    """
    if raw is None:
        raise BadAnswerError("the answer is None")
    try:
        given = np.asarray(raw)
        if given.dtype.kind == "c":
            raise BadAnswerError("the answer is complex, expected real numbers")
        table = np.asarray(given, np.float64)
    except (TypeError, ValueError) as error:
        raise BadAnswerError(f"the answer is not an array of numbers: {error}") from None
    if table.ndim == 0 or len(table) != count:
        found = "one number" if table.ndim == 0 else f"{len(table)} answers"
        raise BadAnswerError(f"{found} for {count} image{'s' if count != 1 else ''}")
    table = table.reshape(count, -1)
    return [_score(row, config) for row in table]


def _score(row: NDArray[np.float64], config: DetectorConfig) -> Answer:
    try:
        value = _probability(row, config)
    except BadAnswerError as error:
        return Answer(None, "failed", str(error))
    return Answer(1 - value if config.higher_is == "real" else value)


def _probability(row: NDArray[np.float64], config: DetectorConfig) -> float:
    if not np.isfinite(row).all():
        raise BadAnswerError(f"the answer is {_shown(row)}, expected a finite number")
    if config.transform == "softmax":
        if len(row) < 2:
            raise DetectorError(f"{_CONFIG}: softmax needs two or more numbers per image, found 1")
        shares = np.exp(row - row.max())
        return float(_chosen(shares / shares.sum(), config, 1))
    value = _chosen(row, config, 0 if len(row) == 1 else None)
    if config.transform == "sigmoid":
        return _sigmoid(value)
    if not -_ROUNDING <= value <= 1 + _ROUNDING:
        raise DetectorError(
            f"the detector answered {value:.9g}, which is not a probability in [0, 1]: if it is a "
            f"logit, set 'logits: true' in {_CONFIG}"
        )
    return min(max(value, 0.0), 1.0)


def _chosen(row: NDArray[np.float64], config: DetectorConfig, default: int | None) -> float:
    index = config.index if config.index is not None else default
    if index is None:
        raise DetectorError(
            f"the detector answered {len(row)} numbers per image: set 'output: softmax' or 'index' "
            f"in {_CONFIG}"
        )
    if index >= len(row):
        raise DetectorError(
            f"{_CONFIG}: index {index}: the detector gives {len(row)} numbers per image, counted "
            "from 0"
        )
    return float(row[index])


def _sigmoid(value: float) -> float:
    from scipy.special import expit

    return float(expit(value))


def _shown(row: NDArray[np.float64]) -> str:
    bad = row[~np.isfinite(row)][0]
    return "NaN" if math.isnan(bad) else f"{bad:g}"
