"""A card's network from aligned faces to aligned faces, with those it depends on, in batches."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from datagen.core.arrays import Image, Mask
from datagen.errors import ItemError
from datagen.networks.batch import BatchRunner
from datagen.networks.normalize import to_image, to_mask, to_network
from datagen.networks.onnx.card import face_of
from datagen.networks.onnx.embed import Embedder, embedding_face, open_embedder
from datagen.networks.onnx.network import open_network
from datagen.networks.onnx.session import Floats
from datagen.weights import FaceInput, Network
from datagen.weights.store import WeightStore, weight_store

__all__ = ["Made", "OnnxFaces", "donor_face", "open_faces"]


class Made(NamedTuple):
    """Output of a network for one face, of the size of the input."""

    face: Image
    mask: Mask | None


Item = tuple[Image, Image | None]


class OnnxFaces:
    """A network that generates faces.

    Args:
        card_id: Id of a weight card with the task ``swap``, ``edit`` or ``enhance``.
        device, threads: Device, and number of CPU cores.
        batch: Number of faces per call.

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
        """Number of faces per call, after any halving."""
        return self._runner.size

    def __call__(self, items: Sequence[Item]) -> list[Made | ItemError]:
        """Return the output for each face, or the error in its place.

        Args:
            items: Aligned target, and donor aligned for the embedder or the network.

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
            ItemError("network_failed", "the donor's embedding contains NaN or infinity")
            if lost[row]
            else self._read(face, [output[row] for output in outputs])
            for row, face in enumerate(faces)
        ]

    def _identity(self, donors: Sequence[Image | None]) -> Floats:
        given = [donor for donor in donors if donor is not None]
        if len(given) < len(donors):
            raise ValueError("this network needs a donor, but the plan has none")
        if self._embedder is not None:
            return self._embedder(given)
        assert self.contract.identity_face is not None
        return to_network(given, self.contract.identity_face)

    def _read(self, face: Image, outputs: Sequence[Floats]) -> Made | ItemError:
        try:
            mask = to_mask(outputs[1], face) if len(outputs) > 1 else None
            return Made(to_image(outputs[0], self.contract, face), mask)
        except ItemError as error:
            return error


def donor_face(card_id: str, contract: Network) -> FaceInput | None:
    """Return the format of a network's aligned donor; ``None`` if it takes none."""
    if contract.identity == "embedding":
        return embedding_face(card_id)
    return contract.identity_face


def open_faces(card_id: str, device: str, threads: int, batch: int) -> OnnxFaces:
    """Open a network that generates faces, once per process for each configuration.

    Raises:
        CardError, WeightsError, DeviceError, MissingExtraError: See ``open_network``.
    """
    store = weight_store()
    card = store.card(card_id).model_dump_json()
    return _opened(card_id, store, card, device, threads, batch)


@functools.lru_cache(maxsize=8)
def _opened(
    card_id: str, store: WeightStore, card: str, device: str, threads: int, batch: int
) -> OnnxFaces:
    del store, card  # only parts of the key: another store has other files, a card may change
    return OnnxFaces(card_id, device, threads, batch)
