from __future__ import annotations

from io import BytesIO

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from datagen.core.arrays import Image
from datagen.core.images import encode_with_pillow
from datagen.degradations.jpeg import Jpeg, JpegParams, JpegPass, _encoded
from datagen.degradations.ops.jpeg_tables import OWN_TABLES, scaled
from datagen.errors import RecipeError
from tests.support.faces_made import made_face

RAMP = np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8)[..., None].repeat(3, axis=2)


@pytest.fixture(scope="module")
def image() -> Image:
    return made_face(2, 128).image


def one(**changes: object) -> JpegParams:
    plain = {"quality": 60, "subsampling": "4:2:0", "tables": "standard", "shift": (0, 0)}
    return JpegParams(passes=(JpegPass.model_validate(plain | changes),))


def built(**options: object) -> Jpeg:
    return Jpeg.build(options)


def drawn(kind: Jpeg, count: int = 40) -> list[JpegParams]:
    rng = np.random.Generator(np.random.Philox(4))
    return [kind.sample(rng, (64, 64)) for _ in range(count)]


def test_the_standard_pass_is_what_opencv_does(image: Image) -> None:
    flags = [cv2.IMWRITE_JPEG_QUALITY, 60]
    data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), flags)[1]
    read = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert read is not None
    want = cv2.cvtColor(read, cv2.COLOR_BGR2RGB)
    assert np.array_equal(built().apply(image, one()), want)


@pytest.mark.parametrize("quality", [1, 35, 50, 90, 100])
@pytest.mark.parametrize("name", list(OWN_TABLES))
def test_the_file_holds_the_own_table(image: Image, name: str, quality: int) -> None:
    data = _encoded(image, one(tables=name, quality=quality).passes[0])
    with Pillow.open(BytesIO(bytes(data))) as opened:
        tables = opened.quantization  # type: ignore[attr-defined]
    assert list(tables[0]) == scaled(OWN_TABLES[name], quality)
    assert len(tables) == 1


def test_the_scale_of_qualities_is_that_of_libjpeg(image: Image) -> None:
    for quality in (1, 10, 49, 50, 51, 75, 99, 100):
        with Pillow.open(BytesIO(encode_with_pillow(image, "JPEG", quality=quality))) as opened:
            found = list(opened.quantization[0])  # type: ignore[attr-defined]
        with Pillow.open(BytesIO(encode_with_pillow(image, "JPEG", quality=50))) as opened:
            annex_k = list(opened.quantization[0])  # type: ignore[attr-defined]
        assert scaled(annex_k, quality) == found


def test_own_tables_have_64_positive_divisors() -> None:
    for table in OWN_TABLES.values():
        assert len(table) == 64
        assert min(table) >= 1


@pytest.mark.parametrize(("name", "factors"), [("4:2:0", 2), ("4:2:2", 1), ("4:4:4", 0)])
@pytest.mark.parametrize("tables", ["standard", "flat"])
def test_the_file_has_the_subsampling(image: Image, name: str, factors: int, tables: str) -> None:
    from PIL import JpegImagePlugin

    data = _encoded(image, one(subsampling=name, tables=tables).passes[0])
    with Pillow.open(BytesIO(bytes(data))) as opened:
        assert JpegImagePlugin.get_sampling(opened) == factors


def test_the_block_grid_lies_where_the_shift_says() -> None:
    shifted = built().apply(RAMP, one(quality=1, shift=(3, 6)))[..., 0].astype(int)
    # Only means of blocks are left. They start 3 pixels before the image, so that the first
    # edge lies after 5 of its pixels.
    assert set(np.flatnonzero(np.diff(shifted, axis=1).any(axis=0))) <= set(range(4, 64, 8))
    assert set(np.flatnonzero(np.diff(shifted, axis=0).any(axis=1))) <= set(range(1, 64, 8))
    assert np.ptp(shifted) > 0


def test_a_shift_moves_no_pixels(image: Image) -> None:
    plain = built().apply(image, one(quality=95))
    for shift in [(1, 0), (0, 7), (5, 3)]:
        assert cv2.PSNR(built().apply(image, one(quality=95, shift=shift)), plain) > 38


def test_a_second_pass_changes_the_image_again(image: Image) -> None:
    first, second = one(quality=70).passes[0], one(quality=55, shift=(4, 4)).passes[0]
    twice = built().apply(image, JpegParams(passes=(first, second)))
    once = built().apply(image, JpegParams(passes=(first,)))
    assert np.array_equal(twice, built().apply(once, JpegParams(passes=(second,))))
    assert not np.array_equal(twice, once)


def test_draws_keep_to_the_options() -> None:
    kind = built(
        quality=[40, 42], subsampling=["4:4:4"], tables=["own"], passes=[2, 3], shift=[2, 5]
    )
    params = drawn(kind)
    assert {len(found.passes) for found in params} == {2, 3}
    passes = [found for each in params for found in each.passes]
    assert {found.quality for found in passes} == {40, 41, 42}
    assert {found.subsampling for found in passes} == {"4:4:4"}
    assert {found.tables for found in passes} == set(OWN_TABLES)
    assert {value for found in passes for value in found.shift} == {2, 3, 4, 5}


def test_a_further_pass_does_not_change_the_first() -> None:
    for once, thrice in zip(drawn(built(passes=1)), drawn(built(passes=3)), strict=True):
        assert once.passes[0] == thrice.passes[0]


def test_the_encoder_is_named_with_its_library() -> None:
    standard, own = one().passes[0], one(tables="klein").passes[0]
    kind = built()
    assert kind.encoder(JpegParams(passes=(standard,))).startswith(f"opencv {cv2.__version__} (")
    assert kind.encoder(JpegParams(passes=(own,))).startswith("pillow ")
    both = kind.encoder(JpegParams(passes=(standard, own, standard)))
    assert both.count("opencv") == both.count("pillow") == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"quality": [0, 50]}, "quality: must be a range within 1 and 100"),
        ({"quality": [50, 101]}, "quality: must be a range within 1 and 100"),
        ({"passes": 4}, "passes: must be a range within 1 and 3"),
        ({"shift": [0, 8]}, "shift: must be a range within 0 and 7"),
        ({"subsampling": []}, "subsampling: must have at least one"),
        ({"subsampling": ["4:1:1"]}, "subsampling"),
        ({"tables": []}, "tables: must have at least one"),
        ({"tables": ["mine"]}, "tables"),
    ],
)
def test_wrong_values_are_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        built(**options)
