"""Identities that share a photograph: joined in the rows of the index, and named in warnings."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from datagen.core.digests import canonical_json
from datagen.core.text import counted, first_of
from datagen.faces.indexing.same_photograph import SamePhotographs
from datagen.sources.base import Source

__all__ = ["join_identities", "joined_to"]

Key: TypeAlias = "tuple[str, str]"
"""Source and name of an identity."""

Rows: TypeAlias = "list[dict[str, Any]]"

_JOINED = "datagen.joined_to"
_SHOWN = 5


def join_identities(sources: Sequence[Source], rows: Rows, same: SamePhotographs) -> list[str]:
    """Join the identities of the pairs in the rows, and return the warnings.

    In a source where every image counts alone, both images get one identity. Otherwise the names
    stay, and each identity carries the one whose split it shares, see ``joined_to``.

    Args:
        sources: The sources of the rows.
        rows: Rows of the index, changed in place.
        same: Pairs of rows that show one photograph.
    """
    alone = {source.card.id for source in sources if source.card.identity == "per_image"}
    inside = [pair for pair in same.pairs if _is_inside(rows, pair, alone)]
    warnings = _merge(sources, rows, inside, alone)
    links = [tuple(_key(rows[face]) for face in pair) for pair in same.pairs]
    leaders = _leaders([(one, other) for one, other in links if one != other])
    for row in rows:
        leader = leaders.get(_key(row))
        if leader is not None and leader != _key(row):
            kept = json.loads(row["extra"]) if row["extra"] else {}
            row["extra"] = canonical_json({**kept, _JOINED: list(leader)})
    return [*warnings, *_told(rows, same, set(inside)), *_incomplete(same)]


def joined_to(extra: str | None) -> Key | None:
    """Return the identity whose split a face of the index shares, beside its own.

    Args:
        extra: The face's column ``extra``.
    """
    if not extra or _JOINED not in extra:
        return None
    found = json.loads(extra).get(_JOINED)
    return (str(found[0]), str(found[1])) if isinstance(found, list) else None


def _key(row: Mapping[str, Any]) -> Key:
    return row["source"], row["identity"]


def _is_inside(rows: Rows, pair: tuple[int, int], alone: set[str]) -> bool:
    first, second = (rows[face]["source"] for face in pair)
    return bool(first == second and first in alone)


def _merge(
    sources: Sequence[Source],
    rows: Rows,
    pairs: Iterable[tuple[int, int]],
    alone: set[str],
) -> list[str]:
    """Give the images of one photograph one identity: that of the first."""
    order: dict[Key, int] = {}
    for row in rows:
        order.setdefault(_key(row), len(order))
    leaders = _leaders([(_key(rows[one]), _key(rows[two])) for one, two in pairs], order)
    joined = dict.fromkeys(sorted(alone), 0)
    for key, leader in leaders.items():
        joined[key[0]] += key != leader
    for row in rows:
        row["identity"] = leaders.get(_key(row), _key(row))[1]
    return [
        f"source {source.card.id!r} has no identity labels (identity: per_image): every image "
        f"counts as one identity, and {joined[source.card.id]} near-duplicates were merged. The "
        "same person in two dissimilar images may still end up in two splits"
        for source in sources
        if source.card.id in alone and source.has_files
    ]


def _leaders(
    links: Sequence[tuple[Key, Key]], order: Mapping[Key, int] | None = None
) -> dict[Key, Key]:
    """Return the first member of each group of linked keys, by member."""
    leader: dict[Key, Key] = {}

    def root(key: Key) -> Key:
        while leader.setdefault(key, key) != key:
            leader[key] = leader[leader[key]]
            key = leader[key]
        return key

    for one, other in links:
        ends = root(one), root(other)
        first, second = sorted(ends, key=None if order is None else order.__getitem__)
        leader[second] = first
    return {key: root(key) for key in leader}


def _told(rows: Rows, same: SamePhotographs, inside: set[tuple[int, int]]) -> list[str]:
    shared: dict[tuple[str, str], str] = {}
    for pair in same.pairs:
        if pair not in inside:
            named = sorted(
                (f"{rows[face]['source']}/{rows[face]['identity']}", face) for face in pair
            )
            (one, first), (other, second) = named
            images = " and ".join(
                rows[face]["path"] or rows[face]["image_id"] for face in (first, second)
            )
            shared.setdefault((one, other), f"{one} and {other} ({images})")
    if not shared:
        return []
    return [
        f"{counted(len(shared), 'pair')} of identities {'has' if len(shared) == 1 else 'have'} a "
        f"photograph in common: {first_of(list(shared.values()), _SHOWN, '; ')}. Each pair goes to "
        "one split and is not swapped with each other. Give them one name if they are one person, "
        "or remove the image that is in the wrong place"
    ]


def _incomplete(same: SamePhotographs) -> list[str]:
    found = []
    if not same.complete:
        found.append(
            "so many faces have equal hashes or landmarks that only the nearest were compared: "
            "copies of one photograph under two names may be in two splits"
        )
    if same.unread:
        found.append(
            f"{counted(same.unread, 'pair')} of images that may be copies could not be compared, "
            "because an image can no longer be read"
        )
    return found
