"""The configuration of a detector: what is known to be wrong is refused with the right values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from datagen.detectors.config import DetectorConfig, config_of
from datagen.detectors.preprocess import network_input
from datagen.errors import DetectorError

IMAGENET = {"mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375]}


def problem(**keys: Any) -> str:
    with pytest.raises(DetectorError) as error:
        config_of(keys)
    return str(error.value)


@pytest.mark.parametrize(
    ("keys", "mean", "std"),
    [
        (IMAGENET, "[0.485, 0.456, 0.406]", "[0.229, 0.224, 0.225]"),
        ({"mean": [104, 117, 123]}, "[0.407843, 0.458824, 0.482353]", "[0.00392157, 0.00392157, "),
        ({"mean": 127.5, "std": 127.5}, "[0.5, 0.5, 0.5]", "[0.5, 0.5, 0.5]"),
        ({"mean": 0, "std": 255}, "[0, 0, 0]", "[1, 1, 1]"),
        ({"mean": [0.485, 0.456, 0.406], "std": 57.0}, "[0.485, 0.456, 0.406]", "[0.223529, "),
    ],
)
def test_the_scale_of_0_to_255_is_refused_with_the_same_on_ours(
    keys: dict[str, Any], mean: str, std: str
) -> None:
    told = problem(**keys)
    assert f"mean: {mean}, std: {std}" in told


def test_what_is_advised_is_the_same_normalization() -> None:
    image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    advised = DetectorConfig(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
    theirs = (image - np.array(IMAGENET["mean"])) / np.array(IMAGENET["std"])
    np.testing.assert_allclose(
        network_input([image], advised)[0], theirs.transpose(2, 0, 1), atol=1e-4
    )


@pytest.mark.parametrize("keys", [{"mean": -0.5}, {"std": 300}, {"mean": 1e9}])
def test_other_scales_are_refused(keys: dict[str, Any]) -> None:
    assert "must be within 0 and 1, the scale of the channels" in problem(**keys)


@pytest.mark.parametrize("keys", [{"mean": 0.5, "std": 0.5}, {"mean": 1, "std": 1}, {"std": 1e-3}])
def test_the_scale_of_0_to_1_is_taken(keys: dict[str, Any]) -> None:
    assert isinstance(config_of(keys), DetectorConfig)


@pytest.mark.parametrize("value", [-1, 1.5, True, "", ["a"]])
def test_an_output_has_a_name_or_a_place(value: object) -> None:
    assert "output_name" in problem(output_name=value)
    for good in ("logits", 0, 3):
        assert config_of({"output_name": good}) == DetectorConfig(output_name=good)
