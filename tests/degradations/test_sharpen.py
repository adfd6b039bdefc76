from __future__ import annotations

import numpy as np
import pytest

from datagen.core.arrays import Image
from datagen.degradations.sharpen import Sharpen, SharpenParams
from datagen.errors import RecipeError


def edge(side: int = 200) -> Image:
    image = np.full((side, side, 3), 90, np.uint8)
    image[:, side // 2 :] = 160
    return image


def sharp(amount: float, radius: float) -> Image:
    return Sharpen.build({}).apply(edge(), SharpenParams(amount=amount, radius=radius))


def test_halos_lie_on_both_sides_and_grow_with_amount() -> None:
    little, much = sharp(0.5, 0.005), sharp(1.5, 0.005)
    assert 160 < little.max() < much.max()
    assert 90 > little.min() > much.min()


def test_the_radius_makes_halos_broader() -> None:
    fine, broad = sharp(1.0, 0.005), sharp(1.0, 0.02)
    assert (broad != edge()).sum() > 2 * (fine != edge()).sum()


def test_a_plain_area_stays() -> None:
    assert np.array_equal(sharp(5.0, 0.01)[:, :40], edge()[:, :40])


def test_no_amount_does_nothing() -> None:
    assert np.array_equal(sharp(0.0, 0.01), edge())


def test_a_small_image_is_sharpened_too() -> None:
    small = edge(64)
    out = Sharpen.build({}).apply(small, SharpenParams(amount=1.0, radius=0.002))
    assert out.max() > 165


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"amount": 11}, "amount: must be a range within 0 and 10"),
        ({"radius": 0}, "radius: must be a range within 0.001 and 0.05"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, object], told: str) -> None:
    with pytest.raises(RecipeError, match=told):
        Sharpen.build(options)
