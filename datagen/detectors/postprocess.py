"""From the answer of a detector to the probability of fake: checked, never repaired."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datagen.detectors.config import CONFIG, DetectorConfig
from datagen.errors import DetectorError

__all__ = ["Answer", "BadAnswerError", "cause_of", "read_answers"]

# float32 rounds a probability of 1 to a little above it, float16 to somewhat more.
_ROUNDING, _HALF_ROUNDING = 1e-6, 2e-3
_SUM_ROUNDING = 1e-5
_LONGEST = 300
_WRAPPED = "The following operation failed in the TorchScript interpreter"  # the cause comes last
_MIN_ROWS = 2  # one row of logits may sum to 1 by chance


class BadAnswerError(Exception):
    """An answer without a score; the message becomes the ``detail`` of its row."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The result for one image.

    Attributes:
        score: Probability of fake in [0, 1]; ``None`` unless ``status`` is ``ok``.
        status: ``ok``, ``unreadable`` (the image) or ``failed`` (the detector).
        detail: Reason for a status other than ``ok``, as text; empty otherwise.
        frames: Of a clip that was scored frame by frame, the answer for each frame.
    """

    score: float | None
    status: str = "ok"
    detail: str = ""
    frames: tuple[Answer, ...] = ()


def cause_of(error: BaseException) -> str:
    """Return the kind of an error of others and the one line of its text that tells most."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if lines and lines[0].startswith(_WRAPPED):
        lines.reverse()
    name = type(error).__name__
    return f"{name}: {lines[0][:_LONGEST]}" if lines else name


def read_answers(raw: object, count: int, config: DetectorConfig) -> list[Answer]:
    """Turn the answers for a batch into scores.

    Args:
        raw: Anything that converts to an array of shape ``(count,)``, ``(count, 1)`` or
            ``(count, classes)``; for one image also a single number.
        count: Number of images in the batch.
        config: What the answers mean.

    Raises:
        BadAnswerError: The answers are not numbers, or cannot be assigned to the images.
        DetectorError: The answers have another scale than ``config`` says, or no such ``index``.
            This concerns every image, even if some answers happen to look right.
    """
    table, rounding = _table(raw, count)
    if config.transform == "softmax":
        _refuse_probabilities(table)
    return [_score(row, config, rounding) for row in table]


def _table(raw: object, count: int) -> tuple[NDArray[np.float64], float]:
    """Return the answers as one row per image, and by how much they may be rounded."""
    _refuse_containers(raw)
    try:
        given = np.asarray(raw)
        if isinstance(raw, np.ma.MaskedArray):  # what lies under a mask is no answer
            given = np.asarray(np.ma.filled(raw.astype(np.float64), np.nan))
        if given.dtype.kind == "c":
            raise BadAnswerError("the answer is complex, expected real numbers")
        table = np.asarray(given, np.float64)
    except (TypeError, ValueError) as error:
        raise BadAnswerError(f"the answer is not an array of numbers: {error}") from None
    if table.ndim == 0 and count == 1:
        table = table.reshape(1)
    if table.ndim == 0 or len(table) != count:
        found = "one number" if table.ndim == 0 else f"{len(table)} answers"
        hint = ": is the axis of the batch lost?" if count == 1 else ""
        raise BadAnswerError(f"{found} for {count} image{'s' if count != 1 else ''}{hint}")
    if sum(side > 1 for side in table.shape[1:]) > 1:
        shape = " x ".join(map(str, table.shape[1:]))
        raise DetectorError(
            f"the detector answered {shape} numbers per image, like a map of pixels: expected one "
            "number, or one per class"
        )
    rounding = _HALF_ROUNDING if given.dtype == np.float16 else _ROUNDING
    return table.reshape(count, -1), rounding


def _refuse_containers(raw: object) -> None:
    """Refuse what NumPy would make an array of objects of."""
    if raw is None:
        raise BadAnswerError("the answer is None")
    if inspect.isgenerator(raw):
        raise BadAnswerError("the answer is a generator: return a list or an array")
    if inspect.iscoroutine(raw):
        raw.close()
        raise BadAnswerError("the answer is a coroutine: the detector must not be async")
    first: object = raw
    while isinstance(first, list | tuple) and first:
        first = first[0]
    if isinstance(first, Mapping) and first is not raw:
        keys = ", ".join(str(key)[:20] for key in list(first)[:5])
        raise BadAnswerError(
            f"the answer for an image is a mapping ({keys}): return one number per image"
        )


def _refuse_probabilities(table: NDArray[np.float64]) -> None:
    """Refuse to take the softmax of what already is one: its scores would lie close together."""
    sums = np.abs(table.sum(axis=1) - 1) <= _SUM_ROUNDING
    if len(table) >= _MIN_ROWS and table.shape[1] > 1 and table.min() >= 0 and sums.all():
        raise DetectorError(
            f"{CONFIG}: output: softmax: the answers are probabilities already, which sum to 1 "
            "for each image: remove the key, and set 'index' to the class that is fake"
        )


def _score(row: NDArray[np.float64], config: DetectorConfig, rounding: float) -> Answer:
    try:
        value = _probability(row, config, rounding)
    except BadAnswerError as error:
        return Answer(None, "failed", str(error))
    return Answer(1 - value if config.higher_is == "real" else value)


def _probability(row: NDArray[np.float64], config: DetectorConfig, rounding: float) -> float:
    if not np.isfinite(row).all():
        raise BadAnswerError(f"the answer is {_shown(row)}, expected a finite number")
    if config.transform == "softmax":
        if len(row) < 2:
            raise DetectorError(f"{CONFIG}: softmax needs two or more numbers per image, found 1")
        shares = np.exp(row - row.max())
        return float(_chosen(shares / shares.sum(), config, 1 if len(row) == 2 else None))
    value = _chosen(row, config, 0 if len(row) == 1 else None)
    if config.transform == "sigmoid":
        return _sigmoid(value)
    if not -rounding <= value <= 1 + rounding:
        percent = "if it is a percentage, divide it by 100; " if 1 < value <= 100 else ""
        raise DetectorError(
            f"the detector answered {value:.9g}, which is not a probability in [0, 1]: {percent}"
            f"if it is a logit, set 'logits: true' in {CONFIG}"
        )
    return min(max(value, 0.0), 1.0)


def _chosen(row: NDArray[np.float64], config: DetectorConfig, default: int | None) -> float:
    index = config.index if config.index is not None else default
    if index is None:
        also = "" if config.transform == "softmax" or len(row) != 2 else "'output: softmax' or "
        raise DetectorError(
            f"the detector answered {len(row)} numbers per image: set {also}'index', the class "
            f"that is fake, in {CONFIG}"
        )
    if index >= len(row):
        raise DetectorError(
            f"{CONFIG}: index {index}: the detector gives {len(row)} numbers per image, counted "
            "from 0"
        )
    return float(row[index])


def _sigmoid(value: float) -> float:
    from scipy.special import expit

    return float(expit(value))


def _shown(row: NDArray[np.float64]) -> str:
    bad = row[~np.isfinite(row)][0]
    return "NaN" if math.isnan(bad) else f"{bad:g}"
