"""What DeepfakeBench's loader silently relies on, checked over anyone's JSON files.

The files are untrusted: they are bounded, and no path outside of the folder is opened.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from datagen.core.files import below
from datagen.core.json_io import read_json
from datagen.errors import UserError

__all__ = ["problems_of"]

_SPLITS = ("train", "val", "test")
_WITH_COMPRESSION = frozenset(
    {
        *("FaceForensics++", "FF-DF", "FF-F2F", "FF-FS", "FF-NT", "FaceShifter"),
        "DeepFakeDetection",
    }
)
_COMPRESSIONS = ("raw", "c23", "c40")
_SHOWN = 20
_NPY = 4096  # bytes of an (81, 2) array with its header, at most
_PATH = 1024  # characters of a path, at most
_SAID = 120  # characters of what is wrong with an array

Videos = dict[str, Any]


def problems_of(folder: Path) -> Iterator[str]:
    """Yield what is wrong with the JSON files in a folder, one line each.

    Frames are looked for below the folder as well: a path counts as there if its last parts, from
    the folder that holds ``frames`` on, exist below it.

    Args:
        folder: A folder of JSON files, or of a whole tree with ``dataset_json``.

    Raises:
        UserError: It is no folder, or has no JSON file of a data set.
    """
    if not _is_there(folder, folder=True):
        raise UserError(f"{folder} is not a folder", path=folder)
    top = folder / "dataset_json" if (folder / "dataset_json").is_dir() else folder
    files = sorted(path for path in top.glob("*.json") if path.is_file())
    if not files:
        raise UserError(
            f"{top} has no JSON files: name the folder of a data set's JSON files", path=top
        )
    for path in files:
        yield from _limited(path.name, _of_file(path, folder))


def _limited(name: str, problems: Iterator[str]) -> Iterator[str]:
    """Yield the first lines of a file, and how many more there are."""
    more = 0
    for number, problem in enumerate(problems):
        if number < _SHOWN:
            yield f"{name}: {problem}"
        else:
            more += 1
    if more:
        yield f"{name}: and {more} more"


def _of_file(path: Path, root: Path) -> Iterator[str]:
    try:
        below(path.parent, path.name)
        body = read_json(path, str(path), UserError)
    except (UserError, ValueError) as error:
        yield str(error)
        return
    if not isinstance(body, Mapping) or list(body) != [path.stem]:
        found = ", ".join(map(str, body))[:80] if isinstance(body, Mapping) else type(body).__name__
        yield f"the one key must be {path.stem!r}, the name of the file (found {found})"
        return
    labels = body[path.stem]
    if not isinstance(labels, Mapping) or not labels:
        yield f"{path.stem!r} must hold label blocks"
        return
    by_split: dict[str, dict[str, Videos]] = {split: {} for split in _SPLITS}
    for label, block in labels.items():
        if not isinstance(block, Mapping):
            yield f"{label}: must hold splits"
            continue
        for split in ("train", "test"):
            if split not in block:
                yield f"{label}: has no {split!r}, which the loader indexes"
        for split in _SPLITS:
            videos = yield from _videos(path.stem, label, split, block.get(split, {}))
            by_split[split][label] = videos
            for name, video in videos.items():
                yield from _of_video(f"{label}/{split}/{name}", label, video, root)
    yield from _between(by_split)


def _videos(dataset: str, label: str, split: str, found: Any) -> Any:
    """Yield problems and return the videos of a split by name."""
    where = f"{label}/{split}"
    if not isinstance(found, Mapping):
        yield f"{where}: must map names of videos to videos"
        return {}
    if "frames" in found and "label" in found:
        yield f"{where}: is one video instead of a map of videos: all others were overwritten"
        return {}
    levels = [name for name in found if name in _COMPRESSIONS]
    if dataset in _WITH_COMPRESSION:
        if found and len(levels) != len(found):
            yield f"{where}: needs a compression level ({', '.join(_COMPRESSIONS)}) before videos"
            return {}
        merged: Videos = {}
        for level in levels:
            if isinstance(found[level], Mapping):
                merged |= {f"{level}/{name}": video for name, video in found[level].items()}
        return merged
    if levels:
        yield f"{where}: has a compression level, which the loader expects only of " + ", ".join(
            sorted(_WITH_COMPRESSION)
        )
        return {}
    return dict(found)


def _of_video(where: str, label: str, video: Any, root: Path) -> Iterator[str]:
    if not isinstance(video, Mapping):
        yield f"{where}: must hold 'label' and 'frames'"
        return
    if video.get("label") != label:
        yield f"{where}: label is {video.get('label')!r}, expected {label!r}"
    frames, masks = video.get("frames"), video.get("masks", [])
    if not isinstance(frames, list) or not frames:
        yield f"{where}: has no frames: the loader ends with 'list index out of range'"
        return
    if not isinstance(masks, list):
        yield f"{where}: masks is {type(masks).__name__}, expected a list"
        masks = []
    elif masks and len(masks) != len(frames):
        yield f"{where}: {len(masks)} masks for {len(frames)} frames"
        masks = []
    for path in (*frames, *masks):
        yield from (f"{where}: {problem}" for problem in _of_path(path))
    if all(isinstance(path, str) for path in frames):
        yield from (f"{where}: {problem}" for problem in _of_files(frames, root))
    numbers = [_number(path) for path in frames if isinstance(path, str)]
    if len(numbers) > 8 and numbers == list(range(len(numbers))):
        yield f"{where}: frames 0 to {len(numbers) - 1}: the first ones, not spread over the video"


def _of_path(path: Any) -> Iterator[str]:
    if not isinstance(path, str):
        yield f"a path is {type(path).__name__}, expected text"
        return
    shown = path[:120]
    if len(path) > _PATH:
        yield f"{shown!r}… has {len(path):,} characters: at most {_PATH:,} are looked for"
    elif "\\" in path:
        yield f"{shown!r} has a backslash: write '/'"
    elif not path.startswith("."):
        yield f"{shown!r} must begin with '.': the loader prefixes others, with a backslash"
    elif path.count("frames") + path.count("masks") != 1:
        yield f"{shown!r} must contain 'frames' once: masks and landmarks are found by replacing it"
    elif _number(path) is None:
        yield f"{shown!r} must end in a whole number and a suffix, by which frames are sorted"


def _of_files(frames: Sequence[str], root: Path) -> Iterator[str]:
    for path in frames:
        place = _placed(path, root)
        if place is None:
            continue  # the images are elsewhere
        if not _is_there(place):
            yield f"{path[:120]!r} does not exist"
            continue
        points = _placed(path.replace("frames", "landmarks").rpartition(".")[0] + ".npy", root)
        if points is not None and _is_there(points) and (problem := _of_landmarks(points)):
            yield f"{points.name} of {path[:120]!r} {problem}"


def _placed(path: str, root: Path) -> Path | None:
    """Return where a file is below the folder, ``None`` if its images are not there at all."""
    if len(path) > _PATH:
        return None
    parts = PurePosixPath(path.replace("\\", "/")).parts
    at = next((n for n, part in enumerate(parts) if part in ("frames", "landmarks")), None)
    if at is None or at == 0:
        return None
    try:
        place = below(root, "/".join(parts[at - 1 :]))
    except ValueError:
        return None
    return place if _is_there(root / parts[at - 1], folder=True) else None


def _is_there(path: Path, folder: bool = False) -> bool:
    """Say whether a file, or a folder, exists; a name that no disk can hold is that of none."""
    try:
        return path.is_dir() if folder else path.is_file()
    except (OSError, ValueError):
        return False


def _of_landmarks(path: Path) -> str:
    if path.stat().st_size > _NPY:
        return f"has {path.stat().st_size:,} bytes: expected an array of (81, 2)"
    try:
        with path.open("rb") as file, warnings.catch_warnings(action="ignore"):
            version = np.lib.format.read_magic(file)
            if version != (1, 0):
                return f"is an array of version {version[0]}.{version[1]}, expected 1.0"
            shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    except Exception as error:  # noqa: BLE001  # a header is Python source, wrong in many ways
        return f"is no array: {str(error)[:_SAID]}"
    if dtype.hasobject:
        return "is no array of numbers"
    return "" if shape == (81, 2) else f"has the shape {str(shape)[:_SAID]}, expected (81, 2)"


def _number(path: str) -> int | None:
    stem = path.rpartition("/")[2].partition(".")[0]
    return int(stem) if stem.isdecimal() and len(stem) < 12 else None


def _between(by_split: Mapping[str, Mapping[str, Videos]]) -> Iterator[str]:
    """Yield what is wrong across labels and splits."""
    frames = {
        split: {
            frame
            for videos in labels.values()
            for video in videos.values()
            if isinstance(video, Mapping)
            for frame in _texts(video.get("frames"))
        }
        for split, labels in by_split.items()
    }
    for one, other in (("train", "test"), ("train", "val"), ("val", "test")):
        if shared := frames[one] & frames[other]:
            yield f"{len(shared)} frames are in {one} and in {other}, e.g. {min(shared)[:120]!r}"
    for split, labels in by_split.items():
        owner: dict[str, str] = {}
        for label, videos in labels.items():
            for name, video in videos.items():
                folders = {
                    path.rpartition("/")[0].rpartition("/")[2]
                    for path in _texts(video.get("frames") if isinstance(video, Mapping) else None)
                }
                for folder in folders:
                    first = owner.setdefault(folder, f"{label}/{name}")
                    if first != f"{label}/{name}":
                        yield (
                            f"{split}: the folder {folder!r} holds frames of {first} and of "
                            f"{label}/{name}: their scores are averaged as one video"
                        )


def _texts(values: Any) -> list[str]:
    return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []
