"""Whether a shard that an earlier run has left holds what the plan says."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

from datagen.errors import ReleaseError
from datagen.faces.index import FaceIndex
from datagen.planning import Item
from datagen.recipe import Recipe
from datagen.release import Commit, Folder
from datagen.release.bounded_parquet import open_table
from datagen.release.clip_schema import ANY_MANIFEST, ANY_RULES
from datagen.release.names import ShardName
from datagen.release.rules import REJECT_RULES
from datagen.release.schema import REJECTS

__all__ = ["is_as_planned"]

_OF_ROW = ("pair_id", "item", "split", "base_id", "severity", "method", "source", "image_id")
_OF_PEOPLE = ("identity_id", "donor_image_id", "donor_identity_id")
_OF_REJECT = ("pair_id", "item", "split", "method", "source", "image_id", "donor_image_id")

Facts: TypeAlias = "dict[str, Any]"


def is_as_planned(
    folder: Folder,
    commit: Commit,
    names: ShardName,
    items: Iterable[Item],
    recipe: Recipe,
    index: FaceIndex,
) -> bool:
    """Say whether every planned item, and nothing else, is a pair or a reject of the shard.

    Args:
        folder: The release.
        commit: The shard's commit, whose files are whole.
        names: Names of the shard and its files.
        items: The planned items.
        recipe: The recipe.
        index: The face index of the plan.
    """
    own = {names.media, names.controls, names.manifest, names.rejects, names.frames}
    planned = {item.pair_id: _planned(item, recipe, index) for item in items}
    if commit.items != len(planned) or not commit.files.keys() <= own:
        return False
    try:
        columns = [*_OF_ROW, *_OF_PEOPLE, "kind"]
        rows = open_table(folder, names.manifest, ANY_MANIFEST, ANY_RULES, columns)
        rejects = open_table(folder, names.rejects, REJECTS, REJECT_RULES, _OF_REJECT)
    except ReleaseError:
        return False
    made: set[str] = set()
    for row in rows.to_pylist():
        kind, facts = row.pop("kind"), planned.get(row["pair_id"])
        if facts is None or row != _in_row(facts, fake=kind == "fake"):
            return False
        made.add(row["pair_id"])
    refused = [row["pair_id"] for row in rejects.to_pylist() if _is_planned(row, planned)]
    if (commit.pairs, len(refused)) != (len(made), rejects.num_rows):
        return False
    return sorted([*made, *refused]) == sorted(planned)


def _planned(item: Item, recipe: Recipe, index: FaceIndex) -> Facts:
    target = index.face(item.target)
    donor = None if item.donor is None else index.face(item.donor)
    return {
        "pair_id": item.pair_id,
        "item": item.number,
        "split": item.split,
        "base_id": item.base_id,
        "severity": item.severity,
        "method": recipe.methods[item.method].name,
        "source": target.source,
        "image_id": target.face_id,
        "identity_id": f"{target.source}/{target.identity}",
        "donor_image_id": donor.face_id if donor else None,
        "donor_identity_id": f"{donor.source}/{donor.identity}" if donor else None,
    }


def _in_row(facts: Facts, fake: bool) -> Facts:
    return facts if fake else {**facts, "donor_image_id": None, "donor_identity_id": None}


def _is_planned(row: Facts, planned: dict[str, Facts]) -> bool:
    facts = planned.get(row["pair_id"], {})
    return bool(facts) and all(row[name] == facts[name] for name in _OF_REJECT)
