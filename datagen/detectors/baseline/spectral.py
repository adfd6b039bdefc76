"""The spectral form of the baseline detector: fixed features and boosted trees."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Image
from datagen.core.json_io import read_json
from datagen.detectors.baseline.boosting import Trees, fit_trees
from datagen.detectors.baseline.calibration import Calibration
from datagen.detectors.baseline.features import FEATURES_VERSION, feature_count, features_of
from datagen.detectors.baseline.folds import FOLDS, folds_of
from datagen.detectors.baseline.inputs import Inputs
from datagen.errors import DetectorError

__all__ = ["SpectralModel", "train_spectral"]

_FORMAT = "datagen.baseline"
_FORMER = "datagen.probe"
_TEXT = 200  # of a damaged file, in a message
_LARGEST = 1e12  # of a number of a model; features are far smaller, and so is what is fitted
_SEED = 0
_MOST_BYTES = 8 << 20  # ours have a twentieth of it


@dataclass(frozen=True, slots=True)
class SpectralModel:
    """A trained model.

    Attributes:
        trees: The trees.
        calibration: Makes probabilities of their log odds.
        trained_on: Name, version and digests of the release it was trained on.
    """

    trees: Trees
    calibration: Calibration
    trained_on: dict[str, Any]

    def probabilities(self, images: list[Image]) -> NDArray[np.float64]:
        """Return the probabilities of fake of decoded images."""
        rows = np.stack([features_of(image) for image in images])
        return self.calibration.probability(self.trees.log_odds(rows))

    def to_bytes(self) -> bytes:
        """Return the content of the model file, JSON; floats are exact."""
        body: dict[str, Any] = {
            "format": _FORMAT,
            "features": FEATURES_VERSION,
            "trained_on": self.trained_on,
            "calibration": self.calibration.to_list(),
            "bias": self.trees.bias,
        }
        body |= {name: getattr(self.trees, name).tolist() for name in _ARRAYS}
        lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in body.items()]
        return ("{\n" + ",\n".join(lines) + "\n}\n").encode()

    @classmethod
    def read(cls, path: str) -> SpectralModel:
        """Read a model file.

        Raises:
            DetectorError: The file is not a model, or is one for other features.
        """
        where = f"detector {path}"
        body = read_json(Path(path), where, DetectorError, _MOST_BYTES)
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
    def _of(cls, body: dict[str, Any]) -> SpectralModel:
        arrays: dict[str, Any] = {}
        for name in _ARRAYS:
            whole = np.asarray(body[name], np.float64)
            if whole.ndim != 1 or not (np.abs(whole) <= _LARGEST).all():
                raise ValueError(f"{name}: expected a list of numbers within {_LARGEST:g}")
            is_real = name in ("threshold", "value")
            if not is_real and not np.array_equal(whole, np.rint(whole)):
                raise ValueError(f"{name}: expected whole numbers")
            arrays[name] = whole if is_real else whole.astype(np.int64)
        bias = float(body["bias"])
        if not abs(bias) <= _LARGEST:
            raise ValueError(f"bias: expected a number within {_LARGEST:g}")
        trees = Trees(bias, **arrays)
        trees.check(feature_count())
        return cls(trees, Calibration.of(body["calibration"]), dict(body["trained_on"]))


_ARRAYS = [field.name for field in fields(Trees) if field.name != "bias"]


def train_spectral(
    inputs: Inputs,
    trained_on: dict[str, Any],
    calibrate: Callable[[NDArray[np.float64], NDArray[np.bool_]], Calibration],
) -> tuple[SpectralModel, NDArray[np.float64]]:
    """Train on split train, once on all and once without each fold of the identities.

    Args:
        inputs: Features of images or frames.
        trained_on: See ``SpectralModel``.
        calibrate: Fits the calibration, from log odds and which of them are of held-out people.

    Returns:
        The model, and the probability of each input; those of split train are of the models that
        were trained without the identity.

    Raises:
        ReleaseError: Split train has too few identities.
    """
    features = np.stack(inputs.given)
    each = inputs.rows.iloc[inputs.places]
    train = (each["split"] == "train").to_numpy()
    own, labels = features[train], each["label"].to_numpy(np.int64)[train]
    folds = folds_of(each[train])
    trees = fit_trees(own, labels, _SEED)
    held = np.empty(len(own))
    for fold in range(FOLDS):
        rest = fit_trees(own[folds != fold], labels[folds != fold], _SEED)
        held[folds == fold] = rest.log_odds(own[folds == fold])
    odds = np.empty(len(features))
    odds[train] = held
    odds[~train] = trees.log_odds(features[~train])
    calibration = calibrate(odds, train)
    return SpectralModel(trees, calibration, trained_on), calibration.probability(odds)
