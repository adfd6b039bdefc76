from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from datagen.core.arrays import Image, Mask
from datagen.faces.pixels.transfer import match_covariance, match_histograms
from tests.support.faces_made import made_face

Transfer = Callable[[Image, Image, Mask, float], Image]
ALL = np.full((128, 128), 255, np.uint8)
A, B = made_face(1).image, made_face(5).image
each = pytest.mark.parametrize("transfer", [match_histograms, match_covariance])
small = arrays(np.uint8, (12, 12, 3))


def _lab(image: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2LAB), np.float64).reshape(-1, 3)


def _speckled(mean: tuple[int, int, int], wide: tuple[int, int, int], key: int) -> np.ndarray:
    """Return an image of normally distributed Lab values."""
    draw = np.random.Generator(np.random.Philox(key=key))
    lab = np.clip(np.rint(draw.normal(mean, wide, (128, 128, 3))), 0, 255).astype(np.uint8)
    return np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), np.uint8)


@each
def test_the_mean_is_carried_over(transfer: Transfer) -> None:
    assert np.abs(_lab(transfer(A, B, ALL, 1.0)).mean(0) - _lab(B).mean(0)).max() < 4


@each
def test_the_same_face_changes_next_to_nothing(transfer: Transfer) -> None:
    for strength in (0.0, 0.5, 1.0):
        assert np.abs(transfer(A, A, ALL, strength).astype(int) - A).mean() < 1.5


@each
def test_a_weaker_transfer_is_never_far_from_the_target(transfer: Transfer) -> None:
    full, weak = (_lab(transfer(A, B, ALL, s)).mean(axis=0) for s in (1.0, 0.2))
    assert np.abs(weak - full)[0] < 9
    assert np.abs(weak - full)[1:].max() < 5


@settings(deadline=None, max_examples=40)
@given(st.sampled_from([match_histograms, match_covariance]), small, small, st.floats(0, 1))
def test_nothing_explodes(
    transfer: Transfer, source: np.ndarray, target: np.ndarray, strength: float
) -> None:
    before = source.copy()
    out = transfer(source, target, np.full((12, 12), 255, np.uint8), strength)
    assert out.shape == source.shape
    assert out.dtype == np.uint8
    assert (source == before).all()
    assert np.abs(_lab(out)[:, 0].mean() - _lab(source)[:, 0].mean()) < 160


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from([match_histograms, match_covariance]),
    arrays(np.uint8, (12, 12)),
    arrays(np.uint8, (12, 12)),
    st.floats(0, 1),
)
def test_gray_stays_gray(
    transfer: Transfer, source: np.ndarray, target: np.ndarray, strength: float
) -> None:
    ours, theirs = (np.repeat(image[..., None], 3, axis=2) for image in (source, target))
    out = transfer(ours, theirs, np.full((12, 12), 255, np.uint8), strength)
    assert np.ptp(out.astype(int), axis=2).max() <= 1


@each
def test_flat_images_and_an_empty_mask_are_no_problem(transfer: Transfer) -> None:
    black, white = np.zeros_like(A), np.full_like(A, 255)
    for source, target in ((black, white), (white, black), (A, black), (white, A)):
        assert transfer(source, target, ALL, 1.0).dtype == np.uint8
        assert (transfer(source, target, np.zeros_like(ALL), 1.0) == source).all()
    one = np.zeros_like(ALL)
    one[5, 5] = 255
    assert transfer(A, B, one, 1.0).dtype == np.uint8


@each
def test_black_stays_dark_when_a_face_is_made_light(transfer: Transfer) -> None:
    source = np.full((64, 64, 3), 70, np.uint8)
    source[::8] = 8
    target = np.full((64, 64, 3), 200, np.uint8)
    target[::8] = 180
    out = transfer(source, target, np.full((64, 64), 255, np.uint8), 1.0)
    assert out[::8].mean() < 110
    assert out[1::8].mean() > 160


@each
def test_only_the_mask_is_measured(transfer: Transfer) -> None:
    mask = np.zeros_like(ALL)
    mask[40:90, 40:90] = 255
    other = B.copy()
    other[:30] = (255, 0, 0)
    assert (transfer(A, other, mask, 1.0) == transfer(A, B, mask, 1.0)).all()


def test_a_skewed_distribution_is_followed_further_than_its_deviation() -> None:
    draw = np.random.Generator(np.random.Philox(key=3))
    lab = np.full((128, 128, 3), 128, np.uint8)
    lab[..., 0] = np.clip(90 + draw.gamma(2.0, 12.0, (128, 128)), 0, 255)
    skewed = np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), np.uint8)
    plain = _speckled((115, 128, 128), (17, 0, 0), 4)
    goal = np.quantile(_lab(skewed)[:, 0], [0.2, 0.5, 0.8])
    histogram, covariance = (
        np.quantile(_lab(transfer(plain, skewed, ALL, 1.0))[:, 0], [0.2, 0.5, 0.8])
        for transfer in (match_histograms, match_covariance)
    )
    assert np.abs(histogram - goal).sum() < np.abs(covariance - goal).sum()


def test_covariance_turns_the_colors_of_one_face_into_those_of_the_other() -> None:
    source = _speckled((140, 140, 145), (20, 4, 4), 1)
    plain = _lab(_speckled((130, 145, 140), (18, 0, 0), 2)).reshape(128, 128, 3)
    tilt = np.random.Generator(np.random.Philox(key=5)).normal(0, 4, (128, 128))
    plain[..., 1] += tilt
    plain[..., 2] += tilt
    lab = np.clip(np.rint(plain), 0, 255).astype(np.uint8)
    target = np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), np.uint8)
    want, before = (np.corrcoef(_lab(x).T)[1, 2] for x in (target, source))
    after = np.corrcoef(_lab(match_covariance(source, target, ALL, 1.0)).T)[1, 2]
    assert abs(after - want) < 0.7 * abs(before - want)
