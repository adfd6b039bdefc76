"""Logistic regression with a ridge penalty, by Newton's method: small, exact, deterministic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Logistic", "fit_logistic"]

_STEPS = 50
_DONE = 1e-8
_FLAT = 1e-6


@dataclass(frozen=True, slots=True)
class Logistic:
    """A fitted model.

    Attributes:
        mean, scale: Arrays ``(features,)`` that standardize a row.
        weights: Weights ``(features,)`` of the standardized features.
        bias: Intercept.
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    weights: NDArray[np.float64]
    bias: float

    def probability(self, rows: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the probability of label 1 for rows ``(n, features)``."""
        standard = (np.asarray(rows, np.float64) - self.mean) / self.scale
        return _sigmoid(standard @ self.weights + self.bias)


def _sigmoid(value: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.special import expit

    return np.asarray(expit(value), np.float64)


def fit_logistic(
    rows: NDArray[np.floating], labels: NDArray[np.integer] | Sequence[int], ridge: float
) -> Logistic:
    """Fit by iteratively reweighted least squares with halved steps.

    Args:
        rows: Finite features ``(n, features)``.
        labels: Labels ``(n,)``, 0 and 1, both present. Each class has half of the total weight.
        ridge: Penalty on the squares of the standardized weights, in units of rows.
    """
    data = np.asarray(rows, np.float64)
    goal = np.asarray(labels, np.float64)
    mean, scale = data.mean(axis=0), data.std(axis=0)
    scale = np.where(scale > _FLAT, scale, 1.0)
    share = goal.mean()
    weight = np.where(goal == 1, 0.5 / share, 0.5 / (1 - share))
    standard = (data - mean) / scale
    weights, bias = _newton(standard, goal, weight, ridge)
    return Logistic(mean, scale, weights, bias)


def _newton(
    rows: NDArray[np.float64], goal: NDArray[np.float64], weight: NDArray[np.float64], ridge: float
) -> tuple[NDArray[np.float64], float]:
    standard = np.column_stack([rows, np.ones(len(rows))])
    penalty = np.full(standard.shape[1], ridge)
    penalty[-1] = 1e-6  # free, except for what keeps the system solvable
    found = np.zeros(standard.shape[1])
    loss = _loss(standard, goal, weight, penalty, found)
    for _ in range(_STEPS):
        guess = _sigmoid(standard @ found)
        slope = standard.T @ (weight * (guess - goal)) + penalty * found
        curve = (standard.T * (weight * guess * (1 - guess))) @ standard + np.diag(penalty)
        step = np.linalg.solve(curve, slope)
        length, before = 1.0, loss
        while (loss := _loss(standard, goal, weight, penalty, found - length * step)) > before:
            length /= 2
            if length < _DONE:
                return found[:-1], float(found[-1])
        found = found - length * step
        if before - loss < _DONE * before:
            break
    return found[:-1], float(found[-1])


def _loss(
    standard: NDArray[np.float64],
    goal: NDArray[np.float64],
    weight: NDArray[np.float64],
    penalty: NDArray[np.float64],
    found: NDArray[np.float64],
) -> float:
    logit = standard @ found
    misfit = np.logaddexp(0, logit) - goal * logit
    return float(weight @ misfit + 0.5 * penalty @ np.square(found))
