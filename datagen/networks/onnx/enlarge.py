"""Networks that enlarge images of any size (super-resolution)."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from datagen.core.arrays import Image
from datagen.errors import CardError, ItemError, WeightsError
from datagen.networks.batch import BatchRunner
from datagen.networks.normalize import to_image, to_network
from datagen.networks.onnx.card import face_of, load_contract
from datagen.networks.onnx.network import open_network
from datagen.networks.onnx.session import Floats
from datagen.weights import Network
from datagen.weights.store import WeightStore, weight_store

__all__ = ["Enlarger", "enlarged_image", "enlarging_contract", "open_enlarger"]


def enlarging_contract(card_id: str) -> Network:
    """Return the contract of a card whose network enlarges images.

    Raises:
        CardError: The card is missing, has another task, or its network does not enlarge.
    """
    contract = load_contract(card_id, ["enhance"])
    if contract.enlarges == 1:
        raise CardError(
            f"weight card {card_id!r}: network.enlarges is 1, expected 2 to 8: the network gives "
            "images of the size that it takes. Name another card, such as 'esrgan_slim_x2'"
        )
    return contract


def enlarged_image(output: Floats, contract: Network, image: Image, card_id: str) -> Image:
    """Return one output of a network that enlarges.

    Args:
        output: Output, ``(3, height, width)``.
        contract: Contract of the network.
        image: Its input.
        card_id: Id of its card, for messages.

    Raises:
        ItemError: See ``to_image``.
        WeightsError: It is larger by another factor than the card says.
    """
    height, width = (contract.enlarges * side for side in image.shape[:2])
    if output.shape[1:] != (height, width):
        raise WeightsError(
            f"weight card {card_id!r}: network.enlarges is {contract.enlarges}, but an image of "
            f"{image.shape[1]}x{image.shape[0]} pixels came back as "
            f"{output.shape[2]}x{output.shape[1]}. Correct the card"
        )
    return to_image(output, contract, image, (height, width))


class Enlarger:
    """An opened network that enlarges images of one shape, in batches.

    Args:
        card_id: Id of a weight card with ``network.enlarges``.
        device, threads: Device, and number of CPU cores.
        batch: Number of images per call.

    Raises:
        CardError, WeightsError, DeviceError, MissingExtraError: See ``open_network`` and
            ``enlarging_contract``.
    """

    def __init__(self, card_id: str, device: str, threads: int, batch: int) -> None:
        self.contract = enlarging_contract(card_id)
        self._card_id = card_id
        self._network = open_network(card_id, device, threads)
        self._how = face_of(self.contract)
        self._runner = BatchRunner(batch, f"network {card_id!r} on {device}")

    @property
    def batch(self) -> int:
        """Number of images per call, after any halving."""
        return self._runner.size

    def __call__(self, images: Sequence[Image]) -> list[Image | ItemError]:
        """Return each image enlarged by ``contract.enlarges``, or the error in its place.

        Raises:
            DeviceError: Not even one image fits into the device's memory.
            WeightsError: The network enlarges by another factor.
        """
        return self._runner(self._run, images)

    def _run(self, images: list[Image]) -> list[Image | ItemError]:
        outputs = self._network(to_network(images, self._how))[0]
        return [self._read(*pair) for pair in zip(outputs, images, strict=True)]

    def _read(self, output: Floats, image: Image) -> Image | ItemError:
        try:
            return enlarged_image(np.asarray(output), self.contract, image, self._card_id)
        except ItemError as error:
            return error


def open_enlarger(card_id: str, device: str, threads: int, batch: int) -> Enlarger:
    """Open a network that enlarges, once per process for each configuration.

    Raises:
        CardError, WeightsError, DeviceError, MissingExtraError: See ``Enlarger``.
    """
    return _opened(card_id, weight_store(), device, threads, batch)


@functools.lru_cache(maxsize=8)
def _opened(card_id: str, store: WeightStore, device: str, threads: int, batch: int) -> Enlarger:
    del store  # only part of the key: another store has other files
    return Enlarger(card_id, device, threads, batch)
