from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from datagen.faces.pixels.poisson import clone, similar_colors
from tests.support.faces_made import made_face

SIZE = 96
ALL = np.full((SIZE, SIZE), 255, np.uint8)
FACE = made_face(1, SIZE).image
images = arrays(np.uint8, (20, 24, 3))
masks = arrays(np.uint8, (20, 24), elements=st.sampled_from([0, 1, 255]))


def _disc(x: int, y: int, radius: int) -> np.ndarray:
    return np.asarray(cv2.circle(np.zeros((SIZE, SIZE), np.uint8), (x, y), radius, (255,), -1))


@settings(deadline=None)
@given(images, images, masks, masks)
def test_outside_the_target_stays_bit_for_bit_whatever_is_pinned(
    source: np.ndarray, target: np.ndarray, inside: np.ndarray, pinned: np.ndarray
) -> None:
    before = source.copy(), target.copy()
    out = clone(source, target, inside, pinned)
    assert out.dtype == np.uint8
    assert (out[inside == 0] == target[inside == 0]).all()
    assert (source == before[0]).all()
    assert (target == before[1]).all()


@settings(deadline=None)
@given(images, images, masks)
def test_no_correction_is_greater_than_the_greatest_along_the_rim(
    source: np.ndarray, target: np.ndarray, inside: np.ndarray
) -> None:
    out = clone(source, target, inside, np.full(inside.shape, 255, np.uint8)).astype(int)
    apart = (target.astype(int) - source)[inside == 0]
    moved = (out - source)[inside > 0]
    if len(apart) and len(moved):
        assert moved.max() <= max(apart.max(), 0)
        assert moved.min() >= min(apart.min(), 0)


@settings(deadline=None, max_examples=20)
@given(st.integers(-40, 40), st.integers(20, 76), st.integers(20, 76), st.integers(4, 60))
def test_a_constant_step_is_taken_away_also_at_the_edge_of_the_image(
    step: int, x: int, y: int, radius: int
) -> None:
    target = np.clip(FACE, 45, 210)
    source = (target.astype(int) + step).astype(np.uint8)
    inside = _disc(x, y, radius)
    out = clone(source, target, inside, ALL)
    rim = (inside == 0).any()
    assert np.abs(out.astype(int) - (target if rim else source)).max() <= 1


@pytest.mark.parametrize("radius", [10, 25, 44])
def test_a_slope_is_followed(radius: int) -> None:
    slope = np.linspace(-30, 30, SIZE)[None, :, None] + np.linspace(20, -20, SIZE)[:, None, None]
    flat = np.full_like(FACE, 120)
    target = np.rint(flat + slope).astype(np.uint8)
    out = clone(flat, target, _disc(48, 48, radius), ALL)
    assert np.abs(out.astype(int) - target).max() <= 2


def test_the_source_keeps_its_detail() -> None:
    other = made_face(5, SIZE).image
    inside = _disc(48, 48, 30)
    out = clone(other, FACE, inside, ALL)
    deep = _disc(48, 48, 24) > 0
    steps = [np.asarray(cv2.Laplacian(x, cv2.CV_32F))[deep] for x in (out, other)]
    assert np.abs(steps[0] - steps[1]).mean() < 1.5


def test_what_is_not_pinned_does_not_bleed() -> None:
    source = np.full_like(FACE, 150)
    target = np.full_like(FACE, 140)
    target[:, :30] = 10
    inside = _disc(48, 48, 30)
    pinned = similar_colors(source, target, 0.12)
    assert (pinned[:, :27] == 0).all()
    assert (pinned[:, 34:] == 255).all()
    out = clone(source, target, inside, pinned)
    assert np.abs(out[inside > 0].astype(int) - 140).max() <= 1
    assert out[48, 20].max() > 100 > clone(source, target, inside, ALL)[48, 20].max()


def test_with_nothing_to_hold_to_the_source_is_taken() -> None:
    other = made_face(5, SIZE).image
    assert (clone(other, FACE, ALL, ALL) == other).all()
    assert (clone(other, FACE, ALL, np.zeros_like(ALL)) == other).all()


@given(images)
def test_an_image_is_like_itself(image: np.ndarray) -> None:
    assert similar_colors(image, image, 0.0).all()


def test_dark_skin_allows_a_smaller_step_than_pale() -> None:
    dark, pale = np.full_like(FACE, 50), np.full_like(FACE, 220)
    assert not similar_colors(dark + 15, dark, 0.12).any()
    assert similar_colors(pale + 15, pale, 0.12).all()
