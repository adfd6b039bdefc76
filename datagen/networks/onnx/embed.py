"""The donor's identity embedding, in the form that a swapping network takes."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from datagen.core.arrays import Image
from datagen.errors import MissingExtraError, WeightsError
from datagen.networks.normalize import to_network
from datagen.networks.onnx.card import face_of, load_contract
from datagen.networks.onnx.network import OnnxNetwork, open_network
from datagen.networks.onnx.session import Floats
from datagen.weights import FaceInput
from datagen.weights.store import weight_store

__all__ = ["Embedder", "embedding_face", "last_initializer", "open_embedder"]


def embedding_face(swap_id: str) -> FaceInput:
    """Return the format of the donor's aligned face for the embedder of a swap's card."""
    swap = load_contract(swap_id, ["swap"])
    return face_of(load_contract(swap.embedder, ["embed"]))


def last_initializer(path: Path) -> Floats:
    """Return the last initializer of an ONNX file, where inswapper stores its ``emap``.

    Raises:
        MissingExtraError: The package ``onnx`` is not installed.
        WeightsError: The last initializer is not a square matrix.
    """
    try:
        import onnx
    except ImportError:
        raise MissingExtraError("onnx", "onnx", "the emap in a swapping network's file") from None
    found = onnx.load(str(path)).graph.initializer
    matrix = np.asarray(onnx.numpy_helper.to_array(found[-1]) if found else [], np.float32)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise WeightsError(
            f"{path}: the card has emap: true, but the file's last initializer has shape "
            f"{list(matrix.shape)}, expected a square matrix. Set emap: false, or get the file "
            "whose last initializer is the emap (an optimizer may have moved it)"
        )
    return matrix


class Embedder:
    """Network, converter and ``emap`` combined.

    As in insightface's ``INSwapper`` (emap) and the converters of SimSwap and Ghost: the
    converter takes the raw embedding, ``emap`` one of unit length.

    Args:
        network: Network that computes the embedding.
        converter: Network that is applied to the embedding first, if any.
        emap: Matrix that the embedding is multiplied by, if any.
        unit: Whether the result is scaled to unit length.
    """

    def __init__(
        self,
        network: OnnxNetwork,
        converter: OnnxNetwork | None,
        emap: Floats | None,
        unit: bool,
    ) -> None:
        self.face = face_of(network.contract)
        self._network = network
        self._converter = converter
        self._emap = emap
        self._unit = unit

    def __call__(self, faces: Sequence[Image]) -> Floats:
        """Return embeddings, ``(n, width)`` float32; all of an unusable row is NaN.

        Args:
            faces: Donors, aligned as described by ``face``, ``(size, size, 3)`` uint8.

        Raises:
            OutOfMemoryError: The batch does not fit into the device's memory.
        """
        (rows,) = self._network(to_network(faces, self.face))
        if self._converter is not None:
            (rows,) = self._converter(rows)
        if self._emap is not None:
            rows = _to_unit(rows) @ self._emap
        if self._unit:
            rows = _to_unit(rows)
        rows[~np.isfinite(rows).all(axis=1)] = np.nan
        return rows


def open_embedder(swap_id: str, device: str, threads: int) -> Embedder:
    """Open the networks that compute the embedding for a swap's card.

    Raises:
        CardError: A card is missing or has another task.
        WeightsError: A file is missing or damaged, or the widths do not match.
        DeviceError: The device is missing.
        MissingExtraError: A package is not installed.
    """
    swap = open_network(swap_id, device, threads)
    contract = load_contract(swap_id, ["swap"])
    load_contract(contract.embedder, ["embed"])
    network = open_network(contract.embedder, device, threads)
    converter = None
    chain = [network]
    if contract.converter:
        load_contract(contract.converter, ["convert"])
        converter = open_network(contract.converter, device, threads)
        chain.append(converter)
    for one, other in zip(chain, [*chain[1:], swap], strict=True):
        _check_widths(one, other)
    emap = None
    if contract.emap:
        emap = _emap(weight_store().fetch(weight_store().card(swap_id)))
        _check_emap(swap, emap)
    return Embedder(network, converter, emap, contract.unit)


@functools.lru_cache(maxsize=2)
def _emap(path: Path) -> Floats:
    return last_initializer(path)


def _check_widths(one: OnnxNetwork, other: OnnxNetwork) -> None:
    gives, takes = one.outputs[0].shape[1], other.inputs[-1].shape[1]
    if None not in (gives, takes) and gives != takes:
        raise WeightsError(
            f"weight card {one.card_id!r} returns vectors of {gives} numbers, but "
            f"{other.card_id!r} takes {takes}. Name the embedder and converter that it was "
            "trained with"
        )


def _check_emap(swap: OnnxNetwork, emap: Floats) -> None:
    takes = swap.inputs[-1].shape[1]
    if takes not in (None, emap.shape[1]):
        raise WeightsError(
            f"weight card {swap.card_id!r}: the emap has shape {list(emap.shape)}, but the network "
            f"takes vectors of {takes} numbers. Set emap: false, or get the right file"
        )


def _to_unit(rows: Floats) -> Floats:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(rows / length, np.float32)
