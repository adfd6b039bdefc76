"""The network form of the baseline detector: a file of tensors, which runs no code."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from datagen.core.arrays import Image
from datagen.core.json_io import parse_json
from datagen.detectors.baseline.calibration import Calibration
from datagen.detectors.baseline.residual_network import ResidualNetwork, log_odds
from datagen.errors import DetectorError

__all__ = ["NETWORK_VERSION", "NetworkModel"]

NETWORK_VERSION = 1
"""Raised when the network changes: a file of another one is refused."""

_FORMAT = "datagen.baseline.network"
_TEXT = 200  # of a damaged file, in a message
_MOST_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class NetworkModel:
    """A trained network of the baseline detector.

    Attributes:
        network: The network.
        calibration: Makes probabilities of its log odds.
        trained_on: Name, version and digests of the release it was trained on.
    """

    network: ResidualNetwork
    calibration: Calibration
    trained_on: dict[str, Any]

    def probabilities(self, images: list[Image]) -> NDArray[np.float64]:
        """Return the probabilities of fake of decoded images."""
        return self.calibration.probability(log_odds(self.network, images))

    def to_bytes(self) -> bytes:
        """Return the content of the model file, a safetensors file."""
        facts = {
            "format": _FORMAT,
            "network": NETWORK_VERSION,
            "calibration": self.calibration.to_list(),
            "trained_on": self.trained_on,
        }
        tensors = {key: value.contiguous() for key, value in self.network.state_dict().items()}
        return save(tensors, {"datagen": json.dumps(facts, sort_keys=True)})

    @classmethod
    def read(cls, path: str) -> NetworkModel:
        """Read a model file.

        Raises:
            DetectorError: The file is not a model, is damaged, or is one of another network.
        """
        where = f"detector {path}"
        if Path(path).stat().st_size > _MOST_BYTES:
            raise DetectorError(
                f"{where}: is larger than any model of 'datagen baseline --network'", path=path
            )
        try:
            with safe_open(path, "pt") as file:
                text = (file.metadata() or {}).get("datagen", "")
                tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        except (OSError, SafetensorError, ValueError) as error:
            raise DetectorError(
                f"{where}: is not a whole safetensors file: {str(error)[:_TEXT]}", path=path
            ) from None
        facts = parse_json(text.encode(), where, DetectorError) if text else None
        if not isinstance(facts, dict) or facts.get("format") != _FORMAT:
            raise DetectorError(
                f"{where}: is not a model of 'datagen baseline --network'. If it is weights without"
                " their network: save the whole network as ONNX, or score with a callable that "
                "builds it and loads them",
                path=path,
            )
        if facts.get("network") != NETWORK_VERSION:
            raise DetectorError(
                f"{where}: is of version {str(facts.get('network'))[:_TEXT]} of the network; this "
                f"datagen has version {NETWORK_VERSION}: train it again with 'datagen baseline "
                "--network'",
                path=path,
                key="network",
            )
        try:
            return cls._of(facts, tensors)
        except (KeyError, OverflowError, RuntimeError, TypeError, ValueError) as error:
            problem = f"{type(error).__name__}: {str(error)[:_TEXT]}"
            raise DetectorError(f"{where}: is damaged: {problem}", path=path) from None

    @classmethod
    def _of(cls, facts: dict[str, Any], tensors: dict[str, torch.Tensor]) -> NetworkModel:
        network = ResidualNetwork()
        for key, own in network.state_dict().items():
            if key not in tensors or tensors[key].dtype != own.dtype:
                raise ValueError(f"{key}: expected a tensor of {own.dtype}")
            if not torch.isfinite(tensors[key]).all():
                raise ValueError(f"{key}: expected finite numbers")
        network.load_state_dict(tensors)  # refuses other names and shapes
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return cls(network, Calibration.of(facts["calibration"]), dict(facts["trained_on"]))
