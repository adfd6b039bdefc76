"""What other libraries read of a release, by their own code alone, as digests of its images."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from datagen.release.reader import Release

__all__ = [
    "KINDS",
    "by_datasets",
    "by_datasets_from_export",
    "by_mlcroissant",
    "by_ray",
    "by_webdataset",
    "digest",
    "expected",
    "expected_masks",
    "loaded",
    "tars",
]

KINDS = ("real", "fake", "control")


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def tars(release: Path, control: bool) -> list[str]:
    """Return the tars of pairs or of controls, as the lists beside them name them."""
    media = release / "media"
    return [
        str(media / name)
        for listed in sorted(media.glob("*.txt"))
        if listed.stem.endswith("-control") == control
        for name in listed.read_text(encoding="utf-8").split()
    ]


def expected(release: Path, *kinds: str) -> list[str]:
    """Return the digests of the images of some kinds, from the manifest."""
    rows = Release(release).table()
    return sorted(rows.loc[rows["kind"].isin(kinds), "sha256"])


def expected_masks(release: Path) -> list[str]:
    found = Release(release)
    rows = found.table()
    masks = rows[rows["mask_path"].notna()].to_dict("records")
    return sorted(digest(found.mask_bytes(row)) for row in masks)


def loaded(files: Sequence[str]) -> Any:
    """Return tars as a data set of ``datasets`` whose images stay encoded."""
    import datasets

    found = datasets.load_dataset("webdataset", data_files={"train": list(files)}, split="train")
    return _encoded(found, [name for name in found.column_names if _is_image(name)])


def by_datasets(release: Path) -> list[str]:
    rows = [*loaded(tars(release, False)), *loaded(tars(release, True))]
    return [digest(row[name]["bytes"]) for row in rows for name in row if _is_image(name)]


def by_datasets_from_export(copy: Path) -> list[str]:
    import datasets

    found = datasets.load_dataset(str(copy))
    rows = [row for split in found.values() for row in _encoded(split, ["image", "mask"])]
    images = [row[name] for row in rows for name in ("image", "mask")]
    return [digest(image["bytes"]) for image in images if image is not None]


def by_webdataset(release: Path) -> list[str]:
    import webdataset

    files = [*tars(release, False), *tars(release, True)]
    samples = webdataset.WebDataset(files, shardshuffle=False)
    return [digest(sample[name]) for sample in samples for name in sample if _is_image(name)]


def by_ray(release: Path) -> list[str]:
    import ray

    found = []
    for control in (False, True):
        rows = ray.data.read_webdataset(tars(release, control), decoder=None).take_all()
        found += [digest(row[name]) for row in rows for name in row if _is_image(name)]
    return found


def by_mlcroissant(folder: Path) -> list[str]:
    """Return the digests that the rows of a release or an export state."""
    import mlcroissant

    document = mlcroissant.Dataset(jsonld=str(folder / "croissant.json"))
    assert document.metadata.ctx.issues.report() == ""
    return [row["images/sha256"].decode() for row in document.records("images")]


def _is_image(name: str) -> bool:
    return name.endswith(("jpg", "png"))


def _encoded(data: Any, columns: Sequence[str]) -> Any:
    import datasets

    for name in columns:
        data = data.cast_column(name, datasets.Image(decode=False))
    return data
