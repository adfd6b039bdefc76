"""insightface's swapping network and embeddings, run through the library's own classes."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Image
from datagen.errors import CardError, ItemError, WeightsError
from datagen.networks.batch import BatchRunner
from datagen.networks.normalize import to_image
from datagen.networks.onnx.session import Floats, Port, Session
from datagen.weights import FaceInput, Network, WeightCard
from datagen.weights.insightface.library import Library, check_pack, load_insightface, quiet
from datagen.weights.store import WeightStore, weight_store

__all__ = ["DONOR", "TARGET", "Item", "LibrarySwap", "check_cards", "open_library_swap"]

TARGET = FaceInput(template="arcface_128", size=128)
DONOR = FaceInput(template="arcface_112_v2", size=112, mean=(0.5,), std=(0.5,))
_SWAP = Network(task="swap", face=TARGET, identity="embedding", embedder="of the pack", emap=True)
_WIDTH = 512

Item: TypeAlias = tuple[Image, Image]
"""Target and donor, aligned as ``TARGET`` and ``DONOR``."""


class LibrarySwap:
    """``INSwapper`` and the recognizer of a pack, in batches.

    The objects are the library's, but they run on sessions of this package, which are
    deterministic and use only the requested device.

    Args:
        weights: Id of the weight card of an inswapper.
        pack: Id of the weight card of an insightface pack.
        device, threads: Device, and number of CPU cores.
        batch: Number of faces per call.

    Raises:
        CardError: A card is missing or of another kind.
        WeightsError: A file is missing, damaged or not what its card describes.
        DeviceError: The device is missing.
        MissingExtraError: insightface or a package that it needs is not installed.
    """

    def __init__(self, weights: str, pack: str, device: str, threads: int, batch: int) -> None:
        library = load_insightface("method 'inswapper'")
        self.version = library.version
        store = weight_store()
        file = store.fetch(_card(weights, "onnx"))
        self._swapper = _swapper(library, file, device, threads)
        folder = store.fetch(_card(pack, "insightface"))
        self._recognizer = _recognizer(library, folder, device, threads)
        inputs = self._swapper.session.get_inputs()
        self._step = batch if all(port.shape[0] is None for port in inputs) else 1
        free = self._recognizer.session.get_inputs()[0].shape[0] is None
        self._donor_step = batch if free else 1
        self._runner = BatchRunner(batch, f"network {weights!r} on {device}")

    @property
    def batch(self) -> int:
        """Number of faces per call, after any halving."""
        return self._runner.size

    def __call__(self, items: Sequence[Item]) -> list[Image | ItemError]:
        """Return the swapped face of each pair, ``(128, 128, 3)``, or the error in its place.

        Raises:
            DeviceError: Not even one face fits into the device's memory.
        """
        return self._runner(self._run, items)

    def _run(self, items: list[Item]) -> list[Image | ItemError]:
        latents = self._latents([donor for _, donor in items])
        lost = np.asarray(np.isnan(latents).any(axis=1))
        latents[lost] = 0
        faces = np.stack([target for target, _ in items]).transpose(0, 3, 1, 2)
        numbers = np.ascontiguousarray(faces, np.float32)
        parts = [
            self._swapper.forward(numbers[rows], latents[rows])
            for rows in _slices(len(items), self._step)
        ]
        outputs = np.concatenate(parts)
        return [
            ItemError(
                "network_failed", "the donor's embedding contains NaN, infinity or only zeros"
            )
            if lost[row]
            else _read(outputs[row], target)
            for row, (target, _) in enumerate(items)
        ]

    def _latents(self, donors: Sequence[Image]) -> Floats:
        """Return embeddings of unit length, multiplied by ``emap``; unusable ones are NaN."""
        blue_first = [np.ascontiguousarray(donor[:, :, ::-1]) for donor in donors]
        parts = [
            self._recognizer.get_feat(blue_first[rows])
            for rows in _slices(len(donors), self._donor_step)
        ]
        rows = _to_unit(np.concatenate(parts))
        with np.errstate(all="ignore"):
            rows = _to_unit(rows @ self._swapper.emap)
        rows[~np.isfinite(rows).all(axis=1)] = np.nan
        return rows


def open_library_swap(
    weights: str, pack: str, device: str, threads: int, batch: int
) -> LibrarySwap:
    """Open network and pack, once per process for each configuration.

    Raises:
        CardError, WeightsError, DeviceError, MissingExtraError: See ``LibrarySwap``.
    """
    return _opened(weights, pack, weight_store(), (device, threads, batch))


@functools.lru_cache(maxsize=2)
def _opened(weights: str, pack: str, store: WeightStore, how: tuple[str, int, int]) -> LibrarySwap:
    del store  # only part of the key: another store has other files
    return LibrarySwap(weights, pack, *how)


class _Runs:
    """A session with the interface that the library's classes use."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._kinds = {port.name: port.kind for port in session.inputs}

    def get_inputs(self) -> list[Port]:
        return self._session.inputs

    def get_outputs(self) -> list[Port]:
        return self._session.outputs

    def run(self, names: Sequence[str], feeds: Mapping[str, NDArray[Any]]) -> list[Floats]:
        arrays = {
            name: np.ascontiguousarray(value, self._kinds[name]) for name, value in feeds.items()
        }
        return self._session(names, arrays)


