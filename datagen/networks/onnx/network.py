"""ONNX networks, whose inputs and outputs are matched with their cards."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datagen.errors import WeightsError
from datagen.networks.onnx.card import load_contract
from datagen.networks.onnx.session import Floats, Port, Session
from datagen.weights import FaceInput, Network
from datagen.weights.io_contract import Task
from datagen.weights.store import WeightStore, weight_store

__all__ = ["OnnxNetwork", "open_network"]

_MAX_OUTPUT = 1 << 28  # values for one face
_ALL: tuple[Task, ...] = ("swap", "edit", "enhance", "embed", "convert")


class OnnxNetwork:
    """An opened network whose inputs and outputs match its card.

    Args:
        card_id: Id of the weight card, for messages.
        contract: Contract of the card.
        session: The opened file.

    Raises:
        WeightsError: File and contract do not match; names the input, what was found and what is
            expected.
    """

    def __init__(self, card_id: str, contract: Network, session: Session) -> None:
        self.card_id = card_id
        self.contract = contract
        self._session = session
        ports = _Ports(card_id, session)
        self.inputs = _find_inputs(ports, contract)
        self._fixed = {
            name: ports.fixed(name, value) for name, value in sorted(contract.fixed.items())
        }
        ports.refuse_others()
        self.outputs = _find_outputs(ports, contract)
        self._whole = all(port.shape[0] is None for port in self.inputs)

    def __call__(self, *arrays: Floats) -> list[Floats]:
        """Return the main output and, if the card names one, the mask, with one row per face.

        A file whose batch axis is fixed at 1 is called once per face.

        Args:
            arrays: One array for each of ``inputs``, all with one row per face.

        Raises:
            OutOfMemoryError: The batch does not fit into the device's memory.
            WeightsError: The output does not have the declared shape.
        """
        count = len(arrays[0])
        step = count if self._whole else 1
        parts = [
            self._run([array[start : start + step] for array in arrays])
            for start in range(0, count, step)
        ]
        outputs = [np.concatenate(part) for part in zip(*parts, strict=True)]
        for port, output, channels in zip(self.outputs, outputs, (3, 1), strict=False):
            if not _is_of(output, port, channels) or len(output) != count:
                raise WeightsError(
                    f"{self._session.path}: output {port} has shape {list(output.shape)} for "
                    f"{count} faces. If it was exported for one face, set batch: 1"
                )
        return outputs

    def _run(self, arrays: Sequence[Floats]) -> list[Floats]:
        feeds = {
            port.name: np.ascontiguousarray(array, port.kind)
            for port, array in zip(self.inputs, arrays, strict=True)
        }
        return self._session([port.name for port in self.outputs], {**feeds, **self._fixed})


def open_network(card_id: str, device: str, threads: int) -> OnnxNetwork:
    """Open the network of a card, once per process for each device and number of threads.

    Raises:
        CardError: The card is missing or has no contract.
        WeightsError: The file is missing, damaged, or not the network that its card describes.
        DeviceError: The device is missing, or its memory is too small.
        MissingExtraError: onnxruntime is not installed.
    """
    store = weight_store()
    card = store.card(card_id).model_dump_json()
    return _opened(card_id, store, card, device, threads)


@functools.lru_cache(maxsize=8)
def _opened(card_id: str, store: WeightStore, card: str, device: str, threads: int) -> OnnxNetwork:
    del card  # only part of the key: a card may change
    contract = load_contract(card_id, _ALL)
    path = store.fetch(store.card(card_id))
    return OnnxNetwork(card_id, contract, Session(path, device, threads))


class _Ports:
    """Matches the inputs and outputs of a file with a card, and reports mismatches."""

    def __init__(self, card_id: str, session: Session) -> None:
        self._card_id = card_id
        self._session = session
        self._free = list(session.inputs)

    def image(self, key: str, name: str, side: int) -> Port:
        """Return the input of shape ``(n, 3, side, side)``."""
        wanted = (None, 3, side, side)
        return self._input(key, name, wanted, f"[1 or free, 3, {side}, {side}]")

    def vector(self, key: str, name: str) -> Port:
        """Return the input of shape ``(n, any)``."""
        return self._input(key, name, (None, None), "[1 or free, any]")

    def named(self, name: str, key: str) -> Port:
        """Return the input that the card names."""
        port = self._by_name(self._session.inputs, key, name, "input")
        if port not in self._free:
            raise self._wrong(
                f"{key} names the input {name!r}, which is already used by another key"
            )
        return port

    def fixed(self, name: str, value: float) -> NDArray[np.floating[Any]]:
        """Return the array for an input of one fixed value."""
        port = self._take(self.named(name, "fixed"))
        return np.full([side or 1 for side in port.shape], value, port.kind)

    def _take(self, port: Port) -> Port:
        self._free = [other for other in self._free if other is not port]
        return port

    def _input(self, key: str, name: str, wanted: Sequence[int | None], text: str) -> Port:
        same_rank = [port for port in self._free if len(port.shape) == len(wanted)]
        fitting = [port for port in same_rank if _fits(port, wanted)]
        if name:
            same_rank = fitting = [self.named(name, key)]
        elif not fitting:
            fitting = same_rank
        if len(fitting) != 1:
            found = "; ".join(map(str, self._session.inputs)) or "none"
            raise self._wrong(
                f"{key} needs {'an' if not fitting else 'one'} input {text}, found {found}"
                + (f". Name the right one as {key}.name" if fitting else "")
            )
        port = fitting[0]
        if not _fits(port, wanted) or port.shape[0] not in (None, 1):
            raise self._wrong(f"input {port} is not the {key} of the card, which needs {text}")
        return self._take(port)

    def output(self, name: str, channels: Sequence[int], rank: int) -> Port:
        """Return an output of ``rank`` axes with one of ``channels``, or any number if empty."""
        outputs = self._session.outputs
        for port in outputs:
            size = math.prod(side for side in port.shape[1:] if side is not None)
            if not 0 < size <= _MAX_OUTPUT:
                raise self._wrong(f"output {port} has {size:,} values for one face")
        if name:
            port = self._by_name(outputs, "output", name, "output")
            fitting = [port] if _gives(port, channels, rank) else []
        else:
            fitting = [port for port in outputs if _gives(port, channels, rank)]
        if not fitting:
            found = "; ".join(map(str, outputs))
            want = f"{rank} axes" + (f" and {channels[0]} channels" if channels else "")
            raise self._wrong(f"no output {name!r} of {want}: found {found}")
        return fitting[0]

    def refuse_others(self) -> None:
        """Refuse a file with more inputs than the card describes."""
        if self._free:
            raise self._wrong(
                f"it has more inputs than the card describes: {'; '.join(map(str, self._free))}. "
                "List an input of one fixed value under 'fixed'"
            )

    def _by_name(self, ports: Sequence[Port], key: str, name: str, what: str) -> Port:
        for port in ports:
            if port.name == name:
                return port
        known = ", ".join(repr(port.name) for port in ports)
        raise self._wrong(f"{key} names the {what} {name!r}; the file has {known}")

    def _wrong(self, problem: str) -> WeightsError:
        return WeightsError(
            f"{self._session.path}: not the network of weight card {self._card_id!r}: {problem}. "
            "Correct the card, or use the file that it describes"
        )


def _find_inputs(ports: _Ports, contract: Network) -> tuple[Port, ...]:
    if contract.face is None:
        return (ports.vector("network", contract.identity_name),)
    found = [_face(ports, "face", contract.face, contract.face.name)]
    if contract.identity == "embedding":
        found.append(ports.vector("identity", contract.identity_name))
    elif contract.identity_face is not None:
        name = contract.identity_name or contract.identity_face.name
        found.append(_face(ports, "identity_face", contract.identity_face, name))
    return tuple(found)


def _face(ports: _Ports, key: str, face: FaceInput, name: str) -> Port:
    return ports.image(key, name, face.size)


def _find_outputs(ports: _Ports, contract: Network) -> tuple[Port, ...]:
    if contract.task in ("embed", "convert"):
        return (ports.output(contract.output_name, [], 2),)
    found = [ports.output(contract.output_name, [3], 4)]
    if contract.mask_name:
        found.append(ports.output(contract.mask_name, [1], 4))
    return tuple(found)


def _fits(port: Port, wanted: Sequence[int | None]) -> bool:
    return len(port.shape) == len(wanted) and all(
        None in (found, want) or found == want
        for found, want in zip(port.shape, wanted, strict=True)
    )


def _is_of(output: Floats, port: Port, channels: int) -> bool:
    """Return whether an output has the axes of its port, the channels of an image, and values."""
    if output.ndim != len(port.shape) or not output.size:
        return False
    return output.ndim != 4 or output.shape[1] == channels


def _gives(port: Port, channels: Sequence[int], rank: int) -> bool:
    return len(port.shape) == rank and (not channels or port.shape[1] in (None, *channels))
