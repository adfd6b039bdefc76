"""What is refused at run time, each as a plug-in would do it wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

from datagen.core.arrays import Image
from datagen.core.images import is_gray
from datagen.core.rng import rng
from datagen.core.tone import in_tone, tone_of
from datagen.errors import ContractError
from datagen.faces.crop import CropJitter, crop_matrix, face_box, take_crop
from datagen.faces.face import FaceCrop
from datagen.faces.geometry.mesh import move_mesh
from datagen.faces.landmarks import move_landmarks
from datagen.generation.checks import (
    alike_in_color,
    check_repeatable,
    checked,
    checked_control,
)
from datagen.methods import METHODS, Context, Method, Result
from datagen.sources.procedural import render
from tests.core.test_tone import TONED, to_gray
from tests.support.faces_made import made_face


@pytest.fixture(scope="module")
def method() -> Method:
    return METHODS.load("landmark_swap").build({})


@pytest.fixture(scope="module")
def ctx() -> Context:
    return Context(made_face(0, 128), made_face(1, 128))


@pytest.fixture(scope="module")
def result(method: Method, ctx: Context) -> Result:
    return method.apply(ctx, method.sample(rng("contract"), ctx))


def spoiled(result: Result, **how: Any) -> Result:
    return replace(result, **{name: change(getattr(result, name)) for name, change in how.items()})


def test_a_good_result_passes_as_it_is(method: Method, ctx: Context, result: Result) -> None:
    assert checked(method, result, ctx) is result


@pytest.mark.parametrize(
    ("how", "says"),
    [
        (
            {"image": lambda image: image.astype(np.float32)},
            "image returned by method 'landmark_swap': expected .* uint8",
        ),
        ({"image": lambda image: image.tolist()}, "expected a NumPy array, got list"),
        ({"mask": lambda mask: None}, "mask returned by .*: expected a NumPy array, got NoneType"),
        ({"image": lambda image: image[:64]}, "an image of"),
        ({"mask": lambda mask: mask[:64]}, "mask returned by method 'landmark_swap': expected"),
        ({"mask": lambda mask: np.minimum(mask, 1)}, "at most 1: 255 is fully replaced"),
        ({"mask": lambda mask: mask * 0}, "differs from its real where the mask is 0"),
        (
            {"landmarks": lambda marks: marks.astype(np.float64)},
            "landmarks returned by method 'landmark_swap': expected",
        ),
        ({"landmarks": lambda marks: marks * np.float32("nan")}, "not finite"),
    ],
)
def test_a_wrong_result_is_refused(
    method: Method, ctx: Context, result: Result, how: dict[str, Any], says: str
) -> None:
    with pytest.raises(ContractError, match=says):
        checked(method, spoiled(result, **how), ctx)


def test_what_is_no_result_is_named(method: Method, ctx: Context) -> None:
    with pytest.raises(ContractError, match="returned NoneType, expected a Result"):
        checked(method, None, ctx)  # type: ignore[arg-type]


def test_controls_are_held_too(method: Method, ctx: Context, result: Result) -> None:
    real = ctx.target.image
    assert checked_control(method, real.copy(), real, result.mask) is not None
    with pytest.raises(ContractError, match="differs from its real where the mask is 0"):
        checked_control(method, real * 0, real, result.mask)
    inside = np.where(result.mask[..., None] > 0, 255 - real, real).astype(np.uint8)
    with pytest.raises(ContractError, match="dB inside the mask, at least 30 dB required"):
        checked_control(method, inside, real, result.mask)
    with pytest.raises(
        ContractError, match=r"control returned by .*: expected a NumPy array, got NoneType"
    ):
        checked_control(method, None, real, result.mask)  # type: ignore[arg-type]


def test_a_method_that_draws_in_apply_is_found(method: Method, result: Result) -> None:
    check_repeatable(method, result, result)
    for what in ("image", "mask", "landmarks"):
        other = spoiled(result, **{what: lambda array: array[::-1].copy()})
        with pytest.raises(ContractError, match="two results for the same params"):
            check_repeatable(method, other, result)
    with pytest.raises(ContractError, match="two results for the same params"):
        check_repeatable(method, None, result)


def test_a_fake_of_a_gray_photograph_is_gray(method: Method, ctx: Context) -> None:
    gray = replace(ctx.target, image=to_gray(ctx.target.image))
    target, donor = alike_in_color(gray, ctx.donor)
    assert donor is not None
    assert is_gray(donor.image)
    assert not donor.image.flags.writeable
    colored = Context(target, ctx.donor)
    made = method.apply(colored, method.sample(rng("gray"), colored))
    kept: Image = checked(method, made, colored).image
    assert is_gray(kept)
    assert (kept[made.mask == 0] == target.image[made.mask == 0]).all()


def test_color_stays_color(ctx: Context) -> None:
    assert not is_gray(ctx.target.image)
    assert alike_in_color(ctx.target, ctx.donor) == (ctx.target, ctx.donor)


PLAIN = sorted(name for name in METHODS if not METHODS.load(name).learned)


def with_mesh(number: int) -> FaceCrop:
    portrait = render(2, number, 0, 400)
    matrix = crop_matrix(face_box(portrait.landmarks), 1.3, 256, CropJitter())
    marks = move_landmarks(portrait.landmarks, matrix)
    mesh = move_mesh(portrait.mesh, matrix)
    return FaceCrop(take_crop(portrait.image, matrix, 256, 1), marks, mesh)


def colorfulness(image: Image) -> float:
    """Return how much color an image has beside its brightness, at 64 pixels."""
    small = cv2.resize(image, (64, 64), interpolation=cv2.INTER_AREA).astype(float)
    return float(np.abs(small - small.mean(axis=2, keepdims=True)).mean())


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("how", TONED)
def test_the_fakes_of_every_method_keep_the_tone_of_their_real(name: str, how: str) -> None:
    """A detector that looks at color alone must not find them."""
    target, donor = with_mesh(0), with_mesh(1)
    image = TONED[how](target.image)
    image.flags.writeable = False
    made = METHODS.load(name).build({})
    context = Context(*alike_in_color(replace(target, image=image), donor))
    params = made.sample(rng("tone", name), context)
    kept = checked(made, made.apply(context, params), context)
    real = context.target.image if kept.real is None else kept.real
    np.testing.assert_array_equal(kept.image[kept.mask == 0], real[kept.mask == 0])
    tone = tone_of(image)
    assert tone is not None
    assert tone_of(kept.image) is not None
    inside = kept.mask > 0
    for one in (kept.image, real):
        beside = np.abs(one.astype(float) - in_tone(one, tone))
        allowed = np.abs(image.astype(float) - in_tone(image, tone))
        assert beside[inside].mean() <= allowed[inside].mean() + 1.0
    assert abs(colorfulness(kept.image) - colorfulness(real)) < 1.5


def test_a_black_and_white_donor_is_tinted_for_a_target_in_color(ctx: Context) -> None:
    assert ctx.donor is not None
    gray = replace(ctx.donor, image=to_gray(ctx.donor.image))
    target, donor = alike_in_color(ctx.target, gray)
    assert target is ctx.target
    assert donor is not None
    assert colorfulness(donor.image) > 0.4 * colorfulness(ctx.target.image)
    np.testing.assert_allclose(to_gray(donor.image), gray.image, atol=4)


def test_controls_keep_the_tone_too(method: Method, ctx: Context, result: Result) -> None:
    real = TONED["sepia"](ctx.target.image)
    control = checked_control(method, real.copy(), real, result.mask)
    np.testing.assert_array_equal(control, real)
    tinted = np.where(result.mask[..., None] > 0, real + np.array([3, 0, 0]), real)
    kept = checked_control(method, np.clip(tinted, 0, 255).astype(np.uint8), real, result.mask)
    assert abs(colorfulness(kept) - colorfulness(real)) < 0.2