def check_cards(weights: str, pack: str) -> None:
    """Refuse cards of another kind before anything is opened.

    Raises:
        CardError: Names the key of the recipe, what was found and what is needed.
    """
    _card(weights, "onnx")
    _card(pack, "insightface")


def _card(card_id: str, form: str) -> WeightCard:
    card = weight_store().card(card_id)
    if card.form != form:
        key = "pack" if form == "insightface" else "weights"
        raise CardError(
            f"{key}: weight card {card_id!r} has form {card.form!r}, expected {form!r}. Name "
            "another card ('datagen weights list' shows all)"
        )
    return card


def _swapper(library: Library, path: Path, device: str, threads: int) -> Any:
    session = Session(path, device, threads)
    image, identity = (3, TARGET.size, TARGET.size), (_WIDTH,)
    shapes = [port.shape[1:] for port in session.inputs]
    outputs = [port.shape[1:] for port in session.outputs]
    fits = len(outputs) == 1 and all(
        axis in (None, side) for axis, side in zip(outputs[0], image, strict=False)
    )
    if shapes != [image, identity] or not fits:
        ports = "; ".join(map(str, [*session.inputs, *session.outputs]))
        raise _no_inswapper(
            path, f"expected inputs of 1x3x128x128 and 1x512 and one image as output, found {ports}"
        )
    try:
        with quiet():
            swapper = library.swapper(model_file=str(path), session=_Runs(session))
    except library.broken as error:
        raise _no_inswapper(path, f"insightface cannot load it: {error!r}") from None
    if swapper.emap.shape != (_WIDTH, _WIDTH) or swapper.emap.dtype.kind != "f":
        found = "x".join(map(str, swapper.emap.shape)) or "a number"
        raise _no_inswapper(
            path,
            f"its last initializer is {found} {swapper.emap.dtype}, expected the emap of 512x512 "
            "floats. A converter or an optimizer may have moved it",
        )
    swapper.emap = np.asarray(swapper.emap, np.float32)
    return swapper


def _no_inswapper(path: Path, problem: str) -> WeightsError:
    return WeightsError(
        f"{path}: not an inswapper: {problem}. Use the original file, or method 'onnx_swap' with a "
        "card that describes this one"
    )


def _recognizer(library: Library, folder: Path, device: str, threads: int) -> Any:
    """Let the library find the pack's recognizer, and reopen it on the device."""
    try:
        check_pack(folder)
        with quiet():
            pack = library.analysis(
                name=str(folder),
                allowed_modules=["detection", "recognition"],
                providers=["CPUExecutionProvider"],
            )
    except library.broken as error:
        reason = str(error) or "it contains no detector"
        raise WeightsError(
            f"{folder}: insightface cannot load this model pack: {reason}. Unpack it again"
        ) from None
    recognizer = pack.models.get("recognition")
    if recognizer is None:
        names = ", ".join(path.name for path in sorted(folder.glob("*.onnx")))
        raise WeightsError(
            f"{folder} has no network for recognition (found {names}). Use a complete pack such as "
            "buffalo_l"
        )
    recognizer.session = _Runs(Session(Path(recognizer.model_file), device, threads))
    (face,), (output,) = recognizer.session.get_inputs(), recognizer.session.get_outputs()
    if face.shape[2:] != (DONOR.size, DONOR.size) or output.shape[-1] not in (None, _WIDTH):
        raise WeightsError(
            f"{recognizer.model_file}: {face} to {output} is not the recognizer that inswapper was "
            "trained with, which takes 112x112 pixels and returns 512 numbers. Set pack to the "
            "card of a pack such as buffalo_l"
        )
    return recognizer


def _slices(count: int, step: int) -> list[slice]:
    return [slice(start, start + step) for start in range(0, count, step)]


def _read(output: Floats, face: Image) -> Image | ItemError:
    try:
        return to_image(output, _SWAP, face)
    except ItemError as error:
        return error


def _to_unit(rows: Floats) -> Floats:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    with np.errstate(all="ignore"):
        return np.asarray(rows / length, np.float32)
