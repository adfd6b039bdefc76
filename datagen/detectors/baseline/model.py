"""The reference detector: features that are fixed, weights that are a ridge regression's."""

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
from datagen.core.stats import auc
from datagen.detectors.baseline.features import FEATURES_VERSION, feature_count, features_of
from datagen.detectors.baseline.logistic import Logistic, fit_logistic
from datagen.detectors.errors import DetectorError
from datagen.errors import ReleaseError

__all__ = ["FOLDS", "BaselineModel", "Trained", "train_baseline"]

_FORMAT = "datagen.probe"
_RIDGES = (1.0, 10.0, 100.0, 1000.0)
FOLDS = 5


@dataclass(frozen=True, slots=True)
class BaselineModel:
    """A trained probe.

    Attributes:
        trained_on: Name, version and digest of the release.
    """

    logistic: Logistic
    ridge: float
    trained_on: dict[str, Any]

    def answers(self, images: list[Image]) -> NDArray[np.float64]:
        """Return the probabilities of fake for decoded images."""
        return self.logistic.probability(np.stack([features_of(image) for image in images]))

    def to_json(self) -> str:
        """Return the text of ``probe.json``; floats are exact."""
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
        """Read ``probe.json``.

        Raises:
            DetectorError: It is none, or of other features than this datagen has.
        """
        where = f"--detector {path}"
        try:
            body = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DetectorError(f"{where}: is no JSON: {error}") from None
        if not isinstance(body, dict) or body.get("format") != _FORMAT:
            raise DetectorError(f"{where}: is no model of 'datagen probe'")
        if body.get("features") != FEATURES_VERSION:
            raise DetectorError(
                f"{where}: was trained on features of version {body.get('features')!r}, this "
                f"datagen has {FEATURES_VERSION}: train it again with 'datagen probe'"
            )
        return cls(_logistic(body, where), float(body["ridge"]), dict(body["trained_on"]))


def _logistic(body: dict[str, Any], where: str) -> Logistic:
    try:
        arrays = {key: np.asarray(body[key], np.float64) for key in ("mean", "scale", "weights")}
        model = Logistic(**arrays, bias=float(body["bias"]))
        _ = float(body["ridge"]), dict(body["trained_on"])
    except (KeyError, TypeError, ValueError) as error:
        raise DetectorError(f"{where}: is damaged: {type(error).__name__}: {error}") from None
    count = feature_count()
    for key, array in arrays.items():
        if array.shape != (count,) or not np.isfinite(array).all():
            raise DetectorError(f"{where}: is damaged: {key}: want {count} numbers")
    return model


@dataclass(frozen=True, slots=True)
class Trained:
    """What training gives.

    Attributes:
        held_out: A score for each row of training, from a model that has not seen the target's
            person.
    """

    model: BaselineModel
    held_out: NDArray[np.float64]


def train_baseline(
    rows: NDArray[np.floating], train: pd.DataFrame, trained_on: dict[str, Any]
) -> Trained:
    """Train on the rows of a manifest; the ridge is chosen across people.

    Args:
        rows: ``(n, features)``.
        train: Their rows of the manifest: ``label`` and ``identity_id`` are read.
        trained_on: See ``ProbeModel``.

    Raises:
        ReleaseError: Reals or fakes are lacking, or there are too few people to hold any out.
    """
    labels = train["label"].to_numpy()
    folds = _folds(train["identity_id"])
    for fold in range(FOLDS):
        if len(set(labels[folds != fold])) < 2 or len(set(labels[folds == fold])) < 2:
            raise ReleaseError(
                f"split 'train' has {train['identity_id'].nunique()} people in {len(train)} "
                f"images with a usable face: want reals and fakes of {FOLDS} or more people"
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
    return Trained(BaselineModel(model, best, trained_on), tried[best])


def _folds(people: pd.Series[str]) -> NDArray[np.int64]:
    """Deal people to folds by the hash of their name, evenly."""
    order = sorted(set(people), key=lambda name: digest_of(["fold", name]))
    fold = {name: place % FOLDS for place, name in enumerate(order)}
    return np.asarray([fold[name] for name in people], np.int64)
