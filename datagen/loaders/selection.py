"""Which pairs a loader reads: chosen and checked before the first item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from datagen.core.arguments import text
from datagen.core.text import counted, first_of, shortened
from datagen.errors import ReleaseError
from datagen.loaders.items import KINDS
from datagen.release.folder import Folder
from datagen.release.pairs import lone_image, matching_rows
from datagen.release.reader import Release

__all__ = [
    "CLIP_FACTS",
    "Filter",
    "Selection",
    "check_media",
    "check_not_empty",
    "opened",
    "select",
]

_SHOWN = 5
_REPEATING = (
    *("release_id", "kind", "split", "media_path", "media_type", "mask_path"),
    *("identity_id", "method", "family", "degradation"),
)
_COLUMNS = (
    *_REPEATING,
    *("sample_id", "pair_id", "label", "media_offset", "media_size", "width", "height", "sha256"),
    *("mask_offset", "mask_size", "severity"),
)

CLIP_FACTS = ("frames", "fps_num", "fps_den", "stride", "motion")
"""What an item needs of the row of a clip beside the facts of any image."""

_FACTS = (
    *("release_id", "sample_id", "pair_id", "split", "kind", "identity_id", "method", "family"),
    *("degradation", "label", "severity", "sha256", "media_type", "width", "height"),
)


@dataclass(frozen=True, slots=True)
class Filter:
    """What is chosen of each release.

    Attributes:
        split: The split.
        method: See ``Release.pairs``.
        where: See ``Release.pairs``.
    """

    split: str
    method: str | Sequence[str] | None = None
    where: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """The images of the chosen pairs.

    Attributes:
        folders: The releases.
        columns: Columns of the manifests, one row per image.
        release: Number of the release of each row.
        rows: For each kind of image, the row of each pair; -1: the pair has none.
    """

    folders: tuple[Folder, ...]
    columns: Mapping[str, pa.Array]
    release: npt.NDArray[np.int64]
    rows: Mapping[str, npt.NDArray[np.int64]]

    @property
    def pairs(self) -> int:
        """Number of pairs."""
        return len(self.rows["fake"])

    def facts(self, row: int) -> dict[str, Any]:
        """Return what an item needs of a row of ``columns``."""
        found = {name: self.columns[name][row].as_py() for name in _FACTS}
        if "landmarks" in self.columns:
            found["landmarks"] = self.columns["landmarks"][row].values
        if "frames" in self.columns:
            found |= {name: self.columns[name][row].as_py() for name in CLIP_FACTS}
        return found

    def of_pairs(self, name: str) -> list[Any]:
        """Return a column with one value per pair, that of its fake."""
        found: list[Any] = pc.take(self.columns[name], pa.array(self.rows["fake"])).to_pylist()
        return found


def opened(releases: object) -> list[Release]:
    """Return one release or several, ready to be read together.

    Args:
        releases: A release, its path or address, or a list of these.

    Raises:
        ReleaseError: One is not whole, is given twice, or has an identity in another split than
            another release has it.
    """
    several: list[Any] = list(releases) if isinstance(releases, list | tuple) else [releases]
    if not several:
        raise ReleaseError("releases: name at least one, found an empty list", key="releases")
    found = [one if isinstance(one, Release) else Release(one) for one in several]
    seen: dict[str, Release] = {}
    for release in found:
        other = seen.setdefault(release.record["release_id"], release)
        if other is not release:
            raise ReleaseError(
                f"releases: {other.folder} and {release.folder} are the same release "
                f"({release.record['release_id']}): name it once",
                key="releases",
            )
    if len(found) > 1:
        _refuse_shared_identities(found)
    return found


def select(
    releases: Sequence[Release], chosen: Filter, kinds: Sequence[str], more: Sequence[str] = ()
) -> Selection:
    """Choose pairs, and check that the tars that hold them are there.

    Args:
        releases: From ``opened``.
        chosen: What is chosen of each.
        kinds: Kinds of image that will be read.
        more: Columns that are kept beside those that every item needs.

    Raises:
        ReleaseError: A release has no such split, method or column, no pair matches, or tars are
            missing or changed.
    """
    text(chosen.split, "split", "'train'", ReleaseError)
    columns = [*_COLUMNS, *more]
    parts = [_rows_of(release, chosen, columns) for release in releases]
    if not any(len(part) for part in parts):
        raise _empty(releases, chosen)
    for release, part in zip(releases, parts, strict=True):
        _check_tars(release, part, kinds)
    table = pa.concat_tables(parts)
    arrays = {name: table.column(name).combine_chunks() for name in columns}
    for name in _REPEATING:
        arrays[name] = arrays[name].dictionary_encode()
    number = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    rows = _rows_by_kind(releases, number, table)
    return Selection(tuple(one.folder for one in releases), arrays, number, rows)


def check_media(releases: Sequence[Release], clips: bool, reader: str) -> None:
    """Refuse releases of clips where images are read, and the other way round.

    Args:
        releases: From ``opened``.
        clips: Whether clips are read.
        reader: What reads them.

    Raises:
        ReleaseError: A release holds the other.
    """
    for release in releases:
        if release.has_clips != clips:
            has, use = ("clips", "ClipDataset") if release.has_clips else ("images", "PairDataset")
            raise ReleaseError(
                f"{release.folder} holds {has}, which {reader} does not read: use "
                f"datagen.loaders.{use}",
                path=release.folder.address,
                key="releases",
            )


def check_not_empty(selection: Selection, kinds: Sequence[str]) -> None:
    """Refuse a choice without items.

    Args:
        selection: From ``select``.
        kinds: The kinds of image that are items.

    Raises:
        ReleaseError: No chosen pair has an image of these kinds.
    """
    if not any((selection.rows[kind] >= 0).any() for kind in kinds):
        places = ", ".join(map(str, selection.folders))
        raise ReleaseError(
            f"{places}: none of the {counted(selection.pairs, 'pair')} chosen has a "
            f"{' or '.join(kinds)}. The recipe's 'controls' sets how many have one",
            path=places,
            key="kinds",
        )


def _rows_of(release: Release, chosen: Filter, columns: Sequence[str]) -> pa.Table:
    files = release.manifest_files(chosen.split)
    found = [
        table
        for _, table in matching_rows(release, files, chosen.method, chosen.where, list(columns))
    ]
    return pa.concat_tables(found)


def _rows_by_kind(
    releases: Sequence[Release], number: npt.NDArray[np.int64], table: pa.Table
) -> dict[str, npt.NDArray[np.int64]]:
    """Return the rows of each pair by kind; the images of a pair stand together in a manifest."""
    ids, kinds = (np.asarray(table.column(name).to_numpy()) for name in ("pair_id", "kind"))
    starts = np.ones(len(ids), np.bool_)
    starts[1:] = (ids[1:] != ids[:-1]) | (number[1:] != number[:-1])
    pair = np.cumsum(starts) - 1
    rows = {kind: np.full(starts.sum(), -1, np.int64) for kind in KINDS}
    for kind in KINDS:
        mine = np.flatnonzero(kinds == kind)
        rows[kind][pair[mine]] = mine
    for lacking, present in (("real", "fake"), ("fake", "real")):
        for alone in np.flatnonzero(rows[lacking] < 0):
            row = int(np.argmax(pair == alone))
            raise lone_image(releases[number[row]], "manifest", str(ids[row]), [present])
    return rows


def _empty(releases: Sequence[Release], chosen: Filter) -> ReleaseError:
    asked: dict[str, Any] = {} if chosen.method is None else {"method": chosen.method}
    asked |= chosen.where or {}
    shown = ", ".join(f"{key}={shortened(value)}" for key, value in asked.items())
    places = ", ".join(str(release.folder) for release in releases)
    return ReleaseError(
        f"{places}: no pair of split {chosen.split!r}{f' matches {shown}' if shown else ''}",
        path=places,
        key="where",
    )


def _check_tars(release: Release, part: pa.Table, kinds: Sequence[str]) -> None:
    """Compare the sizes of the tars that will be read with what ``release.json`` states."""
    wanted = part.filter(pc.is_in(part.column("kind"), value_set=pa.array(list(kinds))))
    tars = sorted(wanted.column("media_path").unique().to_pylist())
    folder, files = release.folder, release.record["files"]
    sizes = folder.sizes("media") if folder.local is None else _local_sizes(folder, tars)
    wrong = [
        f"{tar} ({f'{sizes[tar]} bytes, expected ' if tar in sizes else 'missing, expected '}"
        f"{files[tar]['size']})"
        for tar in tars
        if sizes.get(tar) != files[tar]["size"]
    ]
    if wrong:
        raise ReleaseError(
            f"{folder}: {len(wrong)} of {counted(len(tars), 'tar')} "
            f"{'is' if len(wrong) == 1 else 'are'} not as release.json states: "
            f"{first_of(wrong, _SHOWN)}. Get the release again",
            path=f"{folder}/media",
        )


def _local_sizes(folder: Folder, names: Sequence[str]) -> dict[str, int]:
    found = {}
    for name in names:
        with suppress(FileNotFoundError):
            found[name] = folder.size(name)  # refuses links and what is no file
    return found


def _refuse_shared_identities(releases: Sequence[Release]) -> None:
    home: dict[str, tuple[str, Release]] = {}
    shared: dict[str, str] = {}
    for release in releases:
        for split, identity in sorted(_identities(release)):
            first, other = home.setdefault(identity, (split, release))
            if first != split:
                shared[identity] = (
                    f"{identity} ({first} of {other.folder}, {split} of {release.folder})"
                )
    if shared:
        raise ReleaseError(
            f"releases: {counted(len(shared), 'identity', 'identities')} in different splits, so "
            f"that a test would meet faces of the training: {first_of(list(shared.values()), 3)}. "
            "Read the releases apart, or make them with equal 'split' and 'seed' keys",
            key="releases",
        )


def _identities(release: Release) -> set[tuple[str, str]]:
    columns = ["split", "identity_id", "donor_identity_id"]
    table = release.table(columns, format="arrow", dictionary=columns)
    found: set[tuple[str, str]] = set()
    for name in columns[1:]:
        groups = table.group_by(["split", name]).aggregate([]).to_pydict()
        found.update(
            (split, identity)
            for split, identity in zip(groups["split"], groups[name], strict=True)
            if identity is not None
        )
    return found
