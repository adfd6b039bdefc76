"""Setup of a training: everything that determines the weights, and the folder it claims."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from datagen.core.digests import digest_of
from datagen.core.files import write_atomically
from datagen.core.json_io import read_json
from datagen.core.schema import Frozen, parse
from datagen.errors import ReleaseError, one_per_line
from datagen.faces.index import FaceIndex
from datagen.networks.autoencoder.config import Shape
from datagen.recipe.schema import Purpose
from datagen.release.lock import LOCK_NAME

__all__ = ["SETUP", "Identity", "Setup", "claim", "faces_digest"]

SETUP = "training.json"

_OWN = {LOCK_NAME, SETUP, "checkpoint.safetensors", "log.csv", "preview.png", "weights"}
_SHOWN = 60
_VERSION = 2
_MAX_SETUP = 16 << 20


class Identity(Frozen):
    """An identity loss.

    Attributes:
        embedder: Id of the embedder's weight card.
        sha256: Digest of its file.
        weight: Weight of the loss, above 0 and at most 10.
    """

    embedder: str
    sha256: str
    weight: float = Field(gt=0, le=10)


class Setup(Frozen):
    """Everything that determines the weights, except the number of steps and the device.

    Attributes:
        name: Id of the weight card.
        seed: Seed of the recipe, used for all random choices.
        split: Split of the identities.
        people: Number of faces by ``source/identity``, in the order of the decoders.
        faces: Digest of the faces with their landmarks.
        cards: Digests of the source cards, by id.
        shape: Size of the network.
        batch: Number of faces of each of the two identities of a step.
        rate: Learning rate (Adam), above 0 and at most 0.1.
        adversarial: Weight of the adversarial loss, 0 to 10; 0 for none.
        purpose: Purpose that passed the rights gate.
        identity: The identity loss, if there is one.
    """

    version: Literal[2] = 2
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    seed: int
    split: Literal["train", "val", "test"]
    people: dict[str, int]
    faces: str
    cards: dict[str, str]
    shape: Shape
    batch: int = Field(ge=1)
    rate: float = Field(gt=0, le=0.1)
    adversarial: float = Field(ge=0, le=10)
    purpose: Purpose
    identity: Identity | None = None

    def digest(self) -> str:
        """Return the digest of the training, 64 hex digits."""
        body = self.model_dump(mode="json")
        if self.identity is None:  # trainings that began before there was one keep theirs
            del body["identity"]
        return digest_of(body)


def faces_digest(index: FaceIndex, rows: Iterable[int]) -> str:
    """Return the digest of faces with ids, bytes and landmarks, 64 hex digits."""
    found = []
    for row in rows:
        face = index.face(row)
        marks = [float(value) for value in face.landmarks.ravel()]
        found.append([face.source, face.face_id, face.identity, face.sha256, marks])
    return digest_of(found)


def claim(folder: Path, setup: Setup) -> None:
    """Claim a folder that is new or belongs to this training.

    Raises:
        ReleaseError: It contains something else or another training; says what differs.
    """
    path = folder / SETUP
    if not path.exists():
        foreign = sorted(name for name in _names(folder) if name not in _OWN)
        if foreign or "checkpoint.safetensors" in _names(folder):
            raise ReleaseError(
                f"{folder}: is not the folder of a training "
                f"({', '.join(foreign[:5]) or 'no ' + SETUP}). Use a new or empty one"
            )
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(path, (setup.model_dump_json(indent=2) + "\n").encode())
        return
    begun = _read(path).model_dump(mode="json")
    now = setup.model_dump(mode="json")
    differing = [
        f"{key}: started with {_short(begun[key])}, now {_short(now[key])}"
        for key in now
        if begun[key] != now[key]
    ]
    if differing:
        raise ReleaseError(
            one_per_line(f"{folder}: contains another training:", differing)
            + "\nUse the original settings to continue it, or use another folder."
        )


def _names(folder: Path) -> list[str]:
    if folder.exists() and not folder.is_dir():
        raise ReleaseError(f"{folder}: is a file, expected a folder")
    return [path.name for path in folder.iterdir()] if folder.exists() else []


def _read(path: Path) -> Setup:
    try:
        found = read_json(path, str(path), ReleaseError, _MAX_SETUP)
    except ReleaseError as error:
        raise ReleaseError(f"{error}. Use a new folder", path=path) from None
    version = found.get("version") if isinstance(found, dict) else None
    if version != _VERSION:
        raise ReleaseError(
            f"{path} has version {version!r}; this datagen continues trainings of version "
            f"{_VERSION}. Use a new folder",
            path=path,
            key="version",
        )
    return parse(Setup, found, str(path), ReleaseError)


def _short(value: Any) -> str:
    shown = json.dumps(value)
    return shown if len(shown) <= _SHOWN else shown[: _SHOWN - 1] + "…"
