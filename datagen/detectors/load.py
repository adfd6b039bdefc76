"""Opening a detector: once per process, however many shards it scores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from datagen.detectors.baseline.forms import network_form
from datagen.detectors.baseline.spectral import SpectralModel
from datagen.detectors.batched import ArrayDetector, Detector, Medium
from datagen.detectors.clips import FramesDetector
from datagen.detectors.command import CommandDetector
from datagen.detectors.config import DetectorConfig
from datagen.detectors.function import load_function
from datagen.detectors.network import Network, open_exported, open_onnx, open_torchscript
from datagen.detectors.spec import DetectorSpec, Kind
from datagen.engine.worker_state import worker_state

__all__ = ["of_media", "open_detector"]

_MOST_ON_DISK = 1 << 30  # numbers of the frames that a program is given at once, as PNG files

_NETWORKS: dict[Kind, Callable[[DetectorSpec], Network]] = {
    "onnx": open_onnx,
    "torchscript": open_torchscript,
    "exported": open_exported,
}


def open_detector(spec: DetectorSpec, clips: bool = False) -> Detector[Any]:
    """Return the detector of a spec, opened once per process.

    Args:
        spec: The detector.
        clips: Whether it is given the clips of a release.

    Raises:
        DetectorError: It does not load.
        MissingExtraError: The package that runs it is not installed.
    """
    key = f"{spec.digest} {spec.text} {spec.folder}"
    return of_media(worker_state().get("detector", key, lambda: _open(spec)), spec.config, clips)


def of_media(detector: Detector[Medium], config: DetectorConfig, clips: bool) -> Detector[Any]:
    """Return a detector that takes what a release holds.

    Args:
        detector: A detector of images, or of clips where ``config`` says so.
        config: What it takes.
        clips: Whether the release holds clips.

    Raises:
        DetectorError: The configuration does not fit the release.
    """
    config.check_release(clips)
    if not clips or config.takes == "clips":
        return detector
    if isinstance(detector, CommandDetector):
        return FramesDetector(detector, config.rule, _MOST_ON_DISK)
    return FramesDetector(detector, config.rule)


def _open(spec: DetectorSpec) -> Detector[Medium]:
    if spec.kind == "command":
        return CommandDetector(spec.target, spec.folder, spec.config)
    if spec.kind == "callable":
        return ArrayDetector(load_function(spec), spec.config)
    if spec.kind == "baseline":
        return ArrayDetector(SpectralModel.read(spec.target).probabilities, spec.config)
    if spec.kind == "baseline_network":
        model = network_form("network_model").NetworkModel.read(spec.target)
        return ArrayDetector(model.probabilities, spec.config)
    network = _NETWORKS[spec.kind](spec)
    return ArrayDetector(network.infer, spec.config, network.size)
