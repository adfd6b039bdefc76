"""From aligned faces to aligned faces: a card's network with all it leans on, in batches."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from datagen.core.arrays import Image, Mask
from datagen.errors import ItemError
from datagen.networks.batch import BatchRunner
from datagen.networks.normalize import image_of, mask_of, to_network
from datagen.networks.onnx.card import face_of
from datagen.networks.onnx.embed import Embedder, embedding_face, open_embedder
from datagen.networks.onnx.network import open_network
from datagen.networks.onnx.session import Floats
from datagen.weights import FaceInput, Network
from datagen.weights.store import WeightStore, weight_store

__all__ = ["Made", "OnnxFaces", "donor_face", "open_faces"]


class Made(NamedTuple):
    """What a network made of one face, both of the size of the face that went in."""

    face: Image
    mask: Mask | None


Item = tuple[Image, Image | None]


class OnnxFaces:
    """A network that makes faces.

    Args:
        card_id: A card of task ``swap``, ``edit`` or ``enhance``.
        device, threads: Where, and how many cores.
        batch: Faces a call.

    Raises:
        CardError, WeightsError, DeviceError, MissingExtraError: See ``open_network``.
    """

    def __init__(self, card_id: str, device: str, threads: int, batch: int) -> None:
        self._network = open_network(card_id, device, threads)
        self.contract = self._network.contract
        self._how = face_of(self.contract)
        self._embedder: Embedder | None = None
        if self.contract.identity == "embedding":
            self._embedder = open_embedder(card_id, device, threads)
        self._runner = BatchRunner(batch, f"network {card_id!r} on {device}")

    @property
    def batch(self) -> int:
        """Faces a call, after halving."""
        return self._runner.size

    def __call__(self, items: Sequence[Item]) -> list[Made | ItemError]:
        """Return what the network makes of each face, or why it cannot be used.

        Args:
            items: Aligned face, and the donor's aligned for the embedder or the network.

        Raises:
            DeviceError: Not even one face fits into the device's memory.
        """
        return self._runner(self._run, items)

    def _run(self, items: list[Item]) -> list[Made | ItemError]:
        faces = [face for face, _ in items]
        inputs = [to_network(faces, self._how)]
        lost = [False] * len(items)
        if self.contract.identity != "none":
            identity = self._identity([donor for _, donor in items])
            lost = [bool(np.isnan(row).any()) for row in identity]
            identity[lost] = 0
            inputs.append(identity)
        outputs = self._network(*inputs)
        return [
            ItemError("network_failed", "the donor's embedding holds NaN or infinity")
            if lost[row]
            else self._read(face, [output[row] for output in outputs])
            for row, face in enumerate(faces)
        ]

    def _identity(self, donors: Sequence[Image | None]) -> Floats:
        given = [donor for donor in donors if donor is not None]
        if len(given) < len(donors):
            raise ValueError("this network needs a donor and the plan gave none")
        if self._embedder is not None:
            return self._embedder(given)
        assert self.contract.identity_face is not None
        return to_network(given, self.contract.identity_face)

    def _read(self, face: Image, outputs: Sequence[Floats]) -> Made | ItemError:
        try:
            mask = mask_of(outputs[1], face) if len(outputs) > 1 else None
            return Made(image_of(outputs[0], self.contract, face), mask)
        except ItemError as error:
            return error


def donor_face(card_id: str, contract: Network) -> FaceInput | None:
    """Return how a donor is aligned for a network; ``None`` where it takes none."""
    if contract.identity == "embedding":
        return embedding_face(card_id)
    return contract.identity_face


def open_faces(card_id: str, device: str, threads: int, batch: int) -> OnnxFaces:
    """Open a network that makes faces, once a process for each way to run it.

    Raises:
        CardError, WeightsError, DeviceError, MissingExtraError: See ``open_network``.
    """
    return _opened(card_id, weight_store(), device, threads, batch)


@functools.lru_cache(maxsize=8)
def _opened(card_id: str, store: WeightStore, device: str, threads: int, batch: int) -> OnnxFaces:
    del store  # only part of the key: another store has other files
    return OnnxFaces(card_id, device, threads, batch)
