"""What makes scores doubtful although each of them is valid, told as sentences."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

__all__ = ["doubts_of_logits", "doubts_of_scores", "doubts_of_sigmoid"]

Floats = npt.NDArray[np.float64]

_SPREAD = 1e-3
_MIN_COUNT = 4  # fewer may be close by chance
_SIGMOID_OF_1 = 0.7310585786300049


def doubts_of_scores(probability: Floats) -> Iterator[str]:
    """Yield what is doubtful about probabilities: they are all alike, or only 0 and 1.

    Args:
        probability: The scores of some images, without missing ones.
    """
    if len(probability) < _MIN_COUNT:
        return
    low, high = float(probability.min()), float(probability.max())
    if high - low < _SPREAD:
        what = f"are {low:.6g}" if low == high else f"lie between {low:.6g} and {high:.6g}"
        yield (
            f"All {len(probability)} scores {what}: the detector tells no image from another. Are "
            "its weights loaded, and do size, mean, std and output fit it?"
        )
    elif np.isin(probability, (0.0, 1.0)).all():
        yield (
            f"All {len(probability)} scores are 0 or 1: these look like classes. Give the "
            "probability of fake, without a threshold."
        )


def doubts_of_logits(raw: Floats) -> Iterator[str]:
    """Yield why numbers that are called logits may be none.

    Args:
        raw: The numbers as given, without missing ones.
    """
    if len(raw) < _MIN_COUNT or raw.min() < 0:
        return
    if raw.max() <= 1:
        yield (
            "The scores are called logits, but all of them lie within [0, 1], as probabilities "
            "do: their logistic function lies between 0.5 and 0.73. Are they logits?"
        )
    elif raw.max() <= 100:
        yield (
            "The scores are called logits, but none is below 0 and none above 100: every image "
            "has a probability of at least 0.5. Are they percentages?"
        )


def doubts_of_sigmoid(probability: Floats, inverted: bool) -> Iterator[str]:
    """Yield the doubts of ``doubts_of_logits``, seen from the probabilities.

    Args:
        probability: The logistic function of a detector's answers.
        inverted: Whether high answers stand for real.
    """
    values = 1 - probability if inverted else probability
    if len(values) >= _MIN_COUNT and values.min() >= 0.5 and values.max() <= _SIGMOID_OF_1 + 1e-9:
        yield (
            "The detector's answers are taken as logits, but all of them lie within [0, 1], as "
            "probabilities do. If they are probabilities, remove 'logits: true' or 'output: "
            "sigmoid' from --detector-config."
        )
