"""Training releases and their images, each made once and kept by the digest of its recipe."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import datagen
from datagen.core.digests import digest_of
from datagen.core.files import staged
from datagen.errors import ReleaseError
from datagen.release.reader import Release

from .configurations import Configuration, changes_of
from .geometry import Array
from .people import People, recipe_of
from .spectral import SPECTRAL_VERSION, features

__all__ = ["TrainingData", "training_data"]


@dataclass(frozen=True, slots=True)
class TrainingData:
    """The rows to train on.

    Attributes:
        release: The release.
        key: Names what it holds: equal keys, equal images.
        rows: Manifest rows of reals and fakes, and of controls where they are trained on.
        cache: Where features are kept.
    """

    release: Release
    key: str
    rows: pd.DataFrame
    cache: Path

    @property
    def labels(self) -> Array:
        """0 or 1 per row."""
        return self.rows["label"].to_numpy(np.int64)

    @property
    def pairs(self) -> Array:
        """A number per row, equal within a pair."""
        return np.asarray(pd.factorize(self.rows["pair_id"])[0], np.int64)

    @property
    def held(self) -> Array:
        """Whether a row is of the fifth of the identities on which epochs are compared."""
        names = sorted(set(self.rows["identity_id"]), key=lambda name: digest_of(["held", name]))
        held = set(names[: max(1, len(names) // 5)])
        return self.rows["identity_id"].isin(held).to_numpy()

    def images(self) -> Array:
        """Return the images, ``(n, h, w, 3)`` uint8."""
        return np.stack([self.release.image(row) for row in self.rows.to_dict("records")])

    def features(self) -> Array:
        """Return the spectral features of each row, kept by image."""
        path = self.cache / f"features-{self.key}-v{SPECTRAL_VERSION}.parquet"
        if not path.is_file():
            rows = self.release.table(split="train")
            found = [features(self.release.image(row)) for row in rows.to_dict("records")]
            table = pd.DataFrame({"sample_id": rows["sample_id"], "features": found})
            path.parent.mkdir(parents=True, exist_ok=True)
            with staged(path) as target:
                table.to_parquet(target)
        kept = pd.read_parquet(path).set_index("sample_id")["features"]
        return np.stack(list(kept.loc[self.rows["sample_id"]]))


def training_data(
    configuration: Configuration, people: People, cache: Path, workers: int, pairs: int | None
) -> TrainingData:
    """Return what a configuration trains on; its release is made if it is not there.

    Args:
        configuration: The configuration.
        people: Whose faces; those of the parts ``choose`` and ``report`` must not be in it.
        cache: Where releases and features are kept.
        workers: Processes that make the release; with one, this process makes it.
        pairs: Number of pairs instead of the configuration's.

    Raises:
        ReleaseError: A person of the test parts is in the release, or it has no split train.
    """
    if configuration.release is None:
        recipe = recipe_of(people.name, changes_of(configuration, pairs), people.little)
        count = pairs or configuration.pairs
        versions = {one.name: one.version for one in recipe.methods}
        key = f"{digest_of([recipe.digest, versions])[:16]}-{count}"
        options: dict[str, Any] = {"inline": True} if workers < 2 else {"workers": workers}
        release = datagen.generate(recipe, cache / "releases" / key, progress=False, **options)
    else:
        release = Release(configuration.release)
        key = digest_of(release.record["digest"])[:16]
    rows = release.table(split="train")
    _refuse_known(release, rows, people)
    kinds = ["real", "fake", *(["control"] if configuration.controls_as_reals else [])]
    rows = rows[rows["kind"].isin(kinds)].reset_index(drop=True)
    return TrainingData(release, key, rows, cache / "features")


def _refuse_known(release: Release, rows: pd.DataFrame, people: People) -> None:
    tested = people.identities("choose") | people.identities("report")
    names = set(rows["source"].astype(str) + "/" + rows["identity_id"].astype(str))
    names |= set(rows["identity_id"].astype(str))
    if known := sorted(names & tested):
        raise ReleaseError(
            f"{release.folder}: trains on {len(known)} people of the test parts, the first is "
            f"{known[0]}: make the release from the people of part train only"
        )
