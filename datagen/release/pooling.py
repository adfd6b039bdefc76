"""Rules by which the scores of a clip's frames become one score of the clip."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from datagen.errors import UserError

__all__ = ["POOLINGS", "Pooling", "asked_pooling", "parse_pooling", "pool"]

POOLINGS = "mean, max, or top:0.1 for the mean of the highest tenth"
"""The rules, as messages name them."""

_TOP = re.compile(r"top:(0?\.\d{1,6}|1(\.0{1,6})?)")

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pooling:
    """How the probabilities of a clip's frames are pooled.

    Attributes:
        rule: ``mean``, ``max``, or ``top``, the mean of the highest.
        share: Share of the frames that ``top`` takes, rounded up.
    """

    rule: Literal["mean", "max", "top"]
    share: float = 1.0

    def __str__(self) -> str:
        """Return the rule as it is written."""
        return f"top:{self.share:g}" if self.rule == "top" else self.rule

    def count(self, frames: int) -> int:
        """Return how many of a clip's frames are taken, the highest first."""
        if self.rule == "max":
            return 1
        # 0.1 * 30 is a little more than 3
        return max(1, math.ceil(round(self.share * frames, 6)))


def parse_pooling(text: str) -> Pooling:
    """Return the rule that a text names.

    Raises:
        ValueError: It names none.
    """
    word = text.strip()
    if word == "mean":
        return Pooling("mean")
    if word == "max":
        return Pooling("max")
    if (found := _TOP.fullmatch(word)) and float(found[1]) > 0:
        return Pooling("top", float(found[1]))
    raise ValueError(f"expected {POOLINGS} (found {text[:40]!r})")


def asked_pooling(text: str | None, where: str) -> Pooling | None:
    """Return the rule of an option; ``None`` where there is none.

    Args:
        text: What was given.
        where: What messages call the option.

    Raises:
        UserError: It is no rule.
    """
    if text is None:
        return None
    try:
        return parse_pooling(text)
    except ValueError as error:
        raise UserError(f"{where}: {error}", key="pooling") from None


def pool(raw: Floats, clip: npt.NDArray[np.int64], pooling: Pooling, logits: bool) -> Floats:
    """Return the score of each clip; its frames may stand in any order.

    Probabilities are pooled, also where logits are given: the logit of the pooled probability is
    returned then, without losing those near 0 and 1.

    Args:
        raw: Finite scores of frames.
        clip: Number of the clip of each frame, from 0, without gaps.
        pooling: The rule.
        logits: Whether the scores are logits.
    """
    order = np.lexsort((-raw, clip))
    raw, clip = raw[order], clip[order]
    frames = np.bincount(clip)
    starts = np.cumsum(frames) - frames
    taken = np.asarray([pooling.count(int(one)) for one in frames], np.int64)
    kept = raw[np.arange(len(raw)) - starts[clip] < taken[clip]]
    first = np.cumsum(taken) - taken
    if pooling.rule == "max":
        return kept
    if not logits:
        means = np.add.reduceat(kept, first) / taken
        return np.clip(means, np.minimum.reduceat(kept, first), np.maximum.reduceat(kept, first))
    from scipy.special import log_expit

    fake = np.logaddexp.reduceat(log_expit(kept), first)
    real = np.logaddexp.reduceat(log_expit(-kept), first)
    return np.asarray(fake - real, np.float64)
