from __future__ import annotations

import numpy as np
import pytest

from datagen.core.arrays import Image
from datagen.degradations.low_light import LowLight, LowLightParams
from datagen.errors import RecipeError

NOTHING = {"stops": 0.0, "shot": 0.0, "read": 0.0, "lift": 0.0, "denoise": 0.0, "seed": 1}


def plain(level: int = 150, side: int = 120) -> Image:
    return np.full((side, side, 3), (level, level - 20, level - 40), np.uint8)


def dark(image: Image, **values: float) -> Image:
    return LowLight.build({}).apply(image, LowLightParams.model_validate({**NOTHING, **values}))


def test_no_stops_and_no_noise_do_nothing() -> None:
    image = np.random.default_rng(0).integers(0, 256, (80, 80, 3), dtype=np.uint8)
    assert np.abs(dark(image).astype(int) - image).max() <= 1


def test_a_stop_halves_linear_light() -> None:
    out = dark(plain(), stops=1.0)
    assert int(out[0, 0, 0]) == pytest.approx(150 * 0.5 ** (1 / 2.2), abs=1)


def test_lift_gives_light_back() -> None:
    assert int(dark(plain(), stops=4.0, lift=1.0)[0, 0, 0]) == pytest.approx(150, abs=1)
    assert dark(plain(), stops=4.0).mean() < dark(plain(), stops=4.0, lift=0.5).mean() < 130


def test_amplifying_amplifies_the_noise() -> None:
    noisy = {"shot": 0.0005, "read": 0.001}
    well_lit = dark(plain(), **noisy)
    lifted = dark(plain(), stops=3.0, lift=1.0, **noisy)
    assert lifted[..., 0].std() > 2 * well_lit[..., 0].std()


def test_denoising_removes_noise() -> None:
    values = {"stops": 3.0, "lift": 0.7, "shot": 0.001, "read": 0.002}
    noisy, cleaned = dark(plain(), **values), dark(plain(), denoise=0.9, **values)
    assert cleaned[..., 1].std() < 0.6 * noisy[..., 1].std()
    assert cleaned.mean() == pytest.approx(noisy.mean(), abs=1)


def test_seeds_make_other_fields() -> None:
    assert not np.array_equal(dark(plain(), read=0.01, seed=1), dark(plain(), read=0.01, seed=2))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"stops": 9}, "stops: must be a range within 0 and 8"),
        ({"shot": 0.2}, "shot: must be a range within 0 and 0.1"),
        ({"lift": [0.5, 1.5]}, "lift: must be a range within 0 and 1"),
        ({"denoise": -0.1}, "denoise: must be a range within 0 and 1"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, object], told: str) -> None:
    with pytest.raises(RecipeError, match=told):
        LowLight.build(options)
