"""Refusing to judge a detector on people it has seen."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import yaml

from datagen.errors import UserError
from datagen.evaluation.rows import read_rows
from datagen.release.scores import first_ids
from datagen.release.reader import Release

__all__ = ["refuse_trained_on"]

# val chose the weights that were kept: it has been learned from as well.
LEARNED_FROM = ("train", "val")


def refuse_trained_on(release: Release, manifest: Any, split: str, training: Release) -> None:
    """Make sure that a split shares no person and no photograph with a training release.

    Args:
        release: That is scored.
        manifest: Its rows, with ``identity_id`` and ``source_sha256``.
        split: Which of its splits.
        training: The release that the detector was trained on; its splits train and val count,
            donors too.

    Raises:
        UserError: They share some, or nothing can be learned from the training release.
    """
    columns = ("split", "identity_id", "donor_identity_id", "source_sha256")
    seen = read_rows(training, columns)
    seen = seen.filter(pc.is_in(seen.column("split"), value_set=pa.array(LEARNED_FROM)))
    if not seen.num_rows:
        raise UserError(
            f"--trained-on {training.folder}: has no split {' or '.join(LEARNED_FROM)}: name the "
            "release that the detector was trained on"
        )
    judged = manifest.filter(pc.equal(manifest.column("split"), split))
    people = pa.chunked_array(
        [*seen.column("identity_id").chunks, *seen.column("donor_identity_id").chunks], pa.string()
    )
    for what, column, known in (
        ("people", "identity_id", people),
        ("photographs", "source_sha256", seen.column("source_sha256")),
    ):
        own = pc.unique(judged.column(column))
        shared = own.filter(pc.is_in(own, value_set=pc.unique(known)))
        if what == "people":
            shared = shared.filter(pc.invert(_namesakes(shared, release, training)))
        if len(shared):
            raise UserError(
                f"split {split!r} shares {len(shared)} of its {len(own)} {what} with train and val "
                f"of the training release {training.folder} ({training.record['name']}, version "
                f"{training.record['version']}): {first_ids(shared)}. A detector is not judged on what "
                "it has learned: score a split that it has not seen"
            )


def _namesakes(people: Any, one: Release, other: Release) -> Any:
    """Return which ids name someone else in each release.

    Computed people are numbered: with another seed the same number is another person.
    """
    first, second = _seeds(one), _seeds(other)
    sources = pc.list_element(pc.split_pattern(people, "/", max_splits=1), 0)
    apart = [name for name in first if name in second and first[name] != second[name]]
    return pc.is_in(sources, value_set=pa.array(apart, pa.string()))


def _seeds(release: Release) -> dict[str, int]:
    """Return the seeds of the computed sources of a release by their id."""
    try:
        recipe = yaml.safe_load(release.folder.read("recipe.yaml"))
    except FileNotFoundError:
        return {}  # then its people count as those of the other
    seeds = {}
    for source in recipe["sources"]:
        card = yaml.safe_load(release.folder.read(source["card"]))
        options = (card.get("options") or {}) | (source.get("options") or {})
        if card["layout"] == "procedural" and "seed" in options:
            seeds[str(card["id"])] = int(options["seed"])
    return seeds
