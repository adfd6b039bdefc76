from __future__ import annotations

import dataclasses

import numpy as np

from datagen.faces.landmarks import mouth_opening
from datagen.faces.tracks.summary import SUMMARY, summary
from tests.faces.tracks.made import made_track
from tests.support.faces_made import made_landmarks


def test_mean_and_spread_of_mouth_eyes_and_pose() -> None:
    points = np.repeat(made_landmarks(1, 200)[None], 10, axis=0).astype(np.float32)
    track = dataclasses.replace(
        made_track(10), landmarks=points, pose=np.tile(np.array([5, -3, 1], np.float32), (10, 1))
    )
    found = dict(zip(SUMMARY, np.reshape(summary(track), (4, 2)).tolist(), strict=True))
    assert found["mouth"] == [round(mouth_opening(points[0]), 4), 0.0]
    assert 0.1 < found["eyes"][0] < 0.8
    assert (found["yaw"], found["pitch"]) == ([5.0, 0.0], [-3.0, 0.0])
    closing = points.copy()
    closing[5:, [37, 38, 43, 44]] = closing[5:, [41, 40, 47, 46]]
    eyes = summary(dataclasses.replace(track, landmarks=closing))[2:4]
    assert eyes[0] < found["eyes"][0]
    assert eyes[1] > 0.05


def test_an_unknown_pose_is_not_a_number() -> None:
    track = dataclasses.replace(made_track(5), pose=np.full((5, 3), np.nan, np.float32))
    assert np.isnan(summary(track)[4:]).all()
