from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import features

from datagen.core.arrays import Image
from datagen.degradations.avif import Avif, AvifParams
from datagen.errors import RecipeError, UserError
from tests.support.faces_made import made_face


@pytest.fixture(scope="module")
def image() -> Image:
    return made_face(2, 96).image


def test_quality_decides_how_much_is_lost(image: Image) -> None:
    kind = Avif.build({})
    kept = [
        cv2.PSNR(kind.apply(image, AvifParams(quality=quality, speed=10)), image)
        for quality in (90, 50, 10)
    ]
    assert kept[0] > kept[1] + 1 > kept[2] + 2


def test_the_speed_reaches_the_encoder(image: Image) -> None:
    kind = Avif.build({})
    fast, slow = (kind.apply(image, AvifParams(quality=40, speed=speed)) for speed in (10, 6))
    assert not np.array_equal(fast, slow)


def test_draws_keep_to_the_options() -> None:
    kind = Avif.build({"quality": [5, 7], "speed": [8, 10]})
    rng = np.random.Generator(np.random.Philox(1))
    params = [kind.sample(rng, (64, 64)) for _ in range(60)]
    assert {found.quality for found in params} == {5, 6, 7}
    assert {found.speed for found in params} == {8, 9, 10}


def test_the_encoder_is_named_with_its_library() -> None:
    name = Avif.build({}).encoder(AvifParams(quality=60, speed=10))
    assert name.startswith("pillow ")
    assert "libavif" in name


def test_a_pillow_without_the_codec_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "check", lambda feature: False)
    with pytest.raises(UserError, match="needs Pillow with AVIF support"):
        Avif.build({})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"quality": [50, 101]}, "quality: must be a range within 1 and 100"),
        ({"speed": 11}, "speed: must be a range within 0 and 10"),
    ],
)
def test_wrong_values_are_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        Avif.build(options)
