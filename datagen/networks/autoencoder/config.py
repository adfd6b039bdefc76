"""The folder of a trained autoencoder: what its ``config.json`` says, and which files it has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from datagen.core.schema import Frozen, parse
from datagen.errors import WeightsError

__all__ = [
    "CONFIG",
    "FACES",
    "TENSORS",
    "AutoencoderConfig",
    "Shape",
    "TrainedPerson",
    "read_autoencoder_config",
]

CONFIG, TENSORS, FACES = "config.json", "model.safetensors", "faces.csv"


class Shape(Frozen):
    """How large the network is.

    Attributes:
        size: Side of the aligned face in pixels.
        width: Channels of the first convolution; 128 is the first deepfakes tool's.
    """

    size: Literal[64, 128, 256] = 128
    width: int = Field(default=64, ge=4, le=256)


class TrainedPerson(Frozen):
    """An identity that has a decoder.

    Attributes:
        identity: As ``source/identity``.
        split: Of the people that it was trained with; all of one network are of one split.
        faces: How many faces of this person it was trained on.
    """

    identity: str = Field(pattern=r"^[^/]+/.+$")
    split: Literal["train", "val", "test"]
    faces: int = Field(ge=1)


class AutoencoderConfig(Frozen):
    """What ``config.json`` of a trained folder says.

    Attributes:
        people: Whose decoders it has, in the order of their tensors.
        steps: How long it was trained.
        cards: Digests of the source cards, by their ids.
        expires: Day after which the first consent ends, ISO 8601; empty: none does.
        settings: Digest of all that decides the weights.
    """

    form: Literal["datagen-autoencoder"] = "datagen-autoencoder"
    version: Literal[1] = 1
    shape: Shape
    people: tuple[TrainedPerson, ...] = Field(min_length=2)
    steps: int = Field(ge=1)
    cards: dict[str, str]
    expires: str = ""
    settings: str

    @model_validator(mode="after")
    def _each_once_and_of_one_split(self) -> AutoencoderConfig:
        names = [person.identity for person in self.people]
        if len(set(names)) < len(names):
            raise ValueError("people: an identity is named twice")
        if len({person.split for person in self.people}) > 1:
            raise ValueError("people: are of several splits, so that identities would leak")
        return self

    def place(self, identity: str) -> int | None:
        """Return which decoder is that of ``identity``, ``None`` when it has none."""
        names = [person.identity for person in self.people]
        return names.index(identity) if identity in names else None


def read_autoencoder_config(folder: Path) -> AutoencoderConfig:
    """Read ``config.json`` of a trained folder.

    Raises:
        WeightsError: It is missing or wrong, with the key.
    """
    path = folder / CONFIG
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(
            f"{path}: cannot be read ({error}). Weights of form 'datagen' are a folder that "
            "'datagen train' wrote"
        ) from None
    return parse(AutoencoderConfig, found, str(path), WeightsError)
