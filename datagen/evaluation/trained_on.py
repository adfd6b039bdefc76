"""Refusing to evaluate a detector on what it was trained on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from datagen.core.spelling import spelling
from datagen.core.yaml_io import parse_yaml
from datagen.errors import ReleaseError, UserError
from datagen.evaluation.rows import read_rows
from datagen.release.reader import Release
from datagen.release.scores import first_ids

__all__ = ["refuse_trained_on"]

# val selected the weights that were kept: it counts as training data.
TRAINING_SPLITS = ("train", "val")

_CARD = re.compile(r"rights/cards/[a-z0-9_-]{1,128}\.yaml")


def refuse_trained_on(release: Release, manifest: Any, split: str, training: Release) -> None:
    """Check that a split shares no identity and no source image with a training release.

    Args:
        release: The scored release.
        manifest: Its rows, with ``identity_id`` and ``source_sha256``.
        split: The split to check.
        training: The release that the detector was trained on; its splits train and val count,
            including donors.

    Raises:
        UserError: They share some, or the training release has neither train nor val.
    """
    columns = ("split", "identity_id", "donor_identity_id", "source_sha256")
    trained = read_rows(training, columns)
    trained = trained.filter(pc.is_in(trained.column("split"), value_set=pa.array(TRAINING_SPLITS)))
    if not trained.num_rows:
        raise UserError(
            f"--trained-on {training.folder}: has no split {' or '.join(TRAINING_SPLITS)}: "
            "name the release that the detector was trained on"
        )
    evaluated = manifest.filter(pc.equal(manifest.column("split"), split))
    identities = pa.chunked_array(
        [*trained.column("identity_id").chunks, *trained.column("donor_identity_id").chunks],
        pa.string(),
    )
    for what, column, known in (
        ("identities", "identity_id", identities),
        ("source images", "source_sha256", trained.column("source_sha256")),
    ):
        own = pc.unique(evaluated.column(column))
        shared = _shared(own, pc.unique(known))
        if what == "identities":
            shared = shared.filter(pc.invert(_namesakes(shared, release, training)))
        if len(shared):
            raise UserError(
                f"split {split!r} shares {len(shared)} of its {len(own)} {what} with train and val "
                f"of the training release {training.folder} ({training.record['name']}, version "
                f"{training.record['version']}): {first_ids(shared)}. Evaluate a detector on a "
                "split that it was not trained on"
            )


def _shared(own: Any, known: Any) -> Any:
    """Return the names that are known, in whatever form someone typed them."""
    forms = {spelling(name) for name in known.to_pylist() if name is not None}
    return pa.array([name for name in own.to_pylist() if spelling(name) in forms], pa.string())


def _namesakes(identities: Any, one: Release, other: Release) -> Any:
    """Return which ids name different identities in the two releases.

    Procedural identities are numbered: with another seed the same number is another identity.
    """
    first, second = _seeds(one), _seeds(other)
    sources = pc.list_element(pc.split_pattern(identities, "/", max_splits=1), 0)
    apart = [name for name in first if name in second and first[name] != second[name]]
    return pc.is_in(sources, value_set=pa.array(apart, pa.string()))


def _seeds(release: Release) -> dict[str, int]:
    """Return the seeds of a release's procedural sources by source id."""
    try:
        recipe = _yaml(release, "recipe.yaml")
    except FileNotFoundError:
        return {}  # then equal ids count as the same identity
    seeds = {}
    for source in recipe.get("sources") or ():
        named = str(source.get("card")) if isinstance(source, Mapping) else ""
        if not _CARD.fullmatch(named):
            raise ReleaseError(
                f"{release.folder}/recipe.yaml: sources: expected cards in rights/cards/"
            )
        card = _yaml(release, named)
        options = {**(card.get("options") or {}), **(source.get("options") or {})}
        if card.get("layout") == "procedural" and isinstance(options.get("seed"), int):
            seeds[str(card.get("id"))] = options["seed"]
    return seeds


def _yaml(release: Release, name: str) -> Mapping[str, Any]:
    where = f"{release.folder}/{name}"
    try:
        text = release.folder.read(name).decode("utf-8")
    except UnicodeDecodeError:
        raise ReleaseError(f"{where}: not UTF-8", path=where) from None
    value = parse_yaml(text, where, ReleaseError)
    if not isinstance(value, Mapping):
        raise ReleaseError(f"{where}: expected keys and values", path=where)
    return value
