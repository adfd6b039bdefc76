from __future__ import annotations

import numpy as np
import pytest

from datagen.core.arrays import Image
from datagen.degradations.beauty import Beauty, BeautyParams, smoothed
from datagen.errors import RecipeError


def skin(side: int = 200) -> Image:
    """Two plain halves far apart in brightness, with pores."""
    image = np.full((side, side, 3), (170, 130, 110), np.float64)
    image[:, side // 2 :] = (40, 30, 30)
    image += np.random.default_rng(0).normal(0, 4, (side, side, 1))
    return np.clip(image, 0, 255).astype(np.uint8)


def beautified(strength: float, brighten: float = 0.0) -> Image:
    params = BeautyParams(strength=strength, edge=12.0, radius=0.03, brighten=brighten)
    return Beauty.build({}).apply(skin(), params)


def pores(image: Image) -> float:
    return float(image[20:180, 20:70, 0].std())


def test_pores_go_and_edges_stay() -> None:
    smooth = smoothed(skin(), 0.03, 12.0)
    assert pores(smooth) < 0.35 * pores(skin())
    steps = np.diff(smooth[..., 0].astype(float).mean(axis=0))
    assert abs(steps).max() > 100


def test_strength_mixes() -> None:
    assert pores(beautified(1.0)) < pores(beautified(0.5)) < pores(skin())
    assert np.array_equal(beautified(0.0), skin())


def test_brightening_lifts_the_middle_and_keeps_black_and_white() -> None:
    params = BeautyParams(strength=0.0, edge=12.0, radius=0.03, brighten=0.1)
    image = np.zeros((64, 64, 3), np.uint8)
    image[:, 20:40], image[:, 40:] = 128, 255
    out = Beauty.build({}).apply(image, params)
    assert np.unique(out).tolist() == [0, 153, 255]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"strength": 1.2}, "strength: must be a range within 0 and 1"),
        ({"edge": 0}, "edge: must be a range within 1 and 100"),
        ({"radius": 0.2}, "radius: must be a range within 0.005 and 0.1"),
        ({"brighten": [0, 0.5]}, "brighten: must be a range within 0 and 0.3"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, object], told: str) -> None:
    with pytest.raises(RecipeError, match=told):
        Beauty.build(options)
