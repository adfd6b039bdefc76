"""One training and its scores on test sets, each kept, so that a stopped run goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from datagen.core.digests import digest_of
from datagen.core.files import staged
from datagen.core.images import decode

from .foreign import FOREIGN_VERSION
from .geometry import Array
from .measures import sharpness
from .releases import TrainingData
from .spectral import SPECTRAL_VERSION, Boosted, features
from .test_sets import TestSet

__all__ = ["DETECTORS", "DetectorName", "Training"]

DetectorName: TypeAlias = Literal["spectral", "network"]
DETECTORS: tuple[DetectorName, ...] = ("spectral", "network")


@dataclass(frozen=True, slots=True)
class Training:
    """One detector on one set of training data.

    Attributes:
        name: Name of the configuration.
        data: What it trains on.
        detector: ``spectral`` or ``network``.
        seed: Seed of the training.
        epochs: The most epochs of the network.
        paired: Whether the images of a pair come in one batch.
        cache: Where scores, networks and features of test sets are kept.
    """

    name: str
    data: TrainingData
    detector: DetectorName
    seed: int
    epochs: int
    paired: bool
    cache: Path

    @property
    def key(self) -> str:
        """Names the training: equal keys, equal scores."""
        kinds = sorted(set(self.data.rows["kind"]))
        facts: list[Any] = [self.data.key, kinds, self.detector, self.seed]
        if self.detector == "network":
            from .network import NETWORK_VERSION

            facts += [NETWORK_VERSION, self.epochs, self.paired]
        else:
            facts += [SPECTRAL_VERSION]
        return digest_of(facts)[:16]

    def scores(self, sets: Sequence[TestSet], people: str, each: int) -> pd.DataFrame:
        """Return a row per image of the test sets; trains if some have no scores yet."""
        paths = {
            (one.part, one.kind): self.cache
            / "scores"
            / f"{self.key}-{people}-{one.part}-{one.kind}-{each}-v{FOREIGN_VERSION}.parquet"
            for one in sets
        }
        missing = [one for one in sets if not paths[one.part, one.kind].is_file()]
        if missing:
            scorer = self._trained()
            for one in missing:
                path = paths[one.part, one.kind]
                path.parent.mkdir(parents=True, exist_ok=True)
                given = self._given(one, f"{people}-{one.part}-{one.kind}-{each}")
                with staged(path) as target:
                    self._scored(scorer, one, given).to_parquet(target)
        found = [pd.read_parquet(path) for path in paths.values()]
        facts: dict[str, str | int] = {
            "configuration": self.name,
            "people": people,
            "detector": self.detector,
            "seed": self.seed,
            "training": self.key,
        }
        return pd.concat(found, ignore_index=True).assign(**facts)

    def _scored(self, scorer: Any, test: TestSet, given: Array) -> pd.DataFrame:
        rows = test.rows.drop(columns=["jpeg"]).assign(part=test.part)
        sharp = [sharpness(decode(data)) for data in test.rows["jpeg"]]
        return rows.assign(score=scorer(given), sharpness=sharp)

    def _given(self, test: TestSet, name: str) -> Array:
        """Return what the detector is given of a test set; features are kept for all trainings."""
        if self.detector == "network":
            return np.stack([decode(data) for data in test.rows["jpeg"]])
        versions = f"v{FOREIGN_VERSION}-v{SPECTRAL_VERSION}"
        path = self.cache / "features" / f"test-{name}-{versions}.npy"
        if not path.is_file():
            found = np.stack([features(decode(data)) for data in test.rows["jpeg"]])
            path.parent.mkdir(parents=True, exist_ok=True)
            with staged(path) as target, target.open("wb") as file:
                np.save(file, found)
        return np.asarray(np.load(path), np.float32)

    def _trained(self) -> Any:
        if self.detector == "spectral":
            model = Boosted(self.seed)
            model.fit(self.data.features(), self.data.labels)
            return model.scores
        from .network import load_or_train, score

        path = self.cache / "networks" / f"{self.key}.pt"
        network = load_or_train(path, self.data, self.paired, self.seed, self.epochs)
        return lambda images: score(network, images)
