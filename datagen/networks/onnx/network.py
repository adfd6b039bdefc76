"""Networks of faces in ONNX files, opened as their cards describe them and fed in batches."""

from __future__ import annotations

import functools
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

_ALL: tuple[Task, ...] = ("swap", "edit", "enhance", "embed", "convert")


class OnnxNetwork:
    """An opened network whose inputs and outputs have been found and fit its card.

    Args:
        card_id: Names it in messages.
        contract: What the card says.
        session: The opened file.

    Raises:
        WeightsError: They do not fit each other; with the input, what was found and wanted.
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
        """Return the main output and, where the card names one, the mask; a row a face.

        A file whose batch axis is fixed at 1 is called once a face.

        Args:
            arrays: One for each of ``inputs``, all with as many rows as there are faces.

        Raises:
            OutOfMemoryError: The device has no room for so many.
            WeightsError: The network does not do what it declares.
        """
        count = len(arrays[0])
        step = count if self._whole else 1
        parts = [
            self._run([array[start : start + step] for array in arrays])
            for start in range(0, count, step)
        ]
        outputs = [np.concatenate(part) for part in zip(*parts, strict=True)]
        for port, output in zip(self.outputs, outputs, strict=True):
            if output.ndim != len(port.shape) or len(output) != count:
                raise WeightsError(
                    f"{self._session.path}: output {port} came as {list(output.shape)} for "
                    f"{count} faces. Where it was exported for one face, set batch: 1"
                )
        return outputs

    def _run(self, arrays: Sequence[Floats]) -> list[Floats]:
        feeds = {
            port.name: np.ascontiguousarray(array, port.kind)
            for port, array in zip(self.inputs, arrays, strict=True)
        }
        return self._session([port.name for port in self.outputs], {**feeds, **self._fixed})


def open_network(card_id: str, device: str, threads: int) -> OnnxNetwork:
    """Open the network of a card, once a process for each device and number of threads.

    Raises:
        CardError: No such card, or one without a contract.
        WeightsError: The file is missing, damaged, or not the network that its card describes.
        DeviceError: The device is not there, or too small.
        MissingExtraError: onnxruntime is not installed.
    """
    return _opened(card_id, weight_store(), device, threads)


@functools.lru_cache(maxsize=8)
def _opened(card_id: str, store: WeightStore, device: str, threads: int) -> OnnxNetwork:
    contract = load_contract(card_id, _ALL)
    path = store.fetch(store.card(card_id))
    return OnnxNetwork(card_id, contract, Session(path, device, threads))


class _Ports:
    """Finds the inputs and outputs of a file, and says what is wrong with them."""

    def __init__(self, card_id: str, session: Session) -> None:
        self._card_id = card_id
        self._session = session
        self._free = list(session.inputs)

    def image(self, key: str, name: str, side: int) -> Port:
        """Return the input that takes ``(n, 3, side, side)``."""
        wanted = (None, 3, side, side)
        return self._input(key, name, wanted, f"[1 or free, 3, {side}, {side}]")

    def vector(self, key: str, name: str) -> Port:
        """Return the input that takes ``(n, any)``."""
        return self._input(key, name, (None, None), "[1 or free, any]")

    def named(self, name: str, key: str) -> Port:
        """Return the input of a name that the card gives."""
        port = self._by_name(self._session.inputs, key, name, "input")
        if port not in self._free:
            raise self._wrong(f"{key} names the input {name!r}, which something else takes")
        return port

    def fixed(self, name: str, value: float) -> NDArray[np.floating[Any]]:
        """Return what goes into an input of one value."""
        port = self._take(self.named(name, "fixed"))
        return np.full([side or 1 for side in port.shape], value, port.kind)

    def _take(self, port: Port) -> Port:
        self._free = [other for other in self._free if other is not port]
        return port

    def _input(self, key: str, name: str, wanted: Sequence[int | None], text: str) -> Port:
        alike = [port for port in self._free if len(port.shape) == len(wanted)]
        fitting = [port for port in alike if _fits(port, wanted)]
        if name:
            alike = fitting = [self.named(name, key)]
        elif not fitting:
            fitting = alike
        if len(fitting) != 1:
            found = "; ".join(map(str, self._session.inputs)) or "none"
            raise self._wrong(
                f"{key} wants {'an' if not fitting else 'one'} input {text}, found {found}"
                + (f". Name the right one as {key}.name" if fitting else "")
            )
        port = fitting[0]
        if not _fits(port, wanted) or port.shape[0] not in (None, 1):
            raise self._wrong(f"input {port} is not the {key} of the card, which wants {text}")
        return self._take(port)

    def output(self, name: str, channels: Sequence[int], rank: int) -> Port:
        """Return an output of ``rank`` axes with one of ``channels``, or any if that is empty."""
        outputs = self._session.outputs
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
        """Refuse a file that wants more than the card says."""
        if self._free:
            raise self._wrong(
                f"it has more inputs than the card describes: {'; '.join(map(str, self._free))}. "
                "An input of one fixed value goes under 'fixed'"
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


def _gives(port: Port, channels: Sequence[int], rank: int) -> bool:
    return len(port.shape) == rank and (not channels or port.shape[1] in (None, *channels))
