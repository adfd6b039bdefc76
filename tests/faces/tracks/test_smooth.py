from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from datagen.core.rng import rng
from datagen.faces.tracks.smooth import smooth
from tests.support.faces_made import made_landmarks

EYE_DISTANCE = 60.0  # of the drawn faces at this size, about


def still_face(count: int) -> NDArray[np.float32]:
    return np.repeat(made_landmarks(1, 200)[None], count, axis=0).astype(np.float32)


def moved(points: NDArray[np.float32]) -> NDArray[np.float32]:
    t = np.arange(len(points))[:, None]
    angle = 0.08 * np.sin(t / 11)
    size = 1 + 0.05 * np.sin(t / 17)
    z = (points[..., 0] - 100 + 1j * (points[..., 1] - 100)) * size * np.exp(1j * angle)
    z = z + 100 + 100j + 12 * np.sin(t / 9) + 8j * np.cos(t / 13)
    return np.stack([z.real, z.imag], axis=-1).astype(np.float32)


def noisy(points: NDArray[np.float32], level: float = 0.3) -> NDArray[np.float32]:
    return (points + rng("noise").normal(0, level, points.shape)).astype(np.float32)


def only(points: NDArray[np.float32]) -> NDArray[np.float32]:
    return smooth(points, None, np.zeros((len(points), 3), np.float32)).landmarks


def error(found: NDArray[np.float32], true: NDArray[np.float32]) -> float:
    return float(np.sqrt(((found - true) ** 2).sum(axis=-1).mean()))


@pytest.mark.parametrize("make", [lambda points: points, moved])
def test_noise_is_reduced_and_motion_stays(make: object) -> None:
    true = make(still_face(90))  # type: ignore[operator]
    given = noisy(true)
    made = only(given)
    assert error(made, true) < 0.45 * error(given, true)
    steps = [np.diff(points - true, axis=0) for points in (made, given)]
    assert np.median(np.abs(steps[0])) < 0.25 * np.median(np.abs(steps[1]))


def test_exact_points_stay_exact() -> None:
    true = moved(still_face(60))
    np.testing.assert_allclose(only(true), true, atol=0.02)


@pytest.mark.parametrize("shape", [[1.0], [0.5, 1, 0.5], [0.6, 1, 0.8, 0.5, 0.2], [0.3, 1, 1, 0.3]])
def test_a_blink_keeps_its_depth(shape: list[float]) -> None:
    true = moved(still_face(60))
    closed = true.copy()
    for number, share in enumerate(shape, start=30):
        for upper, lower in ((37, 41), (38, 40), (43, 47), (44, 46)):
            closed[number, upper] += 0.9 * share * (true[number, lower] - true[number, upper])
    made = only(noisy(closed, 0.15))

    def opening(points: NDArray[np.float32]) -> NDArray[np.float64]:
        gaps = points[:, [37, 38, 43, 44]] - points[:, [41, 40, 47, 46]]
        return np.asarray(np.linalg.norm(gaps, axis=2).mean(axis=1), np.float64)

    depth = [opening(points)[20] - opening(points)[29:36].min() for points in (made, closed)]
    assert depth[0] > 0.9 * depth[1]


def test_a_jump_of_the_head_is_not_spread_over_time() -> None:
    true = still_face(60)
    true[30:] += 15
    made = only(noisy(true, 0.15))
    assert np.abs(made[28:32] - true[28:32]).max() < 1.5


@pytest.mark.parametrize("count", [1, 2, 4, 5, 6, 8, 20])
def test_short_tracks(count: int) -> None:
    given = noisy(moved(still_face(count)))
    made = only(given)
    assert made.shape == given.shape
    assert made.dtype == np.float32
    assert np.isfinite(made).all()
    assert error(made, given) < 1.0


def test_a_mesh_moves_with_the_part_that_it_lies_in() -> None:
    true = moved(still_face(60))
    given = noisy(true)
    mesh = np.zeros((60, 478, 3), np.float32)
    mesh[..., :2] = given[:, np.arange(478) % 68]
    mesh[..., 2] = 5.0
    found = smooth(given, mesh, np.zeros((60, 3), np.float32))
    assert found.mesh is not None
    np.testing.assert_allclose(
        found.mesh[..., :2], found.landmarks[:, np.arange(478) % 68], atol=1e-3
    )
    np.testing.assert_allclose(found.mesh[..., 2], 5.0, rtol=0.1)


def test_angles_are_smoothed_across_the_half_turn_and_unknown_ones_stay_unknown() -> None:
    true = 180 + 4 * np.sin(np.arange(60) / 6)[:, None] * np.ones(3)
    given = true + rng("pose").normal(0, 0.3, true.shape)
    wrapped = ((given + 180) % 360 - 180).astype(np.float32)
    found = smooth(still_face(60), None, wrapped).pose
    away = (found - true + 180) % 360 - 180
    assert np.abs(away).max() < 0.8
    unknown = np.full((60, 3), np.nan, np.float32)
    assert np.isnan(smooth(still_face(60), None, unknown).pose).all()


def test_points_that_coincide_are_not_divided_by_zero() -> None:
    assert np.isfinite(only(np.full((30, 68, 2), 7.0, np.float32))).all()


def test_a_fast_head_is_smoothed_along_its_path_by_the_pixels() -> None:
    t = np.arange(90)
    factor = 1 + 0.004 * np.sin(t / 2)
    step = 3 * np.sin(1.1 * t) + 2j * np.cos(0.9 * t)
    true = still_face(90)
    for n in range(1, 90):
        z = factor[n] * (true[n - 1, :, 0] + 1j * true[n - 1, :, 1]) + step[n]
        true[n] = np.stack([z.real, z.imag], axis=-1)
    given = noisy(true)
    steps = [None, *((complex(factor[n]), complex(step[n])) for n in range(1, 90))]
    pose = np.zeros((90, 3), np.float32)
    made = smooth(given, None, pose, steps).landmarks
    assert error(made, true) < 0.45 * error(given, true)
    assert error(made, true) < 0.9 * error(only(given), true)
    gaps = [None if n % 30 == 5 else one for n, one in enumerate(steps)]
    assert error(smooth(given, None, pose, gaps).landmarks, true) < 0.7 * error(given, true)


def test_a_path_that_is_wrong_does_no_harm() -> None:
    true = moved(still_face(90))
    given = noisy(true, 0.15)
    wrong = [None, *[(1 + 0j, 0j)] * 89]  # as if the head had not moved at all
    made = smooth(given, None, np.zeros((90, 3), np.float32), wrong).landmarks
    assert error(made, true) < error(given, true)
