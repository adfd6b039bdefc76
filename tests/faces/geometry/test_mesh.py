from __future__ import annotations

import numpy as np

from datagen.faces.geometry.mesh import MIRROR_478


def test_every_point_has_one_partner() -> None:
    assert MIRROR_478.shape == (478,)
    assert sorted(MIRROR_478.tolist()) == list(range(478))
    np.testing.assert_array_equal(MIRROR_478[MIRROR_478], np.arange(478))


def test_the_midline_stays() -> None:
    midline = {n for n in range(478) if MIRROR_478[n] == n}
    forehead_and_nose = {10, 151, 9, 8, 168, 6, 197, 195, 5, 4, 1, 19, 94, 2, 164}
    lips_and_chin = {0, 11, 12, 13, 14, 15, 16, 17, 18, 200, 199, 175, 152}
    assert midline == forehead_and_nose | lips_and_chin


def test_known_pairs() -> None:
    # outer and inner eye corners, mouth corners, wings of the nose, cheeks, irises
    pairs = [(33, 263), (133, 362), (61, 291), (129, 358), (234, 454), (468, 473), (469, 476)]
    for left, right in pairs:
        assert MIRROR_478[left] == right
        assert MIRROR_478[right] == left
