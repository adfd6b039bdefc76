"""DeepfakeBench: frames, masks, 81 landmarks and the JSON files that its loader reads.

The layout keeps every rule that the loader silently relies on (``deepfakebench_rules``). A still
is a video of one frame. Frames are PNG files with the pixels of the release's images.

Yan, Zhang, Yuan, Lyu, Wu (2023), DeepfakeBench: A Comprehensive Benchmark of Deepfake Detection.
"""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from datagen.core.files import write_atomically
from datagen.core.images import encode_png
from datagen.core.text import counted
from datagen.errors import ReleaseError, UserError
from datagen.exports.base import Export, Exported, copy_rights, place_in, terms_warning
from datagen.faces.forehead import landmarks_81
from datagen.release.manifest import manifest_file, read_manifest
from datagen.release.pixels import decoded, original_bytes, original_mask
from datagen.release.reader import Release

__all__ = ["write"]

_FRAME = "000"
_ROOT = "./datasets/rgb"  # where DeepfakeBench keeps its data sets, as its configuration has it
_FOLDERS = {"frames": "png", "masks": "png", "landmarks": "npy"}
_LABELS = {"real": "Real", "fake": "Fake"}
_COLUMNS = [
    *("sample_id", "pair_id", "kind", "split", "method", "media_path", "media_offset"),
    *("media_size", "media_type", "width", "height", "mask_path", "mask_offset", "mask_size"),
    *("sha256", "landmarks", "purposes"),
]
_METHOD = re.compile(r"[A-Za-z0-9_-]{1,128}")


@dataclass(frozen=True, slots=True)
class _Video:
    """What the JSON says of one image."""

    name: str
    pair: str
    kind: str
    split: str
    method: str
    has_landmarks: bool


def write(export: Export) -> Exported:
    """Write the images shard by shard, those that are missing, then the JSON files."""
    release = export.release
    if "frames" in release.record["name"]:
        raise UserError(
            f"the name of the release is {release.record['name']!r}: DeepfakeBench finds masks and "
            "landmarks by replacing the word 'frames' in a path, which may occur only once. Rename "
            "the recipe and generate it anew"
        )
    names = release.manifest_files()
    done = {name: export.folder / ".done" / Path(name).stem for name in names}
    there = [name for name in names if done[name].is_file()]
    with (
        export.progress.bar("writing frames") as bar,
        ThreadPoolExecutor(max(1, export.workers)) as pool,
    ):
        bar(0, len(names))
        videos: list[_Video] = []
        parts = pool.map(lambda name: _write_shard(export, name, done[name]), names)
        for number, part in enumerate(parts, 1):
            videos += part
            bar(number, len(names))
    _check_unique(release, videos)
    _write_documents(export, videos)
    lacking = sum(not video.has_landmarks for video in videos)
    warnings = [terms_warning(release)] if terms_warning(release) else []
    if lacking:
        warnings.append(
            f"{counted(lacking, 'image')} of synthesized faces have no landmarks, for which "
            "DeepfakeBench puts zeros: use detectors that need none on their methods"
        )
    return Exported(export.folder, len(videos), len(names), len(there), tuple(warnings))


def _write_shard(export: Export, manifest: str, done: Path) -> list[_Video]:
    release, top = export.release, export.release.record["name"]
    table = read_manifest(release.folder, manifest_file(release.record, manifest), _COLUMNS)
    rows = [row for row in table.to_pylist() if row["kind"] in _LABELS]
    for row in rows:
        _check_names(row, f"{release.folder}/{manifest}")
    if not done.is_file():
        for row in rows:
            for name, data in _files(release, row).items():
                path = place_in(export.folder, f"{top}/{name}")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
        write_atomically(done, b"")
    return [
        _Video(
            row["sample_id"],
            row["pair_id"],
            row["kind"],
            row["split"],
            row["method"],
            row["landmarks"] is not None,
        )
        for row in rows
    ]


def _check_names(row: Mapping[str, Any], where: str) -> None:
    """Refuse names of which no paths can be made: a data set is named after each method."""
    method, sample = row["method"], row["sample_id"]
    if "frames" in sample:
        raise ReleaseError(
            f"{where}: sample_id {sample!r} holds the word 'frames', which may occur only once in "
            "a path of DeepfakeBench",
            path=where,
            key="sample_id",
            row=sample,
        )
    if not _METHOD.fullmatch(method):
        raise ReleaseError(
            f"{where}: method {method!r} cannot be part of a file's name: DeepfakeBench needs "
            "letters, digits, '_' and '-'",
            path=where,
            key="method",
        )


