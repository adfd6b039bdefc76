"""Logistic regression with a ridge, by Newton's method: small, exact, the same every time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Logistic", "fit_logistic", "sigmoid"]

_STEPS = 50
_DONE = 1e-8
_FLAT = 1e-6


@dataclass(frozen=True, slots=True)
class Logistic:
    """A fitted model.

    Attributes:
        mean, scale: ``(features,)``: how a row is standardized.
        weights: ``(features,)`` on the standardized row.
        bias: Added to their sum.
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    weights: NDArray[np.float64]
    bias: float

    def probability(self, rows: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the probability of label 1 for rows ``(n, features)``."""
        standard = (np.asarray(rows, np.float64) - self.mean) / self.scale
        return sigmoid(standard @ self.weights + self.bias)


def sigmoid(value: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the logistic function without overflow."""
    small = np.exp(-np.abs(value))
    return np.where(value >= 0, 1 / (1 + small), small / (1 + small))


def fit_logistic(
    rows: NDArray[np.floating], labels: NDArray[np.integer] | Sequence[int], ridge: float
) -> Logistic:
    """Fit by iteratively reweighted least squares with halved steps.

    Args:
        rows: ``(n, features)``, finite.
        labels: ``(n,)`` of 0 and 1, both there. Each class has half of the weight.
        ridge: Penalty on the square of the standardized weights, as a number of rows.
    """
    data = np.asarray(rows, np.float64)
    goal = np.asarray(labels, np.float64)
    mean, scale = data.mean(axis=0), data.std(axis=0)
    scale = np.where(scale > _FLAT, scale, 1.0)
    share = goal.mean()
    weight = np.where(goal == 1, 0.5 / share, 0.5 / (1 - share))
    standard = (data - mean) / scale
    basis = None
    if standard.shape[0] < standard.shape[1]:
        # Weights lie in the span of the rows: a smaller system has the same answer.
        basis, triangle = np.linalg.qr(standard.T)
        standard = triangle.T
    weights, bias = _newton(standard, goal, weight, ridge)
    return Logistic(mean, scale, weights if basis is None else basis @ weights, bias)


def _newton(
    rows: NDArray[np.float64], goal: NDArray[np.float64], weight: NDArray[np.float64], ridge: float
) -> tuple[NDArray[np.float64], float]:
    standard = np.column_stack([rows, np.ones(len(rows))])
    penalty = np.full(standard.shape[1], ridge)
    penalty[-1] = 1e-6  # the bias is free, but for what keeps the system solvable
    found = np.zeros(standard.shape[1])
    loss = _loss(standard, goal, weight, penalty, found)
    for _ in range(_STEPS):
        guess = sigmoid(standard @ found)
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
