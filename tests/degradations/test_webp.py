from __future__ import annotations

from io import BytesIO

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from datagen.core.arrays import Image
from datagen.degradations.webp import Webp, WebpParams
from datagen.errors import RecipeError
from tests.support.faces_made import made_face


@pytest.fixture(scope="module")
def image() -> Image:
    return made_face(2, 96).image


def test_it_is_lossy_webp_at_that_quality_and_effort(image: Image) -> None:
    buffer = BytesIO()
    Pillow.fromarray(image).save(buffer, "WEBP", quality=37, method=3)
    want = cv2.imdecode(np.frombuffer(buffer.getvalue(), np.uint8), cv2.IMREAD_COLOR)
    assert want is not None
    found = Webp.build({}).apply(image, WebpParams(quality=(37,), effort=3))
    assert np.array_equal(found, cv2.cvtColor(want, cv2.COLOR_BGR2RGB))
    assert not np.array_equal(found, image)


def test_passes_follow_each_other(image: Image) -> None:
    kind = Webp.build({})
    once = kind.apply(image, WebpParams(quality=(60,), effort=0))
    twice = kind.apply(image, WebpParams(quality=(60, 20), effort=0))
    assert np.array_equal(twice, kind.apply(once, WebpParams(quality=(20,), effort=0)))


def test_draws_keep_to_the_options() -> None:
    kind = Webp.build({"quality": [5, 7], "passes": [1, 3], "effort": [2, 4]})
    rng = np.random.Generator(np.random.Philox(1))
    params = [kind.sample(rng, (64, 64)) for _ in range(60)]
    assert {len(found.quality) for found in params} == {1, 2, 3}
    assert {value for found in params for value in found.quality} == {5, 6, 7}
    assert {found.effort for found in params} == {2, 3, 4}


def test_the_encoder_is_named_with_its_library() -> None:
    name = Webp.build({}).encoder(WebpParams(quality=(60,), effort=0))
    assert name.startswith("pillow ")
    assert "libwebp" in name


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"quality": [0, 50]}, "quality: must be a range within 1 and 100"),
        ({"passes": [0, 1]}, "passes: must be a range within 1 and 3"),
        ({"effort": 7}, "effort: must be a range within 0 and 6"),
    ],
)
def test_wrong_values_are_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        Webp.build(options)