def _files(release: Release, row: Mapping[str, Any]) -> dict[str, bytes]:
    image = decoded(original_bytes(release.bytes_of(row), row), row)
    files = {_name("frames", row["sample_id"]): encode_png(image)}
    if row["kind"] == "fake":
        files[_name("masks", row["sample_id"])] = original_mask(release.mask_bytes(row), row)
    if row["landmarks"] is not None:
        points = landmarks_81(np.asarray(row["landmarks"], np.float32).reshape(68, 2))
        files[_name("landmarks", row["sample_id"])] = _npy(points)
    return files


def _name(folder: str, video: str) -> str:
    return f"{folder}/{video}/{_FRAME}.{_FOLDERS[folder]}"


def _npy(points: Any) -> bytes:
    data = io.BytesIO()
    np.save(data, points, allow_pickle=False)
    return data.getvalue()


def _check_unique(release: Release, videos: Sequence[_Video]) -> None:
    """Refuse ids that occur twice: their frames would overwrite each other."""
    counts = Counter(video.name for video in videos)
    if twice := sorted(name for name, count in counts.items() if count > 1):
        raise ReleaseError(
            f"{release.folder}: {counted(len(twice), 'sample_id')} more than once, such as "
            f"{twice[0]}. 'datagen verify' lists what is wrong with the release",
            path=release.folder.address,
            key="sample_id",
            row=twice[0],
        )


def _write_documents(export: Export, videos: Sequence[_Video]) -> None:
    name = export.release.record["name"]
    methods = sorted({video.method for video in videos})
    datasets = {name: list(videos)}
    for method in methods:
        datasets[f"{name}-{method}"] = [video for video in videos if video.method == method]
    for dataset, own in datasets.items():
        body = {dataset: _labels(name, own)}
        path = place_in(export.folder, f"dataset_json/{dataset}.json")
        write_atomically(path, _json(body))
    pairs = {f"{video.pair}-fake": f"{video.pair}-real" for video in videos if video.kind == "fake"}
    write_atomically(export.folder / "pairs.json", _json(pairs))
    copy_rights(export)
    write_atomically(export.folder / "README.md", _readme(export.release, datasets).encode())


def _labels(name: str, videos: Sequence[_Video]) -> dict[str, Any]:
    """Return the label blocks of a data set; each has ``train`` and ``test``, or it is no block."""
    blocks: dict[str, Any] = {
        f"{name}_{label}": {split: {} for split in ("train", "val", "test")}
        for label in _LABELS.values()
    }
    for video in videos:
        label = f"{name}_{_LABELS[video.kind]}"
        entry: dict[str, Any] = {
            "label": label,
            "frames": [f"{_ROOT}/{name}/{_name('frames', video.name)}"],
        }
        if video.kind == "fake":
            entry["masks"] = [f"{_ROOT}/{name}/{_name('masks', video.name)}"]
        blocks[label][video.split][video.name] = entry
    return blocks


def _json(body: object) -> bytes:
    return (json.dumps(body, indent=1) + "\n").encode()


def _readme(release: Release, datasets: Mapping[str, Sequence[_Video]]) -> str:
    record, name = release.record, release.record["name"]
    rows = "\n".join(
        f"| `{dataset}` | {sum(v.kind == 'real' for v in own)} | "
        f"{sum(v.kind == 'fake' for v in own)} |"
        for dataset, own in datasets.items()
    )
    terms = terms_warning(release) or "The terms allow copies to be passed on"
    return (
        f"# {record['release_id']} for DeepfakeBench\n\n"
        f"1. Put or link the folder `{name}` to `datasets/rgb/{name}` of DeepfakeBench, and the "
        "files of `dataset_json` to its `dataset_json_folder`.\n"
        "2. Add the labels to `label_dict` in `training/config/train_config.yaml` and "
        f"`test_config.yaml`: `{name}_Real: 0` and `{name}_Fake: 1`. Set `lmdb: False`.\n"
        "3. Name data sets of this list in `train_dataset` or `test_dataset`:\n\n"
        f"| data set | reals | fakes |\n| --- | --- | --- |\n{rows}\n\n"
        "Each image is a video of one frame, so that image AUC and video AUC are equal. A mask is "
        "the donor's weight: any level above 0 counts as manipulated. Controls are left out. The "
        "81 landmarks are the release's 68 and an estimate of the forehead. `pairs.json` names "
        "the real of each fake.\n\n"
        f"{terms}. Attribution: [rights/ATTRIBUTION.md](rights/ATTRIBUTION.md).\n"
    )
