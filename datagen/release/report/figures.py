"""The figures of a release: how many there are of what, and how they are distributed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from datagen.release.identity_schema import IDENTITY_NAMES

if TYPE_CHECKING:
    from datagen.release.reader import Release

__all__ = [
    "KINDS",
    "Counts",
    "MethodFigures",
    "Rights",
    "SplitFigures",
    "Values",
    "by_method",
    "by_split",
    "counts_of",
    "distributions",
    "facts_of_rows",
    "rights_of",
]

KINDS = ("real", "control", "fake")

Values = Mapping[str, "np.typing.NDArray[np.float64]"]
"""Finite values by kind."""

_TEXTS = (
    *("kind", "split", "method", "family", "degradation", "identity_id", "image_id"),
    *("donor_identity_id", "donor_image_id"),
)
_NUMBERS = (
    *("media_size", "change", "change_released", "mask_area", "psnr", "yaw", "pitch", "roll"),
)
_MOST_ROWS = 1000


class Counts(NamedTuple):
    """Counts of images.

    Attributes:
        splits: The splits, in the order of the release.
        methods: Method, family, images by split and kind, and pairs.
        rows: Split, method, degradation, and images by kind.
        left_out: Number of further such rows.
    """

    splits: list[str]
    methods: list[tuple[str, str, list[list[int]], int]]
    rows: list[tuple[str, str, str, list[int]]]
    left_out: int


@dataclass(frozen=True, slots=True)
class SplitFigures:
    """Who is in a split.

    Attributes:
        split: Name of the split, or ``all``.
        pairs, identities, images: Numbers of pairs, of identities and of source images, those of
            donors among them.
        targets: Median and highest number of pairs whose target is one identity.
        donors: The same of donors; ``None`` without donors.
    """

    split: str
    pairs: int
    identities: int
    images: int
    targets: tuple[float, int]
    donors: tuple[float, int] | None


@dataclass(frozen=True, slots=True)
class MethodFigures:
    """The pairs of a method.

    Attributes:
        method: Name of the method.
        family: Its family.
        pairs, controls, identities: Their numbers.
        change, mask_area, psnr: Median, 5th and 95th percentile; ``None`` where unknown.
    """

    method: str
    family: str
    pairs: int
    controls: int
    identities: int
    change: tuple[float, float, float] | None
    mask_area: tuple[float, float, float] | None
    psnr: tuple[float, float, float] | None


@dataclass(frozen=True, slots=True)
class Rights:
    """What may be done with a release.

    Attributes:
        licenses: License expressions with the number of images under each.
        sources: Ids of the source cards with the number of images of each.
        attribution: What a publication must state.
    """

    licenses: list[tuple[str, int]]
    sources: list[tuple[str, int]]
    attribution: list[str]


def facts_of_rows(release: Release, method: str | None = None) -> pd.DataFrame:
    """Return the columns that figures need, one row per image.

    Args:
        release: The release.
        method: Rows of this method only.

    Raises:
        ReleaseError: See ``Release.table``.
    """
    identity = IDENTITY_NAMES if release.embedder else ()
    columns = ("pair_id", *_TEXTS, *_NUMBERS, *identity)
    found = release.table(columns, format="arrow", dictionary=_TEXTS)
    if method is not None:
        found = found.filter(pc.equal(found.column("method").cast("string"), method))
    table: pd.DataFrame = found.to_pandas()
    return table


def rights_of(release: Release, method: str | None = None) -> Rights:
    """Return the licenses, sources and attributions of a release; arguments as above."""
    found = release.table(("method", "licenses", "source", "attribution"), format="arrow")
    if method is not None:
        found = found.filter(pc.equal(found.column("method"), method))
    flat = {name: pc.list_flatten(found.column(name)) for name in ("licenses", "attribution")}
    return Rights(
        _counted(flat["licenses"]),
        _counted(found.column("source")),
        sorted(map(str, pc.unique(flat["attribution"]).to_pylist())),
    )


def counts_of(rows: pd.DataFrame, splits: list[str]) -> Counts:
    """Return how many images there are by split, method, kind and degradation."""
    splits = _known(rows, splits)
    families = dict(zip(_texts(rows, "method"), _texts(rows, "family"), strict=True))
    names = ("split", "method", "degradation", "kind")
    sizes = Counter(zip(*(_texts(rows, name) for name in names), strict=True))
    found: dict[tuple[str, str, str], list[int]] = {}
    cells = {name: {split: [0] * len(KINDS) for split in splits} for name in sorted(families)}
    for (split, method, degradation, kind), count in sizes.items():
        place = KINDS.index(kind)
        found.setdefault((split, method, degradation), [0] * len(KINDS))[place] = count
        cells[method][split][place] += count
    methods = [
        (name, families[name], list(own.values()), sum(cell[-1] for cell in own.values()))
        for name, own in cells.items()
    ]
    order = {split: number for number, split in enumerate(splits)}
    lines = sorted(
        (order[split], method, degradation, counts)
        for (split, method, degradation), counts in found.items()
    )
    shown = [
        (splits[number], method, degradation, counts)
        for number, method, degradation, counts in lines[:_MOST_ROWS]
    ]
    return Counts(splits, methods, shown, len(lines[_MOST_ROWS:]))


def by_split(rows: pd.DataFrame, splits: list[str]) -> list[SplitFigures]:
    """Return who is in each split, and in all together."""
    fakes = rows[rows["kind"] == "fake"]
    parts = [(split, fakes[fakes["split"] == split]) for split in _known(rows, splits)]
    if len(parts) > 1:
        parts.append(("all", fakes))
    return [
        SplitFigures(
            split,
            len(own),
            _different(own, "identity_id"),
            _different(own, "image_id"),
            _uses(own["identity_id"]) or (0.0, 0),
            _uses(own["donor_identity_id"]),
        )
        for split, own in parts
    ]


def by_method(rows: pd.DataFrame) -> list[MethodFigures]:
    """Return the figures of each method, by name."""
    found = []
    for name, own in sorted(rows.groupby("method", observed=True), key=lambda one: str(one[0])):
        fakes = own[own["kind"] == "fake"]
        found.append(
            MethodFigures(
                str(name),
                str(own["family"].iloc[0]),
                len(fakes),
                int((own["kind"] == "control").sum()),
                _different(fakes, "identity_id"),
                _middle(fakes["change_released"]),
                _middle(100 * fakes["mask_area"]),
                _middle(fakes["psnr"]),
            )
        )
    return found


def distributions(rows: pd.DataFrame) -> dict[tuple[str, str], Values]:
    """Return the values of the manifest to draw, by their title and unit."""
    columns: dict[tuple[str, str], Any] = {
        ("Visible change", "8-bit levels"): rows["change_released"],
        ("Mask size", "% of the image"): 100 * rows["mask_area"],
        ("File size", "kB"): rows["media_size"] / 1000,
        ("Yaw", "degrees"): rows["yaw"],
        ("Pitch", "degrees"): rows["pitch"],
        ("Roll", "degrees"): rows["roll"],
    }
    kinds = rows["kind"].astype(object)
    return {
        title: {kind: values[kinds == kind].dropna().to_numpy(np.float64) for kind in KINDS}
        for title, values in columns.items()
    }


def _known(rows: pd.DataFrame, splits: list[str]) -> list[str]:
    """Return the splits of some rows, in the order in which they are used."""
    found = [split for split in splits if (rows["split"] == split).any()]
    return sorted(found, key=("train", "val", "test").index)


def _texts(rows: pd.DataFrame, name: str) -> list[str]:
    return list(rows[name].astype(object).fillna("none"))


def _counted(values: Any) -> list[tuple[str, int]]:
    pairs = [
        (str(one["values"]), int(one["counts"])) for one in pc.value_counts(values).to_pylist()
    ]
    return sorted(pairs, key=lambda one: (-one[1], one[0]))


def _different(fakes: pd.DataFrame, name: str) -> int:
    both = pd.concat([fakes[one].astype(object) for one in (name, f"donor_{name}")])
    return int(both.nunique())


def _uses(names: pd.Series[Any]) -> tuple[float, int] | None:
    counts = names.astype(object).value_counts()
    return (float(counts.median()), int(counts.max())) if len(counts) else None


def _middle(values: pd.Series[Any]) -> tuple[float, float, float] | None:
    known = values.dropna()
    if known.empty:
        return None
    low, median, high = np.percentile(known.to_numpy(np.float64), (5, 50, 95))
    return float(median), float(low), float(high)
