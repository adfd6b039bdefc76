"""Face enhancers: the step after a swap, which goes over every member of a pair alike."""

from __future__ import annotations

import functools

import numpy as np

from datagen.core.arrays import Image, Landmarks
from datagen.networks.alignment.aligned import align_face, paste_aligned
from datagen.networks.batch import BatchRunner
from datagen.networks.normalize import image_of, to_network
from datagen.networks.onnx.card import face_of, load_contract
from datagen.networks.onnx.network import open_network
from datagen.weights.store import WeightStore, weight_store

__all__ = ["Enhancer", "open_enhancer"]


class Enhancer:
    """Restores a face where it stands.

    It takes one face at a time: the real is enhanced for the pair and again for the control, and
    both must come out equal, whatever else is in the batch. The published networks (GFPGAN,
    CodeFormer, GPEN) have a batch of one anyway.

    Args:
        card_id: A card of task ``enhance``.
        device, threads: Where, and how many cores.

    Raises:
        CardError: No such card, or another task.
        WeightsError: The file is missing, damaged, or not as the card says.
        DeviceError: The device is not there.
    """

    def __init__(self, card_id: str, device: str, threads: int) -> None:
        contract = load_contract(card_id, ["enhance"])
        self._network = open_network(card_id, device, threads)
        self._contract = contract
        self._how = face_of(contract)
        self._runner = BatchRunner(1, f"enhancer {card_id!r} on {device}")

    def __call__(self, image: Image, landmarks: Landmarks, blend: float) -> Image:
        """Return the image with its face enhanced.

        Args:
            image: ``(height, width, 3)``; not written to.
            landmarks: Where the face is.
            blend: Weight of the enhanced face, in [0, 1].

        Raises:
            ItemError: ``network_failed`` or ``black_image``.
            DeviceError: The face does not fit into the device's memory.
        """
        aligned = align_face(image, landmarks, self._how)
        (output,) = self._runner(
            lambda faces: list(self._network(to_network(faces, self._how))[0]), [aligned.face]
        )
        enhanced = image_of(output, self._contract, aligned.face)
        within = np.full(enhanced.shape[:2], round(255 * blend), np.uint8)
        return paste_aligned(aligned, enhanced, within)[0]


def open_enhancer(card_id: str, device: str, threads: int) -> Enhancer:
    """Open an enhancer, once a process for each way to run it.

    Raises:
        CardError, WeightsError, DeviceError, MissingExtraError: See ``open_network``.
    """
    return _opened(card_id, weight_store(), device, threads)


@functools.lru_cache(maxsize=2)
def _opened(card_id: str, store: WeightStore, device: str, threads: int) -> Enhancer:
    del store  # only part of the key: another store has other files
    return Enhancer(card_id, device, threads)
