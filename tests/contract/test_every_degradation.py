"""What every degradation keeps, run over the registry."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import pytest

from datagen.core.arrays import Image
from datagen.degradations import DEGRADATIONS, Degradation
from datagen.degradations.base import SEVERITIES
from tests.support.faces_made import made_face

SHAPES = [(96, 96), (97, 131), (380, 380)]


def face_like(shape: tuple[int, int], seed: int = 0) -> Image:
    """An image with edges, skin-like areas and fine detail, of any size."""
    face = made_face(seed, 96).image
    image = cv2.resize(face, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    grain = np.random.default_rng(seed).normal(0, 6, (*shape, 1))
    return np.clip(image + grain, 0, 255).astype(np.uint8)


def kind(name: str) -> type[Degradation]:
    loaded = DEGRADATIONS.load(name)
    if loaded.extra:
        pytest.importorskip({"video": "av"}[loaded.extra])
    return loaded


def draws(seed: int = 1) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(seed))


NAMES = list(DEGRADATIONS)


def quality_of(built: Degradation, image: Image, params: Any) -> float:
    """PSNR of an image, or of a clip that shows it moving."""
    if not built.clips_only:
        return cv2.PSNR(built.apply(image, params), image)
    clip = moving_clip(image)
    return cv2.PSNR(np.hstack(built.apply_clips([clip], params)[0]), np.hstack(clip))


def moving_clip(image: Image, count: int = 10, side: int = 96) -> list[Image]:
    """A window that moves over an image by two pixels a frame."""
    starts = range(0, 2 * count, 2)
    return [np.ascontiguousarray(image[n : n + side, n : n + side]) for n in starts]


def every_build(name: str) -> list[Degradation]:
    loaded = kind(name)
    levels = [loaded.at(severity) for severity in range(1, len(loaded.levels) + 1)]
    return [*levels, loaded.build(example_options(name))]


def example_options(name: str) -> dict[str, object]:
    if name != "any":
        return {}
    return {"transform": {"name": "CLAHE", "p": 1.0}}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_shape_type_and_input_are_kept_and_params_damage_again(
    name: str, shape: tuple[int, int]
) -> None:
    image = face_like(shape)
    image.flags.writeable = False
    for built in every_build(name):
        params = built.sample(draws(), shape)
        once = built.apply(image, params)
        assert once.shape == image.shape
        assert once.dtype == np.uint8
        again = type(params).model_validate_json(params.model_dump_json())
        assert np.array_equal(once, built.apply(image, again))


@pytest.mark.parametrize("name", NAMES)
def test_all_members_are_damaged_alike(name: str) -> None:
    first, second = face_like((128, 128), 0), face_like((128, 128), 5)
    for built in every_build(name):
        params = built.sample(draws(), (128, 128))
        together = built.apply_all([first, second, first], params)
        assert np.array_equal(together[0], built.apply(first, params))
        assert np.array_equal(together[1], built.apply(second, params))
        assert np.array_equal(together[2], together[0])


@pytest.mark.parametrize("name", NAMES)
def test_gray_images_stay_gray(name: str) -> None:
    gray = cv2.cvtColor(cv2.cvtColor(face_like((128, 128)), cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    for built in every_build(name):
        if not built.tints:
            out = built.apply(np.asarray(gray, np.uint8), built.sample(draws(), (128, 128)))
            assert int(np.ptp(out.astype(int), axis=2).max()) <= 1


@pytest.mark.parametrize("name", NAMES)
def test_a_ladder_has_five_levels_that_get_worse(name: str) -> None:
    loaded = kind(name)
    if name == "any":
        assert loaded.levels == ()
        return
    assert len(loaded.levels) == SEVERITIES
    means = []
    for severity in range(1, SEVERITIES + 1):
        built = loaded.at(severity)
        quality = []
        for seed in range(50):
            image = face_like((128, 128), seed % 10)
            params = built.sample(draws(seed), (128, 128))
            quality.append(min(quality_of(built, image, params), 60.0))
        means.append(float(np.mean(quality)))
    if not loaded.moves:
        assert all(worse < better for better, worse in pairwise(means)), means
    assert means[-1] < 40, means


@pytest.mark.parametrize("name", NAMES)
def test_a_homography_says_where_pixels_went(name: str) -> None:
    loaded = kind(name)
    shape = (160, 160)
    for built in every_build(name):
        params = built.sample(draws(3), shape)
        matrix = built.homography(params, shape)
        assert (matrix is not None) == loaded.moves
        if matrix is None:
            continue
        dots = np.zeros((*shape, 3), np.uint8) + 60
        points = np.array([[60, 60], [100, 64], [80, 100]], np.float32)
        for x, y in points.astype(int):
            cv2.circle(dots, (int(x), int(y)), 4, (250, 250, 250), -1)
        plain = np.full_like(dots, 60)
        gone = cv2.perspectiveTransform(points[None], matrix)[0]
        seen = cv2.cvtColor(
            cv2.absdiff(built.apply(dots, params), built.apply(plain, params)), cv2.COLOR_RGB2GRAY
        ).astype(np.float64)
        rows, columns = np.mgrid[: shape[0], : shape[1]]
        for x, y in gone:
            if not (8 < x < shape[1] - 8 and 8 < y < shape[0] - 8):
                continue
            near = seen * (np.hypot(columns - x, rows - y) < 8)
            assert near.sum() > 0
            center = (near * columns).sum() / near.sum(), (near * rows).sum() / near.sum()
            assert np.hypot(center[0] - x, center[1] - y) < 1.0


@pytest.mark.parametrize("name", NAMES)
def test_a_misspelled_option_is_refused(name: str) -> None:
    from datagen.errors import RecipeError

    with pytest.raises(RecipeError, match="qualty"):
        kind(name).build({**example_options(name), "qualty": 3})


@pytest.mark.parametrize("name", NAMES)
def test_drawing_takes_the_same_numbers_at_every_level(name: str) -> None:
    loaded = kind(name)
    states = set()
    for severity in range(1, len(loaded.levels) + 1):
        rng = draws(9)
        loaded.at(severity).sample(rng, (128, 128))
        states.add(str(rng.bit_generator.state))
    assert len(states) <= 1


@pytest.mark.parametrize("name", NAMES)
def test_no_option_bears_the_name_of_a_key_of_the_recipe(name: str) -> None:
    from datagen.recipe.schema import DegradationUse

    assert not set(kind(name).options.model_fields) & set(DegradationUse.model_fields)
