from __future__ import annotations

import numpy as np

from datagen.core.rng import rng
from datagen.faces.virtual_camera import draw_camera


def test_a_camera_without_motion_stands_still() -> None:
    motion = draw_camera(rng("c"), 9, 25, shake=0, zoom=0, turn=0)
    for matrix in motion.matrices(100):
        assert np.allclose(matrix, np.eye(2, 3), atol=1e-12)


def test_the_shake_is_as_strong_as_asked_and_smooth() -> None:
    shifts = np.concatenate(
        [draw_camera(rng("c", n), 100, 25, 0.01, 0, 0).shift for n in range(200)]
    )
    assert np.allclose(shifts.std(axis=0), 0.01, rtol=0.15)
    one = draw_camera(rng("c", 1), 100, 25, 0.01, 0, 0).shift
    assert np.abs(np.diff(one, axis=0)).max() < 0.01  # of the side, within 40 ms


def test_zoom_and_turn_stay_within_what_a_second_allows_and_keep_the_middle() -> None:
    for number in range(50):
        motion = draw_camera(rng("c", number), 51, 25, 0, zoom=0.1, turn=5)
        assert np.abs(motion.turn).max() <= 5 + 1e-9
        assert 1 / 1.1 - 1e-9 <= motion.zoom.min() <= motion.zoom.max() <= 1.1 + 1e-9
        assert np.allclose(motion.matrices(64)[25], np.eye(2, 3), atol=1e-12)
        for matrix in motion.matrices(64):
            assert np.allclose(matrix @ (31.5, 31.5, 1), (31.5, 31.5))
