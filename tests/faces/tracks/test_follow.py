from __future__ import annotations

import numpy as np
import pytest

from datagen.faces.analyzers import Detection
from datagen.faces.tracks import follow
from datagen.faces.tracks.follow import Follower, FoundTrack, FrameNotes
from tests.support.faces_made import made_landmarks

SIZE = (640, 360)


def face(
    x: float, y: float = 60.0, side: int = 160, embedding: list[float] | None = None
) -> Detection:
    points = (made_landmarks(1, side) + np.array([x, y], np.float32)).astype(np.float32)
    given = None if embedding is None else np.array(embedding, np.float32)
    return Detection(points, (1.0, 2.0, 3.0), embedding=given)


def followed(frames: list[list[Detection]], cuts: tuple[int, ...] = ()) -> list[FoundTrack]:
    follower = Follower(True, SIZE)
    found = [
        track
        for number, faces in enumerate(frames)
        for track in follower.step(faces, FrameNotes(number * 512), number in cuts)
    ]
    return [*found, *follower.finish()]


def spans(found: list[FoundTrack]) -> list[tuple[int, int, str]]:
    return [(one.track.first_frame, len(one.track), one.ended) for one in found]


def test_two_people_are_two_tracks_that_know_of_each_other() -> None:
    found = followed([[face(60 + n), face(210 - n)][:: (-1) ** n] for n in range(12)])
    assert spans(found) == [(0, 12, "end")] * 2
    for one in found:
        places = one.track.boxes[:, 0]
        assert np.abs(np.diff(places)).max() < 2  # none was taken for the other
        assert one.track.pts.tolist() == [n * 512 for n in range(12)]
        np.testing.assert_array_equal(one.track.landmarks * 64, np.round(one.track.landmarks * 64))
    assert {one.track.other_faces.tolist()[0] for one in found} == {1}
    assert followed([[face(10), face(460)]] * 3)[0].track.other_faces.tolist() == [0, 0, 0]


def test_people_who_cross_end_both_tracks_and_nobody_becomes_another() -> None:
    frames = [[face(20 + 12 * n), face(320 - 12 * n)] for n in range(26)]
    found = followed(frames)
    assert {one.ended for one in found} == {"lost", "end"}
    for one in found:
        steps = np.diff(one.track.boxes[:, 0])
        assert (steps > 0).all() or (steps < 0).all()


def test_a_face_that_is_gone_for_one_frame_is_two_tracks() -> None:
    found = followed([[face(60)]] * 5 + [[]] + [[face(60)]] * 4)
    assert spans(found) == [(0, 5, "lost"), (6, 4, "end")]


def test_a_face_that_leaves_the_image_is_followed_while_it_is_in_it() -> None:
    found = followed([[face(400 + 12 * n)] for n in range(20)])
    (one,) = found
    assert one.ended == "lost"
    assert 4 < len(one.track) < 16
    outside = (one.track.landmarks[..., 0] >= SIZE[0]).mean(axis=1)
    assert outside.max() <= 0.25


def test_a_cut_ends_all_tracks_though_the_next_face_is_in_the_same_place() -> None:
    found = followed([[face(60)]] * 10, cuts=(4,))
    assert [(one.ended, one.after_cut, len(one.track)) for one in found] == [
        ("cut", False, 4),
        ("end", True, 6),
    ]


def test_a_long_track_is_several(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "MAX_TRACK", 8)
    found = followed([[face(60)]] * 20)
    assert spans(found) == [(0, 8, "length"), (8, 8, "length"), (16, 4, "end")]


def test_embeddings_are_averaged_and_the_middle_frame_is_noted() -> None:
    (found,) = followed([[face(60, embedding=[1.0, 0.0])], [face(60, embedding=[0.0, 1.0])]])
    assert found.embedding is not None
    np.testing.assert_allclose(found.embedding, [0.7071, 0.7071], atol=1e-4)
    assert found.middle.pts == 512


def test_stated_points_are_not_smoothed() -> None:
    follower = Follower(False, SIZE)
    frames = [[face(60 + (n % 2))] for n in range(30)]
    for faces in frames:
        assert list(follower.step(faces, FrameNotes(0))) == []
    (found,) = follower.finish()
    np.testing.assert_array_equal(found.track.landmarks, found.track.raw)


def test_no_faces_are_no_tracks() -> None:
    assert followed([[]] * 5) == []
    assert followed([]) == []


def test_the_motion_of_heads_is_measured_from_frame_to_frame() -> None:
    from tests.faces.tracks.test_flow import moved, pattern

    image = pattern((360, 640))
    follower = Follower(True, SIZE)
    for number in range(3):
        frame = moved(image, 1, 4 * number)
        assert list(follower.step([face(200 + 4 * number)], FrameNotes(number), False, frame)) == []
    (one,) = follower._open
    assert one.steps[0] is None
    for step in one.steps[1:]:
        assert step is not None
        assert abs(step[0] * (300 + 150j) + step[1] - (304 + 150j)) < 0.1
