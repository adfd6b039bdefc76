"""Embedders that tell people apart, by their weight cards."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import cv2
import numpy as np

from datagen.core.arrays import Image, Landmarks
from datagen.errors import CardError, ItemError, WeightsError
from datagen.faces.crop import face_box
from datagen.networks.alignment.align import align_matrix
from datagen.networks.onnx.session import Floats, Port, Session
from datagen.weights import Embedder, WeightCard
from datagen.weights.store import WeightStore, weight_store

__all__ = ["IdentityNetwork", "cosine", "embedder_card", "face_input", "open_identity"]


def embedder_card(card_id: str) -> tuple[WeightCard, Embedder]:
    """Return a card with its contract of an embedder; reads no network.

    Raises:
        CardError: The card is missing, or is none of an embedder.
    """
    store = weight_store()
    card = store.card(card_id)
    if card.embedder is None:
        kinds = [name for name in store.known() if _is_embedder(store, name)]
        raise CardError(
            f"weight card {card_id!r} has no section 'embedder'. Embedders are: {', '.join(kinds)}"
        )
    return card, card.embedder


def _is_embedder(store: WeightStore, name: str) -> bool:
    try:
        return store.card(name).embedder is not None
    except CardError:
        return False


def cosine(first: Floats, second: Floats) -> float:
    """Return the cosine similarity of two embeddings of unit length."""
    return float(np.dot(first.astype(np.float64), second.astype(np.float64)))


def face_input(image: Image, landmarks: Landmarks, how: Embedder) -> Image:
    """Return the face as the network takes it, ``(size, size, 3)`` uint8 RGB.

    An image that is finer than the input is averaged to its scale first. Beyond the image its
    edge is repeated for a box, and black for a template, as in training.

    Args:
        image: Image, ``(height, width, 3)``; not written to.
        landmarks: The 68 points of the face.
        how: The embedder's contract.

    Raises:
        ItemError: ``method_failed`` when the points coincide.
    """
    if how.template is not None:
        matrix = align_matrix(landmarks, how.template, how.size)
        border = cv2.BORDER_CONSTANT
    else:
        assert how.box is not None
        x0, y0, x1, y1 = (float(value) for value in face_box(landmarks))
        scale = how.size / max(how.box * max(x1 - x0, y1 - y0), 1.0)
        # Pixels are squares: the corner of the first one is at -0.5.
        middle = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
        shift = (how.size - 1) / 2 - scale * middle
        matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
        border = cv2.BORDER_REPLICATE
    if not np.isfinite(matrix).all():
        raise ItemError("method_failed", "the face cannot be aligned")
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    if scale < 1:
        height, width = (max(2, round(side * scale)) for side in image.shape[:2])
        across = np.array([width / image.shape[1], height / image.shape[0]])
        image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA))
        matrix = matrix.copy()
        matrix[:, 2] += matrix[:, :2] @ (0.5 / across - 0.5)
        matrix[:, :2] /= across
    size = (how.size, how.size)
    taken = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=border)
    return np.asarray(taken, np.uint8)


class IdentityNetwork:
    """An opened embedder.

    What a release says of a face comes from ``face``, one by one: no batch changes a last bit.

    Args:
        card_id: Id of a weight card with a section ``embedder``.
        device, threads: Device, and number of CPU cores.

    Raises:
        CardError: The card is missing, or is none of an embedder.
        WeightsError: The file is missing, damaged, or not what the card describes.
        DeviceError: The device is missing.
        MissingExtraError: onnxruntime is not installed.
    """

    def __init__(self, card_id: str, device: str = "cpu", threads: int = 1) -> None:
        card, self.contract = embedder_card(card_id)
        self.card_id = card_id
        self._session = Session(weight_store().fetch(card), device, threads)
        how = self.contract
        wanted = (None, 3, how.size, how.size)
        self._check(self._session.inputs, "input", how.input, wanted)
        self._check(self._session.outputs, "output", how.output, (None, how.length))
        self._free = self._session.inputs[0].shape[0] is None
        if len(self._session.inputs) > 1:
            raise self._wrong("it has more inputs than the card describes")

    def __call__(self, faces: Sequence[Image]) -> Floats:
        """Return embeddings of unit length, ``(n, length)`` float32.

        Args:
            faces: Faces as ``face_input`` returns them.

        Raises:
            ItemError: ``network_failed`` where one is NaN, infinite or zero.
        """
        how, inputs = self.contract, self._numbers(faces)
        # A file may take one face per call.
        step = len(inputs) if self._free else 1
        rows = [
            self._session([how.output], {how.input: inputs[start : start + step]})[0]
            for start in range(0, len(inputs), step)
        ]
        found = np.concatenate(rows)
        length = np.linalg.norm(found, axis=1, keepdims=True)
        if found.shape[1] != how.length:
            raise self._wrong(f"it returns {found.shape[1]} numbers, the card says {how.length}")
        if not np.isfinite(length).all() or not length.all():
            raise ItemError("network_failed", "the embedding contains NaN, infinity or only zeros")
        return np.asarray(found / length, np.float32)

    def face(self, image: Image, landmarks: Landmarks) -> Floats:
        """Return the embedding of one face of an image, ``(length,)``.

        Raises:
            ItemError: ``method_failed`` or ``network_failed``.
        """
        return np.asarray(self([face_input(image, landmarks, self.contract)])[0], np.float32)

    def _numbers(self, faces: Sequence[Image]) -> Floats:
        low, high = self.contract.values
        images = np.stack(faces)
        if self.contract.color == "bgr":
            images = images[..., ::-1]
        scaled = images.transpose(0, 3, 1, 2).astype(np.float32, order="C")
        if (low, high) != (0, 255):
            scaled *= np.float32((high - low) / 255)
            scaled += np.float32(low)
        return scaled

    def _check(
        self, ports: Sequence[Port], what: str, name: str, wanted: tuple[int | None, ...]
    ) -> None:
        found = next((port for port in ports if port.name == name), None)
        if found is None:
            known = ", ".join(repr(port.name) for port in ports)
            raise self._wrong(f"the card names the {what} {name!r}; the file has {known}")
        fits = len(found.shape) == len(wanted) and all(
            None in (is_, want) or is_ == want
            for is_, want in zip(found.shape, wanted, strict=True)
        )
        if not fits or found.shape[0] not in (None, 1) or found.kind != "float32":
            axes = ", ".join("free" if side is None else str(side) for side in wanted)
            raise self._wrong(f"{what} {found} of {found.kind}; the card describes [{axes}] floats")

    def _wrong(self, problem: str) -> WeightsError:
        return WeightsError(
            f"{self._session.path}: not the embedder of weight card {self.card_id!r}: {problem}. "
            "Correct the card, or use the file that it describes"
        )


def open_identity(card_id: str) -> IdentityNetwork:
    """Open an embedder on one CPU core, once per process.

    Raises:
        CardError, WeightsError, MissingExtraError: See ``IdentityNetwork``.
    """
    store = weight_store()
    return _opened(card_id, store, store.card(card_id).model_dump_json())


@functools.lru_cache(maxsize=4)
def _opened(card_id: str, store: WeightStore, card: str) -> IdentityNetwork:
    del store, card  # only parts of the key: another store has other files, a card may change
    return IdentityNetwork(card_id)
