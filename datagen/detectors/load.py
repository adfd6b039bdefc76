"""Opening a spec: once a process, however many shards it scores."""

from __future__ import annotations

from collections.abc import Callable

from datagen.detectors.baseline.model import BaselineModel
from datagen.detectors.batched import ArrayDetector, Detector
from datagen.detectors.command import CommandDetector
from datagen.detectors.function import load_function
from datagen.detectors.network import Network, open_exported, open_onnx, open_torchscript
from datagen.detectors.spec import DetectorSpec, Kind

__all__ = ["open_detector"]

_NETWORKS: dict[Kind, Callable[[DetectorSpec], Network]] = {
    "onnx": open_onnx,
    "torchscript": open_torchscript,
    "exported": open_exported,
}
_OPEN: dict[str, Detector] = {}


def open_detector(spec: DetectorSpec) -> Detector:
    """Return this process's detector of a spec.

    Raises:
        DetectorError: It does not load.
        MissingExtraError: The package that runs it is not installed.
    """
    key = f"{spec.digest} {spec.text} {spec.folder}"
    if key not in _OPEN:
        _OPEN.clear()  # a network may fill the memory: one at a time
        _OPEN[key] = _opened(spec)
    return _OPEN[key]


def _opened(spec: DetectorSpec) -> Detector:
    if spec.kind == "command":
        return CommandDetector(spec.target, spec.folder, spec.config)
    if spec.kind == "callable":
        return ArrayDetector(load_function(spec), spec.config)
    if spec.kind == "probe":
        return ArrayDetector(BaselineModel.read(spec.target).answers, spec.config)
    network = _NETWORKS[spec.kind](spec)
    return ArrayDetector(network.infer, spec.config, network.size)
