"""Frozen pictures: one of every plug-in, so that a change of bytes shows.

Methods and degradations work on frozen faces, so that a new version of a source changes no other
picture than its own.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray
from PIL import Image

from datagen.core.rng import rng
from datagen.core.versions import machine, pixel_libraries
from datagen.degradations import DEGRADATIONS
from datagen.faces.crop import CropJitter, crop_matrix, face_box, take_crop
from datagen.faces.face import FaceCrop
from datagen.faces.geometry.mesh import move_mesh
from datagen.faces.landmarks import move_landmarks
from datagen.methods import METHODS, Context
from datagen.sources.procedural import VERSION, render
from tests.contract.test_every_degradation import example_options, moving_clip
from tests.support.small.build import SmallWeights

__all__ = [
    "COMMAND",
    "FOLDER",
    "MEDIA",
    "MEDIA_COLUMNS",
    "NEAR",
    "RELEASED",
    "Frozen",
    "Made",
    "digest",
    "environment",
    "inputs",
    "learned",
    "make",
    "read_picture",
    "registered",
    "same_environment",
    "write_inputs",
]

FOLDER = Path(__file__).parent
COMMAND = "python tools/freeze_golden.py"

# What a manifest says of each media file, and the manifest of which a copy is frozen.
MEDIA = FOLDER / "benchmark-media.parquet"
MEDIA_COLUMNS = ("sample_id", "sha256", "phash", "media_size")
RELEASED = FOLDER.parents[1] / "manifests" / "benchmark-procedural.parquet"

# Decibels between a picture and the frozen one where another processor may round otherwise.
NEAR = 50.0
SEVERITY = 3

_SIZE = 144
_PEOPLE = {"target": (7, 0), "donor": (8, 1)}
_FOLDERS = {
    "fake": "methods",
    "mask": "masks",
    "control": "controls",
    "real": "reals",
    "damaged": "degradations",
    "portrait": "sources",
}

Picture: TypeAlias = NDArray[np.uint8]


@dataclass(frozen=True)
class Made:
    """What a plug-in makes today.

    Attributes:
        kind: ``methods``, ``degradations`` or ``sources``.
        version: Of its class.
        parts: Its pictures by name: a fake has a mask, and a control and a real of its own where
            the method makes them.
        networks: Digest of the weights that made them.
    """

    kind: str
    name: str
    version: int
    parts: Mapping[str, Picture]
    networks: str | None = None

    @property
    def key(self) -> str:
        """Return its name among the entries."""
        return f"{self.kind}/{self.name}"


def registered() -> list[str]:
    """Return the keys of all that must be frozen."""
    kinds = {"methods": [*METHODS], "degradations": [*DEGRADATIONS], "sources": ["procedural"]}
    return sorted(f"{kind}/{name}" for kind, names in kinds.items() for name in names)


def digest(picture: Picture) -> str:
    """Return the sha256 of shape and pixels."""
    assert picture.dtype == np.uint8
    shape = json.dumps(picture.shape).encode()
    return hashlib.sha256(shape + np.ascontiguousarray(picture).tobytes()).hexdigest()


def _computed(person: int, picture: int) -> FaceCrop:
    """Return the face of somebody who does not exist, with its mesh."""
    portrait = render(2, person, picture, 320)
    matrix = crop_matrix(face_box(portrait.landmarks), 1.3, _SIZE, CropJitter())
    return FaceCrop(
        take_crop(portrait.image, matrix, _SIZE, 1),
        move_landmarks(portrait.landmarks, matrix),
        move_mesh(portrait.mesh, matrix),
        *(portrait.yaw, portrait.pitch, portrait.roll),
        identity=f"computed/{person}",
    )


def write_inputs(folder: Path) -> None:
    """Freeze the two faces that everything is made from."""
    folder.mkdir(parents=True, exist_ok=True)
    for side, who in _PEOPLE.items():
        face = _computed(*who)
        assert face.mesh is not None
        _write(folder / f"{side}.png", face.image)
        numbers = {
            "landmarks": face.landmarks.tolist(),
            "mesh": face.mesh.tolist(),
            "pose": [face.yaw, face.pitch, face.roll],
            "identity": face.identity,
        }
        (folder / f"{side}.json").write_text(json.dumps(numbers) + "\n", encoding="utf-8")


def inputs(folder: Path = FOLDER / "inputs") -> tuple[FaceCrop, FaceCrop]:
    """Return the frozen target and donor."""
    target, donor = (_input(folder, side) for side in _PEOPLE)
    return target, donor


def _input(folder: Path, side: str) -> FaceCrop:
    numbers = json.loads((folder / f"{side}.json").read_text(encoding="utf-8"))
    image = read_picture(folder / f"{side}.png")
    marks, mesh = (np.array(numbers[name], np.float32) for name in ("landmarks", "mesh"))
    for array in (image, marks, mesh):
        array.flags.writeable = False
    yaw, pitch, roll = numbers["pose"]
    return FaceCrop(image, marks, mesh, yaw, pitch, roll, numbers["identity"])


def learned(key: str) -> bool:
    """Say whether making it takes the small networks."""
    kind, _, name = key.partition("/")
    return kind == "methods" and METHODS.load(name).learned


def make(key: str, small: SmallWeights | None = None) -> Made:
    """Make what a registered plug-in makes today.

    Args:
        key: One of ``registered``.
        small: For learned methods; ``DATAGEN_WEIGHTS`` must name its folder.

    Raises:
        ValueError: A fake is too near the real to show anything.
    """
    kind, _, name = key.partition("/")
    if kind == "methods":
        return _make_fake(name, small)
    return _make_degraded(name) if kind == "degradations" else _make_portrait()


def _make_fake(name: str, small: SmallWeights | None) -> Made:
    kind = METHODS.load(name)
    networks = None
    if kind.learned:
        assert small is not None
        method = kind.build({**small.options[name], "batch": 1})
        networks = _digest_of_networks(small, (*method.weight_ids(), method.enhancer_id()))
    else:
        method = kind.build({})
    target, donor = inputs()
    known = method.donor_identities()
    if known is not None:
        donor = dataclasses.replace(donor, identity=min(known))
    ctx = Context(target, donor if method.needs_donor else None)
    params = method.sample(rng("golden", name), ctx)
    result = method.apply(ctx, params)
    parts = {"fake": result.image, "mask": result.mask}
    real = target.image
    if result.real is not None:
        parts["real"] = real = result.real
    if method.has_control:
        parts["control"] = method.control(ctx, params)
    apart = np.abs(real.astype(float) - result.image).mean(axis=2)
    change = float((apart * result.mask).sum() / result.mask.sum())
    if change < method.min_change:
        raise ValueError(f"{name} changes too little to be frozen: {change:.2f} gray levels")
    return Made("methods", name, kind.version, parts, networks)


# Kinds that were frozen under another name, which is part of their random stream.
_FROZEN_AS = {"color": "colour"}


def _make_degraded(name: str) -> Made:
    kind = DEGRADATIONS.load(name)
    # One kind has no ladder.
    built = kind.at(SEVERITY) if kind.levels else kind.build(example_options(name))
    image = inputs()[0].image
    stream = rng("golden", _FROZEN_AS.get(name, name))
    if kind.clips_only:
        clip = moving_clip(image)
        params = built.sample(stream, (clip[0].shape[0], clip[0].shape[1]))
        strip = np.hstack(built.apply_clips([clip], params)[0])
        return Made("degradations", name, kind.version, {"damaged": strip})
    params = built.sample(stream, (image.shape[0], image.shape[1]))
    return Made("degradations", name, kind.version, {"damaged": built.apply(image, params)})


def _make_portrait() -> Made:
    portrait = _computed(*_PEOPLE["target"]).image
    return Made("sources", "procedural", VERSION, {"portrait": portrait})


def _digest_of_networks(small: SmallWeights, cards: tuple[str | None, ...]) -> str:
    found = hashlib.sha256()
    for card in sorted({card for card in cards if card is not None}):
        text = (small.folder / "cards" / f"{card}.yaml").read_text(encoding="utf-8")
        place = small.folder / yaml.safe_load(text)["file"]
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if path.suffix in {".onnx", ".safetensors"}:
                found.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def environment() -> dict[str, Any]:
    """Return what the bytes depend on beside the code."""
    return {"libraries": pixel_libraries(True), "machine": machine()}


def same_environment(then: Mapping[str, Any], now: Mapping[str, Any], networks: bool) -> bool:
    """Say whether the same bytes must come out.

    The version of this package does not count: it must not excuse other bytes.
    """
    names = set(pixel_libraries(networks)) - {"datagen"}
    return all(then["libraries"].get(n) == now["libraries"].get(n) for n in names) and all(
        then["machine"][key] == now["machine"][key] for key in ("architecture", "cpu_features")
    )


class Frozen:
    """The frozen pictures under a folder and the record that goes with them.

    Args:
        folder: Has ``frozen.json`` and ``images``.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        self.folder = folder
        self.entries: dict[str, dict[str, Any]] = {}
        self.environments: dict[str, dict[str, Any]] = {}
        if self._record.exists():
            read = json.loads(self._record.read_text(encoding="utf-8"))
            self.entries, self.environments = read["entries"], read["environments"]

    @property
    def _record(self) -> Path:
        return self.folder / "frozen.json"

    def path(self, name: str, part: str) -> Path:
        """Return the file of a picture."""
        return self.folder / "images" / _FOLDERS[part] / f"{name}.png"

    def pictures(self) -> Iterator[tuple[Path, str]]:
        """Iterate over the files that belong to the record, and the digests of their pixels."""
        for key, entry in self.entries.items():
            for part, value in entry["sha256"].items():
                yield self.path(key.partition("/")[2], part), value

    def exact(self, key: str) -> bool:
        """Say whether an entry was frozen with the libraries and the processor of today."""
        entry = self.entries[key]
        then = self.environments[entry["environment"]]
        return same_environment(then, environment(), "networks" in entry)

    def problem(self, made: Made) -> str | None:
        """Say what is wrong with what a plug-in makes today; ``None``: nothing."""
        entry = self.entries.get(made.key)
        again = f"freeze anew with: {COMMAND} {made.name}"
        if entry is None:
            return f"{made.key} has no frozen picture: {again}"
        if made.version > entry["version"]:
            was = entry["version"]
            return f"{made.key} went from version {was} to {made.version}: {again}"
        return self.difference(made)

    def difference(self, made: Made) -> str | None:
        """Say how a frozen plug-in of the same version differs from what it was."""
        entry = self.entries[made.key]
        if made.version < entry["version"]:
            return f"{made.key} fell from version {entry['version']} to {made.version}"
        if made.parts.keys() != entry["sha256"].keys():
            return f"{made.key} made {sorted(entry['sha256'])}, now {sorted(made.parts)}"
        exact = self.exact(made.key)
        if made.networks != entry.get("networks"):
            # Networks that were trained elsewhere are others: nothing can be said of the pictures.
            return f"{made.key}: the small networks have other weights" if exact else None
        found = [self._apart(made, part, exact) for part in made.parts]
        told = [text for text in found if text is not None]
        return f"{made.key} of version {made.version}: {', '.join(told)}" if told else None

    def _apart(self, made: Made, part: str, exact: bool) -> str | None:
        now = made.parts[part]
        if digest(now) == self.entries[made.key]["sha256"][part]:
            return None
        then = read_picture(self.path(made.name, part))
        if then.shape != now.shape:
            return f"{part} had shape {then.shape}, now {now.shape}"
        near = cv2.PSNR(then, now)
        if near >= NEAR and not exact:
            return None
        count = int((then != now).sum())
        return f"{part} differs in {count} of {now.size} values, PSNR {near:.1f} dB"

    def freeze(self, made: Made) -> bool:
        """Write the pictures of a plug-in; says whether anything is new.

        Raises:
            ValueError: Its bytes changed and its version did not rise.
        """
        entry = self.entries.get(made.key)
        if entry is not None and made.version <= entry["version"]:
            if (text := self.difference(made)) is not None:
                raise ValueError(f"{text}. Raise `version`, or make the old bytes again")
            if self.exact(made.key) and made.networks == entry.get("networks"):
                return False
        now = environment()
        place = hashlib.sha256(json.dumps(now, sort_keys=True).encode()).hexdigest()[:8]
        digests = {part: digest(picture) for part, picture in made.parts.items()}
        fresh: dict[str, Any] = {"version": made.version, "environment": place, "sha256": digests}
        if made.networks is not None:
            fresh["networks"] = made.networks
        self._drop_pictures(made.key)
        for part, picture in made.parts.items():
            _write(self.path(made.name, part), picture)
        self.environments[place] = now
        self.entries[made.key] = fresh
        return True

    def drop(self, key: str) -> None:
        """Remove an entry and its pictures."""
        self._drop_pictures(key)
        del self.entries[key]

    def _drop_pictures(self, key: str) -> None:
        for part in self.entries.get(key, {}).get("sha256", ()):
            self.path(key.partition("/")[2], part).unlink(missing_ok=True)

    def write(self) -> None:
        """Write the record."""
        used = {entry["environment"] for entry in self.entries.values()}
        kept = {name: value for name, value in self.environments.items() if name in used}
        record = {"environments": kept, "entries": self.entries}
        text = json.dumps(record, indent=1, sort_keys=True)
        self._record.write_text(text + "\n", encoding="utf-8")


def read_picture(path: Path) -> Picture:
    """Return the pixels of a PNG."""
    with Image.open(path) as picture:
        return np.array(picture, np.uint8)


def _write(path: Path, picture: Picture) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path, optimize=True)
