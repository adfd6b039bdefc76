"""The baseline detector: fixed features, weights of a ridge-penalized logistic regression."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from datagen.core.arrays import Image
from datagen.core.digests import digest_of
from datagen.core.json_io import read_json
from datagen.core.stats import auc
from datagen.detectors.baseline.features import FEATURES_VERSION, feature_count, features_of
from datagen.detectors.baseline.logistic import Logistic, fit_logistic
from datagen.errors import DetectorError, ReleaseError

__all__ = ["FOLDS", "BaselineModel", "TrainedBaseline", "train_baseline"]

_FORMAT = "datagen.baseline"
_FORMER = "datagen.probe"
_RIDGES = (1.0, 10.0, 100.0, 1000.0)
FOLDS = 5
_TEXT = 200  # of a damaged file, in a message
_LARGEST = 1e12  # of a number of a model; features are far smaller, and so is what is fitted


@dataclass(frozen=True, slots=True)
class BaselineModel:
    """A trained baseline detector.

    Attributes:
        logistic: The fitted regression.
        ridge: Its penalty.
        trained_on: Name, version and digests of the release it was trained on.
    """

    logistic: Logistic
    ridge: float
    trained_on: dict[str, Any]

    def probabilities(self, images: list[Image]) -> NDArray[np.float64]:
        """Return the probabilities of fake of decoded images."""
        return self.logistic.probability(np.stack([features_of(image) for image in images]))

    def to_json(self) -> str:
        """Return the text of the model file; floats are exact."""
        body = {
            "format": _FORMAT,
            "features": FEATURES_VERSION,
            "trained_on": self.trained_on,
            "ridge": self.ridge,
            "bias": self.logistic.bias,
            "weights": self.logistic.weights.tolist(),
            "mean": self.logistic.mean.tolist(),
            "scale": self.logistic.scale.tolist(),
        }
        return json.dumps(body, indent=1) + "\n"

    @classmethod
    def read(cls, path: str) -> BaselineModel:
        """Read a model file.

        Raises:
            DetectorError: The file is not a model, or is one for other features.
        """
        where = f"detector {path}"
        body = read_json(Path(path), where, DetectorError)
        found = body.get("format") if isinstance(body, dict) else None
        if found != _FORMAT:
            problem = "is not a model of 'datagen baseline'"
            if found == _FORMER:
                problem = "is a model of 'datagen probe', which is now called 'datagen baseline'"
                problem += ": train it again"
            raise DetectorError(f"{where}: {problem}", path=path)
        if body.get("features") != FEATURES_VERSION:
            raise DetectorError(
                f"{where}: was trained on features of version {str(body.get('features'))[:_TEXT]}; "
                f"this datagen has version {FEATURES_VERSION}: train it again with 'datagen "
                "baseline'",
                path=path,
                key="features",
            )
        try:
            return cls._of(body)
        except (KeyError, OverflowError, TypeError, ValueError) as error:
            problem = f"{type(error).__name__}: {str(error)[:_TEXT]}"
            raise DetectorError(f"{where}: is damaged: {problem}", path=path) from None

    @classmethod
    def _of(cls, body: dict[str, Any]) -> BaselineModel:
        arrays = {key: np.asarray(body[key], np.float64) for key in ("mean", "scale", "weights")}
        numbers = {key: float(body[key]) for key in ("bias", "ridge")}
        count = feature_count()
        for key, array in arrays.items():
            if array.shape != (count,) or not (np.abs(array) <= _LARGEST).all():
                raise ValueError(f"{key}: expected {count} numbers within {_LARGEST:g}")
        if not (arrays["scale"] >= 1 / _LARGEST).all():
            raise ValueError(f"scale: expected numbers of at least {1 / _LARGEST:g}")
        for key, number in numbers.items():
            if not abs(number) <= _LARGEST:
                raise ValueError(f"{key}: expected a number within {_LARGEST:g}")
        logistic = Logistic(**arrays, bias=numbers["bias"])
        return cls(logistic, numbers["ridge"], dict(body["trained_on"]))


@dataclass(frozen=True, slots=True)
class TrainedBaseline:
    """The result of training.

    Attributes:
        model: The model, trained on all rows.
        held_out: A score per training row, from a model that was not trained on its identity.
    """

    model: BaselineModel
    held_out: NDArray[np.float64]


def train_baseline(
    rows: NDArray[np.floating], train: pd.DataFrame, trained_on: dict[str, Any]
) -> TrainedBaseline:
    """Train on rows of a manifest; the ridge penalty is cross-validated over identities.

    Args:
        rows: Features ``(n, features)``.
        train: The same rows of the manifest, with the columns ``label`` and ``identity_id``.
        trained_on: See ``BaselineModel``.

    Raises:
        ReleaseError: There are no reals, no fakes, or too few identities for cross-validation.
    """
    labels = train["label"].to_numpy()
    folds = _folds(train["identity_id"])
    for fold in range(FOLDS):
        if len(set(labels[folds != fold])) < 2 or len(set(labels[folds == fold])) < 2:
            raise ReleaseError(
                f"split 'train' has {train['identity_id'].nunique()} identities in {len(train)} "
                f"usable images: expected reals and fakes of at least {FOLDS} identities"
            )
    tried: dict[float, NDArray[np.float64]] = {}
    for ridge in _RIDGES:
        scores = np.empty(len(rows))
        for fold in range(FOLDS):
            model = fit_logistic(rows[folds != fold], labels[folds != fold], ridge)
            scores[folds == fold] = model.probability(rows[folds == fold])
        tried[ridge] = scores
    best = max(_RIDGES, key=lambda r: (auc(tried[r][labels == 0], tried[r][labels == 1]), r))
    model = fit_logistic(rows, labels, best)
    return TrainedBaseline(BaselineModel(model, best, trained_on), tried[best])


def _folds(identities: pd.Series[str]) -> NDArray[np.int64]:
    """Assign identities to folds evenly, in the order of a hash of their ids."""
    order = sorted(set(identities), key=lambda name: digest_of(["fold", name]))
    fold = {name: place % FOLDS for place, name in enumerate(order)}
    return np.asarray([fold[name] for name in identities], np.int64)
