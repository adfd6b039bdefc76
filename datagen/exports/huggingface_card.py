"""The card and ``croissant.json`` of an export for the Hugging Face hub."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import yaml

from datagen.release.documents.croissant import (
    PAIRS,
    About,
    croissant_document,
    file_set,
    record_sets,
)
from datagen.release.documents.dataset_card import front_matter
from datagen.release.documents.hub import size_category
from datagen.release.reader import Release

__all__ = ["HUB_SPLITS", "Part", "card", "croissant"]

_DEFAULT, _FRAMES = "default", "frames"
_LOAD = 'rows = load_dataset("PATH", split="train")\n'
_READ = (
    f"from datasets import load_dataset\n\n{_LOAD}",
    "from datasets import Video, load_dataset\n\n"
    f"{_LOAD}"
    'data = rows[0]["video"]["bytes"]  # a whole file, not decoded\n'
    'decoded = rows.cast_column("video", Video())  # frames with torchcodec, in exact mode\n'
    'frames = load_dataset("PATH", "frames", split="train")  # one row per frame\n',
)
HUB_SPLITS = {"train": "train", "val": "validation", "test": "test"}
"""The hub's name of each split."""

_TYPES = {"float": "float32", "double": "float64"}


@dataclass(frozen=True, slots=True)
class Part:
    """A finished file of the export.

    Attributes:
        name: Its name.
        split: Its split in the hub's words.
        family: Family of its methods.
        rows: Number of its rows.
        size: Its size in bytes.
    """

    name: str
    split: str
    family: str
    rows: int
    size: int


def card(release: Release, parts: Sequence[Part], schema: pa.Schema) -> bytes:
    """Return ``README.md``: front matter that the hub reads, then what the data is."""
    about = _about(release)
    total = sum(part.rows for part in parts)
    front = front_matter(about, _sources(release), ["datagen"])
    front["size_categories"] = [size_category(total)]
    configs = _by_config(parts)
    front["dataset_info"] = [_info(name, own, schema) for name, own in configs.items()]
    front["configs"] = [_config(name, own) for name, own in configs.items()]
    if about.clips is not None:
        front["configs"].append(_of_frames(release))
    rows = "\n".join(f"| {part.split} | {part.family} | {part.rows} |" for part in _summed(parts))
    use = release.record["purpose"]
    passed_on = (
        "The terms allow copies to be passed on."
        if use["redistribute"]
        else "**Do not redistribute:** the release was made for use without redistribution."
    )
    return (
        f"---\n{yaml.safe_dump(front, sort_keys=False, allow_unicode=True)}---\n\n"
        f"# {about.name}, version {about.version}\n\n"
        f"{PAIRS[about.clips is not None]} and a manipulated copy of it that differ in the "
        f"manipulation and nothing else, made by `datagen`; release `{about.release}`.\n\n"
        f"| split | family | {'images' if about.clips is None else 'clips'} |\n"
        f"| --- | --- | --- |\n{rows}\n\n"
        "`label` is 0 for reals and controls (`kind`), 1 for fakes. `mask` says where a fake was "
        "changed: 0 is untouched, 255 replaced, and any level above 0 counts as manipulated.\n\n"
        f"## Read\n\n```python\n{_READ[about.clips is not None]}```\n\n"
        f"## Terms\n\n{passed_on} The data is for training and testing detectors of manipulated "
        "faces. It must not be used to deceive, identify or harass anyone. Attribution: "
        "[rights/ATTRIBUTION.md](rights/ATTRIBUTION.md).\n"
    ).encode()


def croissant(release: Release, schema: pa.Schema) -> bytes:
    """Return ``croissant.json``, whose records are the rows with their images."""
    files = [file_set("parquet-files", "application/x-parquet", "data/*.parquet")]
    records = record_sets("parquet-files", schema, "clips" if release.has_clips else "images")
    return croissant_document(_about(release), files, records)


def _about(release: Release) -> About:
    record = release.record
    licenses = sorted({name for names in release.manifest["licenses"] for name in names})
    return About(
        record["release_id"],
        record["name"],
        record["version"],
        licenses,
        record["purpose"],
        record["counts"]["planned"],
        "video/mp4" if release.has_clips else None,
    )


def _sources(release: Release) -> list[str]:
    return sorted(release.manifest["source"].unique())


def _by_config(parts: Sequence[Part]) -> dict[str, list[Part]]:
    families = sorted({part.family for part in parts})
    own = {family: [part for part in parts if part.family == family] for family in families}
    return {_DEFAULT: list(parts), **own}


def _config(name: str, parts: Sequence[Part]) -> dict[str, Any]:
    family = "" if name == _DEFAULT else f"{name}-"
    files = [
        {"split": split, "path": f"data/{split}-{family}*"}
        for split in dict.fromkeys(part.split for part in parts)
    ]
    default = {"default": True} if name == _DEFAULT else {}
    return {"config_name": name, **default, "data_files": files}


def _of_frames(release: Release) -> dict[str, Any]:
    files = [{"split": HUB_SPLITS[split], "path": f"frames/{split}-*"} for split in release.splits]
    return {"config_name": _FRAMES, "data_files": files}


def _info(name: str, parts: Sequence[Part], schema: pa.Schema) -> dict[str, Any]:
    splits: dict[str, dict[str, Any]] = {}
    for part in parts:
        one = splits.setdefault(part.split, {"name": part.split, "num_bytes": 0, "num_examples": 0})
        one["num_bytes"] += part.size
        one["num_examples"] += part.rows
    size = sum(part.size for part in parts)
    return {
        "config_name": name,
        "features": [_feature(field, schema.names) for field in schema],
        "splits": list(splits.values()),
        "download_size": size,
        "dataset_size": size,
    }


def _feature(field: pa.Field, names: Sequence[str]) -> Mapping[str, Any]:
    if pa.types.is_struct(field.type):
        if "video" in names:  # both, because datasets refuses to decode without torchcodec
            return {"name": field.name, "dtype": {"video": {"decode": False}}}
        return {"name": field.name, "dtype": "image"}
    if field.name == "label":
        return {"name": "label", "dtype": {"class_label": {"names": {"0": "real", "1": "fake"}}}}
    if pa.types.is_list(field.type):
        return {"name": field.name, "list": _listed(field.type.value_type)}
    return {"name": field.name, "dtype": _dtype(field.type)}


def _listed(kind: pa.DataType) -> Any:
    return {"list": _listed(kind.value_type)} if pa.types.is_list(kind) else _dtype(kind)


def _dtype(kind: pa.DataType) -> str:
    return _TYPES.get(str(kind), str(kind))


def _summed(parts: Sequence[Part]) -> list[Part]:
    found: dict[tuple[str, str], Part] = {}
    for part in parts:
        known = found.get((part.split, part.family))
        rows, size = (known.rows, known.size) if known else (0, 0)
        found[part.split, part.family] = Part(
            "", part.split, part.family, rows + part.rows, size + part.size
        )
    return list(found.values())
