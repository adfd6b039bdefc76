"""Training of the network form of the baseline detector."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from datagen.core.arrays import Image
from datagen.core.images import read_rgb
from datagen.detectors.baseline.calibration import Calibration
from datagen.detectors.baseline.folds import folds_of
from datagen.detectors.baseline.inputs import Inputs
from datagen.detectors.baseline.network_model import NetworkModel
from datagen.detectors.baseline.residual_network import (
    EPOCHS,
    TrainingSet,
    log_odds,
    train_network,
)

__all__ = ["train_network_form"]

_SEED = 0


def train_network_form(
    inputs: Inputs,
    trained_on: dict[str, Any],
    calibrate: Callable[[NDArray[np.float64], NDArray[np.bool_]], Calibration],
    on_epoch: Callable[[int, float], None],
) -> tuple[NetworkModel, NDArray[np.float64]]:
    """Train on split train, of which a fifth of the identities says when to stop.

    Args:
        inputs: Encoded images or frames.
        trained_on: See ``NetworkModel``.
        calibrate: Fits the calibration, from log odds and which of them are of held-out people.
        on_epoch: See ``train_network``.

    Returns:
        The model, and the probability of each input; NaN for those of split train.

    Raises:
        ReleaseError: Split train has too few identities.
    """
    each = inputs.rows.iloc[inputs.places]
    train = np.flatnonzero(each["split"] == "train")
    rows = each.iloc[train]
    held = folds_of(rows) == 0

    def image(number: int) -> Image:
        return read_rgb(inputs.given[number])

    data = TrainingSet(
        lambda number: image(int(train[number])),
        rows["label"].to_numpy(np.int64),
        np.asarray(pd.factorize(rows["pair_id"])[0], np.int64),
        held,
    )
    network = train_network(data, _SEED, EPOCHS, on_epoch)
    odds = np.full(len(each), np.nan)
    others = np.flatnonzero(each["split"] != "train")
    of_held = np.zeros(len(each), bool)
    of_held[train[held]] = True
    for number in (*others, *np.flatnonzero(of_held)):
        odds[number] = log_odds(network, [image(int(number))])[0]
    calibration = calibrate(odds, of_held)
    found = calibration.probability(odds)
    found[train] = np.nan
    return NetworkModel(network, calibration, trained_on), found
