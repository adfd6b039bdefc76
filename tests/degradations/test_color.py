from __future__ import annotations

from collections import Counter

import cv2
import numpy as np
import pytest

from datagen.core.arrays import Image
from datagen.degradations.color import Color, ColorParams
from datagen.errors import RecipeError


def draws(seed: int = 1) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(seed))


def textured(side: int = 64) -> Image:
    return np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)


def done(options: dict[str, object], image: Image) -> Image:
    built = Color.build(options)
    return built.apply(image, built.sample(draws(), (image.shape[0], image.shape[1])))


@pytest.mark.parametrize("factor", [0.4, 0.3, 0.2, 0.1, 0.0])
def test_saturation_is_that_of_deeper_forensics(factor: float) -> None:
    image = textured()
    planes = cv2.cvtColor(image.astype(np.float32), cv2.COLOR_RGB2YCrCb)
    planes[..., 1:] = 0.5 + (planes[..., 1:] - 0.5) * factor
    expected = cv2.cvtColor(planes, cv2.COLOR_YCrCb2RGB)
    assert np.abs(done({"saturation": factor}, image) - expected).max() <= 1


@pytest.mark.parametrize("factor", [0.85, 0.725, 0.6, 0.475, 0.35])
def test_contrast_of_deeper_forensics_is_a_factor_on_values(factor: float) -> None:
    image = textured()
    expected = image.astype(np.float32) * factor
    out = done({"contrast": factor, "pivot": "black"}, image)
    assert np.abs(out - expected).max() <= 0.5 + 1e-4


def test_contrast_leaves_the_middle() -> None:
    image = np.array([[[0, 128, 255]]], np.uint8)
    assert done({"contrast": 0.5}, image).tolist() == [[[64, 128, 192]]]
    assert done({"contrast": 2.0}, image).tolist() == [[[0, 128, 255]]]


def test_gamma_is_an_exponent() -> None:
    image = np.array([[[0, 64, 255]]], np.uint8)
    assert done({"gamma": 2.0}, image).tolist() == [[[0, 16, 255]]]
    assert done({"gamma": 0.5}, image).tolist() == [[[0, 128, 255]]]


@pytest.mark.parametrize("bits", [1, 3, 7])
def test_posterized_channels_have_few_values(bits: int) -> None:
    out = done({"posterize": bits}, textured())
    assert np.unique(out).tolist() == list(range(0, 256, 2 ** (8 - bits)))


def test_warmth_is_red_cold_is_blue_and_gray_keeps_its_luma() -> None:
    gray = np.full((4, 4, 3), 120, np.uint8)
    warm = done({"temperature": 80}, gray)[0, 0].astype(int)
    cold = done({"temperature": -60}, gray)[0, 0].astype(int)
    assert warm[0] > 125
    assert warm[2] < 105
    assert cold[0] < 115
    assert cold[2] > 125
    for pixel in (warm, cold):
        assert pixel @ [0.299, 0.587, 0.114] == pytest.approx(120, abs=4)


def test_tint_goes_from_green_to_magenta() -> None:
    gray = np.full((4, 4, 3), 120, np.uint8)
    magenta, green = done({"tint": 0.3}, gray)[0, 0], done({"tint": -0.3}, gray)[0, 0]
    assert magenta[0] == magenta[2] > magenta[1]
    assert green[0] == green[2] < green[1]


def test_the_light_changes_without_a_step_where_its_formula_does() -> None:
    gray = np.full((1, 1, 3), 120, np.uint8)
    # 250 mired is where both halves of the approximation meet.
    below = done({"temperature": 250 - 153.8}, gray).astype(int)
    above = done({"temperature": 250 - 153.7}, gray).astype(int)
    assert np.abs(below - above).max() <= 1


def test_named_operations_are_done_and_no_others() -> None:
    for seed in range(20):
        params = Color.build({"gamma": [1.2, 1.4]}).sample(draws(seed), (64, 64))
        assert 1.2 <= params.gamma <= 1.4
        rest = params.model_dump(exclude={"gamma"})
        assert rest == {
            "temperature": 0,
            "tint": 0,
            "saturation": 1,
            "contrast": 1,
            "pivot": "middle",
            "bits": 8,
        }


def test_gray_is_a_share_of_the_pairs() -> None:
    built = Color.build({"gray": 0.3})
    drawn = [built.sample(draws(seed), (64, 64)).saturation for seed in range(200)]
    assert set(drawn) == {0.0, 1.0}
    assert 0.2 < drawn.count(0.0) / 200 < 0.4
    assert int(np.ptp(done({"gray": 1.0}, textured()).astype(int), axis=2).max()) == 0


def test_without_options_each_is_done_to_some() -> None:
    changed: Counter[str] = Counter()
    for seed in range(300):
        params = Color.build({}).sample(draws(seed), (64, 64)).model_dump()
        changed["white"] += params["temperature"] != 0
        changed["gamma"] += params["gamma"] != 1
        changed["bits"] += params["bits"] != 8
        changed["gray"] += params["saturation"] == 0
    assert 110 < changed["white"] < 190
    assert 110 < changed["gamma"] < 190
    assert 0 < changed["bits"] < 40
    assert 0 < changed["gray"] < 60


def test_neutral_values_do_nothing() -> None:
    params = ColorParams(
        temperature=0, tint=0, saturation=1, contrast=1, pivot="middle", gamma=1, bits=8
    )
    assert np.array_equal(Color.build({}).apply(textured(), params), textured())


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"temperature": 300}, "temperature: must be a range within -100 and 200"),
        ({"saturation": -1}, "saturation: must be a range within 0 and 4"),
        ({"gamma": 0}, "gamma: must be a range within 0.1 and 5"),
        ({"posterize": [0, 3]}, "posterize: must be a range within 1 and 8"),
        ({"gray": 1.5}, "gray: must be a share from 0 to 1"),
        ({"pivot": "white"}, "pivot"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, object], told: str) -> None:
    with pytest.raises(RecipeError, match=told):
        Color.build(options)
