"""DeepfakeBench: frames, masks, 81 landmarks and the JSON files that its loader reads.

The layout keeps every rule that the loader silently relies on (``deepfakebench_rules``). A still
is a video of one frame, and the frames of a clip are those of its video. Frames are PNG files with
the pixels of the release's images.

Yan, Zhang, Yuan, Lyu, Wu (2023), DeepfakeBench: A Comprehensive Benchmark of Deepfake Detection.
"""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc

from datagen.core.files import write_atomically
from datagen.core.images import encode_png
from datagen.core.text import counted
from datagen.errors import ReleaseError, UserError
from datagen.exports.base import Export, Exported, copy_files, place_in, terms_warning
from datagen.faces.forehead import landmarks_81
from datagen.release.clips import clip_of, masks_of
from datagen.release.frames import read_frames
from datagen.release.manifest import ManifestFile, manifest_file, read_manifest
from datagen.release.pixels import decoded, original_bytes, original_mask
from datagen.release.reader import Release

__all__ = ["write"]

_ROOT = "./datasets/rgb"  # where DeepfakeBench keeps its data sets, as its configuration has it
_FOLDERS = {"frames": "png", "masks": "png", "landmarks": "npy"}
_LABELS = {"real": "Real", "fake": "Fake"}
_COLUMNS = [
    *("sample_id", "pair_id", "kind", "split", "method", "media_path", "media_offset"),
    *("media_size", "media_type", "width", "height", "mask_path", "mask_offset", "mask_size"),
    *("sha256", "landmarks", "purposes"),
]
_CLIP_COLUMNS = ["frames", "start_frame", "stride"]
_METHOD = re.compile(r"[A-Za-z0-9_-]{1,128}")
_AT_ONCE = 1024  # rows of frames that are Python objects at a time


@dataclass(frozen=True, slots=True)
class _Video:
    """What the JSON says of one image or clip."""

    name: str
    pair: str
    kind: str
    split: str
    method: str
    numbers: range
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
    _refuse_strides(export)
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
        what = "frame" if release.has_clips else "image"
        warnings.append(
            f"{counted(lacking, what)} of synthesized faces have no landmarks, for which "
            "DeepfakeBench puts zeros: use detectors that need none on their methods"
        )
    return Exported(
        export.folder, len(videos), len(names), len(there), tuple(warnings), release.has_clips
    )


def _refuse_strides(export: Export) -> None:
    """Refuse clips whose frames are apart, which a detector would take for consecutive ones."""
    if export.strided or not export.release.has_clips:
        return
    strides = export.release.table(["stride"], format="arrow")["stride"]
    if (most := pc.max(strides).as_py() or 1) > 1:
        raise UserError(
            f"{export.release.folder}: its clips take one frame in {most} of a video (stride "
            f"{most}), and DeepfakeBench has no place to say so: flicker and drift from frame to "
            "frame would be lost unnoticed. Generate the recipe with 'clip: {stride: 1}', or "
            "export them as they are with --strided",
            key="stride",
        )


def _write_shard(export: Export, manifest: str, done: Path) -> list[_Video]:
    release, top = export.release, export.release.record["name"]
    file = manifest_file(release.record, manifest)
    columns = [*_COLUMNS, *(_CLIP_COLUMNS if release.has_clips else [])]
    table = read_manifest(release.folder, file, columns)
    rows = [row for row in table.to_pylist() if row["kind"] in _LABELS]
    for row in rows:
        _check_names(row, f"{release.folder}/{manifest}")
    points = _landmarks(release, file, rows)
    if not done.is_file():
        for row in rows:
            for name, data in _files(release, row, points[row["sample_id"]]):
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
            _numbers(row),
            all(one is not None for one in points[row["sample_id"]]),
        )
        for row in rows
    ]


