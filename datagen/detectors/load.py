"""Opening a detector: once per process, however many shards it scores."""

from __future__ import annotations

from collections.abc import Callable

from datagen.detectors.baseline.model import BaselineModel
from datagen.detectors.batched import ArrayDetector, Detector
from datagen.detectors.command import CommandDetector
from datagen.detectors.function import load_function
from datagen.detectors.network import Network, open_exported, open_onnx, open_torchscript
from datagen.detectors.spec import DetectorSpec, Kind
from datagen.engine.worker_state import worker_state

__all__ = ["open_detector"]

_NETWORKS: dict[Kind, Callable[[DetectorSpec], Network]] = {
    "onnx": open_onnx,
    "torchscript": open_torchscript,
    "exported": open_exported,
}


def open_detector(spec: DetectorSpec) -> Detector:
    """Return the detector of a spec, opened once per process.

    Raises:
        DetectorError: It does not load.
        MissingExtraError: The package that runs it is not installed.
    """
    key = f"{spec.digest} {spec.text} {spec.folder}"
    return worker_state().get("detector", key, lambda: _open(spec))


def _open(spec: DetectorSpec) -> Detector:
    if spec.kind == "command":
        return CommandDetector(spec.target, spec.folder, spec.config)
    if spec.kind == "callable":
        return ArrayDetector(load_function(spec), spec.config)
    if spec.kind == "baseline":
        return ArrayDetector(BaselineModel.read(spec.target).probabilities, spec.config)
    network = _NETWORKS[spec.kind](spec)
    return ArrayDetector(network.infer, spec.config, network.size)
