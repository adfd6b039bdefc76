"""The baseline detector on a release: inputs in parallel, one training, scores and a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datagen.detectors.baseline.calibration import Calibration, fit_calibration
from datagen.detectors.baseline.forms import network_form
from datagen.detectors.baseline.inputs import FeaturesOfShard, ImagesOfShard, Inputs, join
from datagen.detectors.baseline.result import BaselineModel, BaselineResult, by_method
from datagen.detectors.baseline.spectral import train_spectral
from datagen.detectors.postprocess import Answer
from datagen.detectors.shards import (
    OnProgress,
    ReleasedShard,
    answer_table,
    release_facts,
    run_shards,
    shards_of,
)
from datagen.engine import Engine
from datagen.errors import ReleaseError, UserError
from datagen.release.reader import Release

__all__ = ["run_baseline"]

_SHOWN = 3
_OWN = ("train", "val")  # the splits that training and calibration need


def run_baseline(
    release: Release,
    splits: Sequence[str] | None,
    engine: Callable[[], Engine],
    on_progress: OnProgress,
    on_epoch: Callable[[int, float], None] | None = None,
) -> BaselineResult:
    """Train the baseline detector on split train, calibrate it on val and score other splits.

    Args:
        release: A release with a split train.
        splits: The splits to score; by default val and test, where they exist.
        engine: Returns the engine that reads the images.
        on_progress: Called with what is finished and all, see ``OnProgress``.
        on_epoch: Trains the network form, and is called with the finished epochs and the AUC on
            people that it does not train on; ``None`` trains the spectral form.

    Raises:
        ReleaseError: The release has no split train, too few identities in it, or not all of
            ``splits``.
        UserError: Scores of split train are asked of the network form.
        RunError: Some shards failed.
    """
    if "train" not in release.splits:
        raise ReleaseError(
            f"{release.folder}: the release has no split 'train' to train on. Score it with a "
            "model trained on another release: datagen score OUT --detector baseline.json"
        )
    if splits is None:
        splits = [split for split in release.splits if split != "train"]
    if on_epoch is not None and "train" in splits:
        raise UserError(
            "--split train: the network was trained on those people, so that its scores of them "
            "say nothing. Leave out the split, or --network: the other form is trained several "
            "times, each time without the people that it then scores"
        )
    if on_epoch is not None:
        network_form("train_network")  # before anything is read
    wanted = [split for split in release.splits if split in _OWN or split in splits]
    shards = shards_of(release, list(dict.fromkeys([*wanted, *splits])))
    make = FeaturesOfShard if on_epoch is None else ImagesOfShard
    found: dict[ReleasedShard, Inputs] = {}
    done, total = 0, sum(shard.work for shard in shards)
    on_progress(0, total)
    for shard, inputs in run_shards(engine, make(release.folder), shards):
        found[shard] = inputs
        done += shard.work
        on_progress(done, total)
    return _trained(release_facts(release), join([found[one] for one in shards]), splits, on_epoch)


def _trained(
    release: dict[str, Any],
    inputs: Inputs,
    splits: Sequence[str],
    on_epoch: Callable[[int, float], None] | None,
) -> BaselineResult:
    each = inputs.rows.iloc[inputs.places]
    calibrate = _Calibrator(each["label"].to_numpy(), (each["split"] == "val").to_numpy())
    model: BaselineModel
    if on_epoch is None:
        model, found = train_spectral(inputs, release, calibrate)
    else:
        train = network_form("train_network").train_network_form
        model, found = train(inputs, release, calibrate, on_epoch)
    counts = np.bincount(inputs.places, minlength=len(inputs.rows))
    with np.errstate(invalid="ignore"):  # nothing of an image that cannot be used
        scores = np.bincount(inputs.places, found, len(inputs.rows)) / counts
    rows = inputs.rows.assign(score=scores)
    asked = rows["split"].isin(splits).to_numpy()
    answers = [
        answer or Answer(float(score))
        for answer, score, is_asked in zip(inputs.answers, scores, asked, strict=True)
        if is_asked
    ]
    problems = Counter(f"{a.status}: {a.detail}" for a in answers if a.status != "ok")
    scored = rows[asked]
    return BaselineResult(
        model,
        answer_table(scored, answers),
        list(by_method(scored, splits)),
        problems.most_common(_SHOWN),
        release,
        int(((rows["split"] == "train") & (rows["label"] == 1) & (counts > 0)).sum()),
    )


class _Calibrator:
    """Fits the calibration on val, or where there is none on people who were held out.

    Args:
        labels: Label of each image or frame.
        val: Whether it is of split val.
    """

    def __init__(self, labels: NDArray[np.integer], val: NDArray[np.bool_]) -> None:
        self._labels = labels
        self._val = val

    def __call__(self, log_odds: NDArray[np.float64], held: NDArray[np.bool_]) -> Calibration:
        """Return the calibration; ``held`` are the images of held-out people of train."""
        has_val = len(set(self._labels[self._val])) > 1
        chosen = self._val if has_val else held
        return fit_calibration(log_odds[chosen], self._labels[chosen])
