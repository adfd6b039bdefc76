from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from datagen.core.rng import rng
from datagen.faces.crop import face_box
from datagen.faces.tracks.track import Track
from datagen.generation.clips.alignment import (
    MAX_WINDOW,
    donor_window,
    in_order,
    nearest_expression,
)
from tests.support.faces_made import made_face


def talking(openings: NDArray[np.float64], shift: float = 0.0) -> Track:
    """Return the track of a face whose mouth opens by these shares of its height."""
    still = made_face(0, 200).landmarks
    marks = np.repeat(still[None], len(openings), axis=0) + np.float32(shift)
    marks[:, 65:68, 1] += (40 * openings[:, None]).astype(np.float32)
    count = len(openings)
    return Track(
        first_frame=0,
        pts=np.arange(count, dtype=np.int64),
        boxes=np.array([face_box(one) for one in marks]),
        landmarks=marks,
        raw=marks,
        mesh=None,
        pose=np.zeros((count, 3), np.float32),
        other_faces=np.zeros(count, np.int32),
    )


def test_a_donor_that_says_the_same_later_is_followed_from_there() -> None:
    words = np.abs(np.sin(np.arange(60) / 4))
    target, donor = talking(words[20:40]), talking(words, shift=7)
    assert nearest_expression(target, donor).tolist() == list(range(20, 40))


def test_a_jump_must_be_worth_it() -> None:
    rising = np.linspace(0, 1, 30)
    noise = 0.01 * rng("test", "jumps").random(30)
    places = nearest_expression(talking(rising), talking(rising + noise))
    assert np.abs(np.diff(places) - 1).max() <= 1
    opened = np.repeat([0.0, 1.0], 15)
    places = nearest_expression(talking(opened), talking(1 - opened))
    assert places[:15].min() >= 15
    assert places[16:].max() < 15


@pytest.mark.parametrize(
    ("length", "frames", "stride", "places"),
    [
        (9, 4, 2, [0, 2, 4, 6]),
        (3, 6, 1, [0, 1, 2, 1, 0, 1]),
        (1, 3, 1, [0, 0, 0]),
        (2, 4, 3, [0, 1, 0, 1]),
    ],
)
def test_a_short_donor_goes_there_and_back(
    length: int, frames: int, stride: int, places: list[int]
) -> None:
    assert in_order(length, frames, stride).tolist() == places


@pytest.mark.parametrize("length", [1, 20, 31, 32, 700, 5000])
def test_a_window_lies_within_the_track(length: int) -> None:
    for number in range(40):
        start, count = donor_window(rng("w", number), length, 32, 1, "in_order")
        assert (0 <= start <= length - count, count) == (True, min(length, 32))
        start, count = donor_window(rng("w", number), length, 32, 1, "nearest_expression")
        assert (0 <= start <= length - count, count) == (True, min(length, MAX_WINDOW))
