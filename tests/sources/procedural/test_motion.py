from __future__ import annotations

import dataclasses
from itertools import pairwise

import numpy as np
import pytest

from datagen.sources.procedural import expression, motion
from datagen.sources.procedural.motion import Amounts, Motion

AMOUNTS = Amounts(head=10.0, shift=1.0, mouth=0.5, expression=0.3)
RANGES = {name: (low, high) for name, low, high, _ in expression.RANGES}


def moves(person: int = 3, number: int = 0, amounts: Amounts = AMOUNTS) -> Motion:
    return motion.draw(7, person, number, amounts)


def blinks(of: Motion, seconds: float) -> list[tuple[float, float, float]]:
    """Begin, first full closing and end of each whole blink, to a millisecond."""
    closed = np.array([of.blink(k / 1000.0) for k in range(int(seconds * 1000))])
    edges = np.flatnonzero(np.diff((closed > 0.0).astype(int)))
    edges = edges[int(closed[0] > 0.0) :]
    found = []
    for begin, end in zip(edges[::2], edges[1::2], strict=False):
        assert closed[begin : end + 1].max() == 1.0
        full = begin + int(np.argmax(closed[begin : end + 1] == 1.0))
        found.append((begin / 1000.0, full / 1000.0, end / 1000.0))
    return found


def test_same_numbers_same_motion_in_any_order() -> None:
    first, second = moves(), moves()
    times = [0.0, 3.7, 100.25, 1.04]
    forward = [first.at(t) for t in times]
    motion._knots.cache_clear()
    motion._event.cache_clear()
    assert [second.at(t) for t in reversed(times)] == forward[::-1]


@pytest.mark.parametrize(("person", "number"), [(4, 0), (3, 1)])
def test_other_people_and_videos_move_otherwise(person: int, number: int) -> None:
    one, other = moves().at(2.0), moves(person, number).at(2.0)
    assert one.turn != other.turn
    assert one.shift != other.shift
    assert one.expression != other.expression


def test_heads_move_without_jumps_and_within_their_amounts() -> None:
    spread = []
    for person in range(6):
        path = [moves(person).at(k / 200.0) for k in range(2400)]
        turn = np.array([now.turn for now in path])
        shift = np.array([now.shift for now in path])
        assert np.abs(turn).max() <= AMOUNTS.head
        assert np.abs(shift).max() <= AMOUNTS.shift
        # Degrees and cm a second.
        assert np.abs(np.diff(turn, axis=0)).max() * 200.0 < 2.0 * AMOUNTS.head
        assert np.abs(np.diff(shift, axis=0)).max() * 200.0 < 1.5 * AMOUNTS.shift
        # No corners either: twice as fast within a fifth of a second at most.
        assert np.abs(np.diff(turn, n=2, axis=0)).max() * 200.0**2 < 25.0 * AMOUNTS.head
        spread.append(turn[:, 0].std())
    assert np.mean(spread) > 0.25 * AMOUNTS.head


def test_expressions_stay_in_range_and_change_slowly() -> None:
    names = [name for name in motion._SLOW if name != "lip_press"]
    for person in range(6):
        path = [moves(person).at(k / 100.0).expression for k in range(1200)]
        for name, (low, high) in RANGES.items():
            values = np.array([now[name] for now in path])
            limit = motion.CLOSED_LIDS if name == "lids" else high
            if not name.startswith("gaze"):
                assert values.min() >= low - 0.1
                assert values.max() <= limit
        for name in names:
            steps = np.abs(np.diff([now[name] for now in path])) * 100.0
            assert steps.max() < 3.5 * (RANGES[name][1] - RANGES[name][0]), name


def test_blinks_close_fully_at_the_pace_of_people() -> None:
    gaps: list[float] = []
    for person in range(4):
        found = blinks(moves(person), 60.0)
        assert 9 <= len(found) <= 31
        for begin, full, end in found:
            assert full - begin == pytest.approx(0.08, abs=0.003)
            assert end - full == pytest.approx(0.20, abs=0.003)
        gaps += [after[0] - before[0] for before, after in pairwise(found)]
    assert min(gaps) >= 2.0 - 0.002
    assert max(gaps) <= 6.0 + 0.002
    assert np.std(gaps) > 0.3


def test_every_blink_is_seen_closed_at_25_frames_a_second() -> None:
    one = moves()
    for _, full, _ in blinks(one, 60.0):
        frames = np.arange(int(full * 25), int(full * 25) + 4) / 25.0
        assert max(one.at(float(t)).closed for t in frames) == 1.0


def test_the_gaze_rests_and_jumps() -> None:
    for person in range(4):
        one = moves(person)
        gaze = np.array([one.gaze(k / 1000.0) for k in range(20000)])
        speed = np.hypot(*np.diff(gaze, axis=0).T) * 1000.0
        fast = speed > 10.0
        assert speed[~fast].max() < 10.0
        assert fast.mean() < 0.08
        assert np.quantile(speed, 0.8) < 1.5  # degrees a second while a point is fixed
        jumps = np.flatnonzero(np.diff(fast.astype(int)) == 1)
        assert 8 <= len(jumps) <= 40


def test_speech_opens_and_closes_the_mouth() -> None:
    shares = []
    for person in range(8):
        opened = np.array(
            [moves(person).at(k / 50.0).expression["mouth_open"] for k in range(1500)]
        )
        shares.append((opened > 0.05).mean())
        assert opened.max() > 0.25
        assert (opened == 0.0).any()
    assert 0.25 < np.mean(shares) < 0.9


def test_a_silent_person_keeps_the_mouth_closed() -> None:
    silent = moves(amounts=dataclasses.replace(AMOUNTS, mouth=0.0))
    assert all(silent.at(k / 10.0).expression["mouth_open"] == 0.0 for k in range(300))
