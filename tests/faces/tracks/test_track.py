from __future__ import annotations

import numpy as np
import pytest

from datagen.faces.tracks.track import FRAMES_SCHEMA, Track, frames_table, track_of
from tests.faces.tracks.made import made_track

ARRAYS = ("pts", "boxes", "landmarks", "raw", "mesh", "pose", "other_faces")


def same(first: Track, second: Track) -> bool:
    return np.array_equal(first.frames, second.frames) and all(
        np.array_equal(getattr(first, name), getattr(second, name)) for name in ARRAYS
    )


def test_a_window_is_a_part_of_the_track() -> None:
    track = made_track(20, first=100)
    part = track.window(3, 4, 1)
    assert part.frames.tolist() == [103, 104, 105, 106]
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(part, name), getattr(track, name)[3:7])


def test_a_window_with_a_stride_says_which_frames_it_has() -> None:
    track = made_track(20, first=100, mesh=False)
    part = track.window(1, 4, 3)
    assert part.frames.tolist() == [101, 104, 107, 110]
    assert part.pts.tolist() == [frame * 512 for frame in part.frames]
    assert part.mesh is None
    np.testing.assert_array_equal(part.landmarks, track.landmarks[[1, 4, 7, 10]])
    assert same(part.window(1, 2, 1), track.window(4, 2, 3))


@pytest.mark.parametrize(
    ("start", "count", "stride"),
    [(-1, 2, 1), (0, 0, 1), (0, 2, 0), (17, 4, 1), (0, 8, 3), (20, 1, 1)],
)
def test_a_window_beyond_the_track_is_refused(start: int, count: int, stride: int) -> None:
    with pytest.raises(ValueError, match="not within a track of 20 frames"):
        made_track(20).window(start, count, stride)


def test_the_last_window_ends_with_the_track() -> None:
    assert made_track(20).window(17, 3, 1).frames.tolist() == [17, 18, 19]


def test_tracks_survive_the_table_of_frames() -> None:
    tracks = [made_track(3), None, made_track(4, first=9, mesh=False)]
    table = frames_table(tracks)
    assert table.schema == FRAMES_SCHEMA
    assert table.column("face").to_pylist() == [0, 0, 0, 2, 2, 2, 2]
    assert same(track_of(table.slice(0, 3)), made_track(3))
    second = track_of(table.slice(3))
    assert second.mesh is None
    assert second.frames.tolist() == [9, 10, 11, 12]
    np.testing.assert_array_equal(second.landmarks, made_track(4, first=9, mesh=False).landmarks)


def test_no_tracks_are_an_empty_table() -> None:
    assert frames_table([None, None]).num_rows == 0
