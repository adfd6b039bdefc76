"""Log odds to probabilities, by a line that is fitted on people who were not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datagen.detectors.baseline.logistic import fit_logistic

__all__ = ["Calibration", "fit_calibration"]

_PENALTY = 1.0  # keeps the slope finite, and scores from being exactly 1, where classes are apart
_LOWEST = 1e-3  # a slope: a detector that answers at random keeps the order of its scores
_LARGEST = 1e6


@dataclass(frozen=True, slots=True)
class Calibration:
    """The line of Platt (1999): log odds become ``slope * log_odds + offset``.

    Attributes:
        slope: Above 0: the order of scores stays.
        offset: Log odds that are added.
    """

    slope: float
    offset: float

    def probability(self, log_odds: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the probability of label 1."""
        from scipy.special import expit

        return np.asarray(expit(self.slope * log_odds + self.offset), np.float64)

    def to_list(self) -> list[float]:
        """Return slope and offset, for a model file."""
        return [self.slope, self.offset]

    @classmethod
    def of(cls, numbers: Sequence[float]) -> Calibration:
        """Return the calibration of a model file.

        Raises:
            ValueError: The numbers are not slope and offset of a calibration.
        """
        slope, offset = (float(number) for number in numbers)
        if not (0 < slope <= _LARGEST and abs(offset) <= _LARGEST):
            raise ValueError(
                f"calibration: expected a slope above 0 and an offset, both within {_LARGEST:g}"
            )
        return cls(slope, offset)


def fit_calibration(log_odds: NDArray[np.floating], labels: NDArray[np.integer]) -> Calibration:
    """Fit the line, both labels with half of the weight.

    Args:
        log_odds: Log odds ``(n,)`` of images of people that the detector was not trained on.
        labels: Labels ``(n,)``, 0 and 1, both present.
    """
    fitted = fit_logistic(np.asarray(log_odds, np.float64)[:, None], labels, _PENALTY)
    slope = float(fitted.weights[0] / fitted.scale[0])
    offset = float(fitted.bias - slope * fitted.mean[0])
    if slope < _LOWEST:
        return Calibration(_LOWEST, -_LOWEST * float(np.mean(log_odds)))
    return Calibration(min(slope, _LARGEST), float(np.clip(offset, -_LARGEST, _LARGEST)))