def _landmarks(
    release: Release, file: ManifestFile, rows: Sequence[Mapping[str, Any]]
) -> dict[str, list[Any]]:
    """Return the landmarks of each frame by ``sample_id``."""
    if not release.has_clips:
        return {row["sample_id"]: [row["landmarks"]] for row in rows}
    found: dict[str, list[Any]] = {row["sample_id"]: [None] * row["frames"] for row in rows}
    table = read_frames(release.folder, file, ["sample_id", "frame", "landmarks"])
    batches = table.to_batches(max_chunksize=_AT_ONCE)
    for frame in (row for batch in batches for row in batch.to_pylist()):
        own = found.get(frame["sample_id"], [])
        if frame["frame"] < len(own):
            own[frame["frame"]] = frame["landmarks"]
    return found


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


def _files(
    release: Release, row: Mapping[str, Any], landmarks: Sequence[Any]
) -> Iterator[tuple[str, bytes]]:
    sample, data = row["sample_id"], original_bytes(release.bytes_of(row), row)
    numbers = _numbers(row)
    images = clip_of(data, row) if release.has_clips else [decoded(data, row)]
    for number, image in zip(numbers, images, strict=True):
        yield _name("frames", sample, number), encode_png(image)
    if row["kind"] == "fake":
        masks = release.mask_bytes(row)
        if release.has_clips:
            for number, mask in zip(numbers, masks_of(masks, row), strict=True):
                yield _name("masks", sample, number), encode_png(mask)
        else:
            yield _name("masks", sample, numbers[0]), original_mask(masks, row)
    for number, points in zip(numbers, landmarks, strict=True):
        if points is not None:
            moved = landmarks_81(np.asarray(points, np.float32).reshape(68, 2))
            yield _name("landmarks", sample, number), _npy(moved)


def _numbers(row: Mapping[str, Any]) -> range:
    """Return the numbers of the frames: of a clip those in its video, from 1 as FFmpeg counts."""
    if "frames" not in row:
        return range(1)
    first, step = row["start_frame"] + 1, row["stride"]
    return range(first, first + row["frames"] * step, step)


def _name(folder: str, video: str, number: int) -> str:
    return f"{folder}/{video}/{number:03d}.{_FOLDERS[folder]}"


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
    copy_files(export, "rights/")
    write_atomically(export.folder / "README.md", _readme(export.release, datasets).encode())


def _labels(name: str, videos: Sequence[_Video]) -> dict[str, Any]:
    """Return the label blocks of a data set; each has ``train`` and ``test``, or it is no block."""
    blocks: dict[str, Any] = {
        f"{name}_{label}": {split: {} for split in ("train", "val", "test")}
        for label in _LABELS.values()
    }
    for video in videos:
        label = f"{name}_{_LABELS[video.kind]}"
        entry: dict[str, Any] = {"label": label, "frames": _paths(name, "frames", video)}
        if video.kind == "fake":
            entry["masks"] = _paths(name, "masks", video)
        blocks[label][video.split][video.name] = entry
    return blocks


def _paths(name: str, folder: str, video: _Video) -> list[str]:
    return [f"{_ROOT}/{name}/{_name(folder, video.name, n)}" for n in video.numbers]


def _json(body: object) -> bytes:
    return (json.dumps(body, indent=1) + "\n").encode()


def _what_videos_are(videos: Sequence[_Video]) -> str:
    longest = max((len(video.numbers) for video in videos), default=1)
    if longest == 1:
        return "Each image is a video of one frame, so that image AUC and video AUC are equal."
    return (
        f"Each clip is a video, with all its frames in order (at most {longest}), numbered as in "
        f"the video that it is from. Set `frame_num` to {longest}: with less, the loader takes "
        "frames that are spread over the clip."
    )


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
        f"{_what_videos_are(datasets[name])} A mask is "
        "the donor's weight: any level above 0 counts as manipulated. Controls are left out. The "
        "81 landmarks are the release's 68 and an estimate of the forehead. `pairs.json` names "
        "the real of each fake.\n\n"
        f"{terms}. Attribution: [rights/ATTRIBUTION.md](rights/ATTRIBUTION.md).\n"
    )
