"""Face enhancers: a step after a swap that is applied to every image of a pair."""

from __future__ import annotations

import functools

import cv2
import numpy as np

from datagen.core.arrays import Image, Landmarks
from datagen.networks.alignment.aligned import align_face, paste_aligned
from datagen.networks.batch import BatchRunner
from datagen.networks.normalize import to_image, to_network
from datagen.networks.onnx.card import face_of, load_contract
from datagen.networks.onnx.enlarge import enlarged_image
from datagen.networks.onnx.network import open_network
from datagen.weights.store import WeightStore, weight_store

__all__ = ["Enhancer", "open_enhancer"]


class Enhancer:
    """Enhances a face in its image.

    It takes one face at a time: the real is enhanced for the pair and again for the control, and
    both results must be equal, whatever else is in the batch. Published networks (GFPGAN,
    CodeFormer, GPEN) have a batch size of one anyway. A network that enlarges takes the face shrunk
    by its factor.

    Args:
        card_id: Id of a weight card with the task ``enhance``.
        device, threads: Device, and number of CPU cores.

    Raises:
        CardError: The card is missing or has another task.
        WeightsError: The file is missing, damaged, or not what the card describes.
        DeviceError: The device is missing.
    """

    def __init__(self, card_id: str, device: str, threads: int) -> None:
        contract = load_contract(card_id, ["enhance"])
        self._network = open_network(card_id, device, threads)
        self._contract = contract
        self._card_id = card_id
        self._how = face_of(contract)
        # A network that enlarges takes the face at its size and gives it back larger.
        larger = self._how.size * contract.enlarges
        self._at = self._how.model_copy(update={"size": larger})
        self._runner = BatchRunner(1, f"enhancer {card_id!r} on {device}")

    def __call__(self, image: Image, landmarks: Landmarks, blend: float) -> Image:
        """Return the image with its face enhanced.

        Args:
            image: Image, ``(height, width, 3)``; not written to.
            landmarks: Landmarks of the face.
            blend: Weight of the enhanced face, 0 to 1.

        Raises:
            ItemError: ``network_failed`` or ``black_image``.
            DeviceError: The face does not fit into the device's memory.
        """
        aligned = align_face(image, landmarks, self._at)
        face, side = aligned.face, self._how.size
        if self._contract.enlarges > 1:
            smaller = cv2.resize(face, (side, side), interpolation=cv2.INTER_AREA)
            face = np.asarray(smaller, np.uint8)
        (output,) = self._runner(
            lambda faces: list(self._network(to_network(faces, self._how))[0]), [face]
        )
        enhanced = (
            to_image(output, self._contract, face)
            if self._contract.enlarges == 1
            else enlarged_image(output, self._contract, face, self._card_id)
        )
        within = np.full(enhanced.shape[:2], round(255 * blend), np.uint8)
        return paste_aligned(aligned, enhanced, within)[0]


def open_enhancer(card_id: str, device: str, threads: int) -> Enhancer:
    """Open an enhancer, once per process for each configuration.

    Raises:
        CardError, WeightsError, DeviceError, MissingExtraError: See ``open_network``.
    """
    return _opened(card_id, weight_store(), device, threads)


@functools.lru_cache(maxsize=2)
def _opened(card_id: str, store: WeightStore, device: str, threads: int) -> Enhancer:
    del store  # only part of the key: another store has other files
    return Enhancer(card_id, device, threads)
