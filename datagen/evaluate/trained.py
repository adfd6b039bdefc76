"""Refusing to judge a detector on people it has seen."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from datagen.errors import UserError
from datagen.evaluate.rows import read_rows
from datagen.evaluate.scores import named
from datagen.store.read import Release

__all__ = ["refuse_trained_on"]

# val chose the weights that were kept: it has been learnt from as well.
LEARNT_FROM = ("train", "val")


def refuse_trained_on(manifest: Any, split: str, training: Release) -> None:
    """Make sure that a split shares no person and no photograph with a training release.

    Args:
        manifest: Of the release that is scored, with ``identity_id`` and ``source_sha256``.
        split: Which of its splits.
        training: The release that the detector was trained on; its splits train and val count,
            donors too.

    Raises:
        UserError: They share some.
    """
    columns = ("split", "identity_id", "donor_identity_id", "source_sha256")
    seen = read_rows(training, columns)
    seen = seen.filter(pc.is_in(seen.column("split"), value_set=pa.array(LEARNT_FROM)))
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
        if len(shared):
            raise UserError(
                f"split {split!r} shares {len(shared)} of its {len(own)} {what} with train and val "
                f"of the training release {training.folder} ({training.record['name']}, version "
                f"{training.record['version']}): {named(shared)}. A detector is not judged on what "
                "it has learnt: score a split that it has not seen"
            )
