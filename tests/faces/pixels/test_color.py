from __future__ import annotations

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from datagen.faces.pixels.color import color_matrix, match_light, recolor, reinhard, resharpen
from tests.support.faces_made import made_face

ALL = np.full((128, 128), 255, np.uint8)
A, B = made_face(1).image, made_face(5).image
PLAIN = color_matrix((0, 0, 0), 0, 1, 1, 0)


def _mean(image: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.mean(cv2.cvtColor(image, cv2.COLOR_RGB2LAB))[:3])


def test_reinhard_carries_the_mean_over() -> None:
    assert np.abs(_mean(reinhard(A, B, ALL, 1.0)) - _mean(B)).max() < 4


def test_reinhard_of_the_same_face_changes_next_to_nothing() -> None:
    for strength in (0.0, 1.0):
        same = reinhard(A, A, ALL, strength)
        assert np.abs(same.astype(int) - A).mean() < 1.5


def test_a_weaker_transfer_stays_between_but_never_far_from_the_target() -> None:
    full, weak = (_mean(reinhard(A, B, ALL, s)) for s in (1.0, 0.2))
    assert np.abs(weak - full)[0] < 9
    assert np.abs(weak - full)[1:].max() < 5


@settings(deadline=None, max_examples=40)
@given(arrays(np.uint8, (12, 12, 3)), arrays(np.uint8, (12, 12, 3)), st.floats(0, 1))
def test_reinhard_never_explodes(source: np.ndarray, target: np.ndarray, strength: float) -> None:
    mask = np.full((12, 12), 255, np.uint8)
    out = reinhard(source, target, mask, strength)
    light = cv2.cvtColor(out, cv2.COLOR_RGB2LAB)[..., 0].astype(float)
    was = cv2.cvtColor(source, cv2.COLOR_RGB2LAB)[..., 0].astype(float)
    assert out.shape == source.shape
    assert np.isfinite(light).all()
    assert abs(light.mean() - was.mean()) < 160


def test_flat_images_and_an_empty_mask_are_no_problem() -> None:
    black, white = np.zeros_like(A), np.full_like(A, 255)
    for source, target in ((black, white), (white, black), (A, black), (white, A)):
        for mask in (ALL, np.zeros_like(ALL)):
            assert reinhard(source, target, mask, 1.0).dtype == np.uint8
            assert match_light(source, target, mask, 10.0, 1.0).dtype == np.uint8


def test_black_stays_dark_when_a_face_is_made_light() -> None:
    source = np.full((64, 64, 3), 70, np.uint8)
    source[::8] = 8
    target = np.full((64, 64, 3), 200, np.uint8)
    target[::8] = 180
    out = reinhard(source, target, np.full((64, 64), 255, np.uint8), 1.0)
    assert out[::8].mean() < 110
    assert out[1::8].mean() > 170


def test_match_light_moves_large_areas_and_keeps_detail() -> None:
    slope = np.clip(A.astype(int) + np.linspace(-30, 30, 128).astype(int)[None, :, None], 0, 255)
    lit = slope.astype(np.uint8)
    out = match_light(A, lit, ALL, 10.0, 1.0).astype(float)
    assert np.abs(out - lit).mean() < 0.5 * np.abs(A.astype(float) - lit).mean()
    detail = [x - cv2.GaussianBlur(x, (0, 0), 2) for x in (out, A.astype(float))]
    assert np.abs(detail[0] - detail[1]).mean() < 0.5
    assert (match_light(A, lit, ALL, 10.0, 0.0) == A).all()


@given(arrays(np.uint8, (5, 7, 3)))
def test_the_plain_matrix_changes_nothing(image: np.ndarray) -> None:
    assert (recolor(image, PLAIN) == image).all()


def test_gray_has_no_hue_and_no_saturation() -> None:
    gray = np.full((4, 4, 3), 90, np.uint8)
    assert (recolor(gray, color_matrix((0, 0, 0), 77, 1.7, 1, 0)) == gray).all()
    assert (recolor(gray, color_matrix((5, 0, -5), 0, 1, 1, 0))[0, 0] == [95, 90, 85]).all()
    assert (recolor(gray, color_matrix((0, 0, 0), 0, 1, 1, 0.1)) == 116).all()


def test_a_third_of_a_turn_exchanges_the_channels() -> None:
    out = recolor(A, color_matrix((0, 0, 0), 120, 1, 1, 0))
    assert np.abs(out.astype(int) - A[..., [2, 0, 1]]).max() <= 1


def test_resharpen_sharpens_and_softens() -> None:
    detail = [cv2.Laplacian(resharpen(A, s), cv2.CV_32F).std() for s in (-1.5, 0.0, 0.5)]
    assert detail == sorted(detail)
    assert resharpen(A, 0.0) is A
