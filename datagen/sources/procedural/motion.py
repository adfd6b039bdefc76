"""How a person moves in front of a camera: a pure function of a seed and the time in seconds.

Smooth paths are uniform cubic B-splines over random knots. Blinks and saccades come once in
each cell of time, at a random place of it, so that any moment is known without those before it.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from datagen.core import rng as streams

from . import expression as expressions
from .arrays import F64

Key = tuple[int, int, int]

BLINK_CLOSING, BLINK_CLOSED, BLINK_OPENING = 0.08, 0.05, 0.15
CLOSED_LIDS = 1.08
_KNOTS = 64
# Seconds between blinks, and between changes of the point that is looked at.
_BLINKS, _FIXATIONS = (2.0, 6.0), (0.35, 2.45)
_RANGES = {name: (low, high) for name, low, high, _ in expressions.RANGES}
_SLOW = ("smile", "cheek_raise", "brow_raise", "frown", "squint", "lip_press", "pucker")


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much a person moves in one video.

    Attributes:
        head: largest turn of the head from its mean pose to the side in degrees.
        shift: largest displacement of the head in cm.
        mouth: opening of the mouth in speech, as a share of the widest; 0 for a silent person.
        expression: change of each movement of the face, as a share of its range.
    """

    head: float
    shift: float
    mouth: float
    expression: float


@dataclass(frozen=True, slots=True)
class Moment:
    """A person at one time.

    Attributes:
        turn: yaw, pitch and roll of the head relative to its mean pose, in degrees.
        shift: displacement of the head to the right, up and toward the camera in cm.
        expression: parameters of the expression; the gaze is relative to the camera.
        closed: closing of the lids by a blink, 0 to 1.
    """

    turn: tuple[float, float, float]
    shift: tuple[float, float, float]
    expression: dict[str, float]
    closed: float


RESTING = Moment((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), {}, 0.0)


def _ease(share: float) -> float:
    t = min(max(share, 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


@functools.lru_cache(maxsize=1024)
def _knots(key: Key, name: str, block: int) -> F64:
    knots = streams.rng(*key, "motion", name, block).uniform(-1.0, 1.0, _KNOTS)
    knots.setflags(write=False)
    return knots


def path(key: Key, name: str, spacing: float, seconds: float) -> float:
    """Value of a smooth path at a time, between -1 and 1 with a deviation of about 0.4.

    Args:
        key: seed, person and number of the video.
        name: name of the path.
        spacing: seconds between its knots; a swing takes about four of them.
        seconds: the time.
    """
    place = seconds / spacing
    first = int(np.floor(place))
    t = place - first
    weights = (
        (1.0 - t) ** 3 / 6.0,
        (3.0 * t**3 - 6.0 * t**2 + 4.0) / 6.0,
        (-3.0 * t**3 + 3.0 * t**2 + 3.0 * t + 1.0) / 6.0,
        t**3 / 6.0,
    )
    total = 0.0
    for index, weight in enumerate(weights, first):
        block, at = divmod(index, _KNOTS)
        total += weight * float(_knots(key, name, block)[at])
    return total


@functools.lru_cache(maxsize=1024)
def _event(key: Key, name: str, cell: int) -> tuple[float, ...]:
    return tuple(streams.rng(*key, "motion", name, cell).random(5).tolist())


@dataclass(frozen=True, slots=True)
class Motion:
    """The motion of one person in one video, without beginning and end.

    Attributes:
        key: seed, person and number of the video.
        amounts: how much they move.
        mean: the expression about which theirs changes.
        focus: what they look at most of the time, in degrees right and up of the camera.
        pace: seconds from blink to blink on average.
    """

    key: Key
    amounts: Amounts
    mean: dict[str, float]
    focus: tuple[float, float]
    pace: float

    def at(self, seconds: float) -> Moment:
        """The person at a time; equal on every machine, for all values are rounded."""
        speech = self._speech(seconds)
        turn, shift = self._head(seconds, speech)
        closed = self.blink(seconds)
        values = self._expression(seconds, speech, closed)
        return Moment(
            _rounded(turn),
            _rounded(shift),
            values,
            round(closed, 4),
        )

    def _path(self, name: str, spacing: float, seconds: float) -> float:
        return path(self.key, name, spacing, seconds)

    def _speech(self, seconds: float) -> float:
        """Whether they speak, 0 to 1, with soft changes between phrases and pauses."""
        if self.amounts.mouth <= 0.0:
            return 0.0
        return _ease((self._path("phrase", 1.3, seconds) + 0.3) / 0.35)

    def _head(
        self, seconds: float, speech: float
    ) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
        wide, far = self.amounts.head, self.amounts.shift
        nod = 0.14 * speech * self._path("nod", 0.3, seconds)
        turn = (
            wide
            * (0.86 * self._path("yaw", 1.5, seconds) + 0.14 * self._path("jog", 0.5, seconds)),
            wide * (0.5 * self._path("pitch", 1.3, seconds) + nod),
            wide * 0.42 * self._path("roll", 1.7, seconds),
        )
        shift = (
            far * self._path("right", 1.6, seconds),
            far * 0.4 * self._path("up", 1.4, seconds),
            far * 0.8 * self._path("near", 2.0, seconds),
        )
        return turn, shift

    def blink(self, seconds: float) -> float:
        """Closing of the lids by a blink, 0 to 1."""
        spread = min(self.pace - _BLINKS[0], _BLINKS[1] - self.pace)
        cell = int(np.floor(seconds / self.pace))
        most = 0.0
        for near in (cell - 1, cell):
            start = near * self.pace + spread * _event(self.key, "blink", near)[0]
            since = seconds - start
            opening = since - BLINK_CLOSING - BLINK_CLOSED
            most = max(most, _ease(since / BLINK_CLOSING) - _ease(opening / BLINK_OPENING))
        return most

    def gaze(self, seconds: float) -> tuple[float, float]:
        """Degrees right and up of the camera: still while a point is fixed, then a saccade."""
        low, high = _FIXATIONS
        length, spread = (low + high) / 2.0, (high - low) / 2.0
        cell = int(np.floor(seconds / length))
        start = cell * length + spread * _event(self.key, "gaze", cell)[0]
        if seconds < start:
            cell -= 1
            start = cell * length + spread * _event(self.key, "gaze", cell)[0]
        before, after = self._target(cell - 1), self._target(cell)
        far = float(np.hypot(after[0] - before[0], after[1] - before[1]))
        # The main sequence: a saccade takes 21 ms and 2.2 ms for each degree.
        share = _ease((seconds - start) / (0.021 + 0.0022 * far))
        x, y = (a + (b - a) * share for a, b in zip(before, after, strict=True))
        drift = (self._path("drift x", 0.35, seconds), self._path("drift y", 0.35, seconds))
        return x + 0.15 * drift[0], y + 0.15 * drift[1]

    def _target(self, cell: int) -> tuple[float, float]:
        _, away, x, y, _ = _event(self.key, "gaze", cell)
        if away < 0.2:
            return 24.0 * x - 12.0, 12.0 * y - 7.0
        return self.focus[0] + 3.0 * x - 1.5, self.focus[1] + 2.0 * y - 1.0

    def _expression(self, seconds: float, speech: float, closed: float) -> dict[str, float]:
        values = dict.fromkeys(_RANGES, 0.0)
        for name in _SLOW:
            low, high = _RANGES[name]
            used = 1.0 if self.mean[name] else 0.5
            change = used * self.amounts.expression * (high - low)
            values[name] = self.mean[name] + change * self._path(name, 2.2, seconds)
        values["brow_raise"] += 0.16 * speech * self._path("accent", 0.45, seconds)
        # Syllables open the jaw, and lips meet between some of them.
        beat = 0.42 + 0.95 * self._path("syllable", 0.115, seconds)
        values["mouth_open"] = speech * self.amounts.mouth * max(0.0, beat)
        values["lip_press"] += speech * 0.6 * max(0.0, -beat)
        values["pucker"] += speech * 0.22 * self._path("round", 0.21, seconds)
        values["jaw_side"] = 0.08 * self._path("jaw", 1.1, seconds)
        for name in (*_SLOW, "mouth_open"):
            low, high = _RANGES[name]
            values[name] = min(max(values[name], low), high)
        # A smile raises the cheeks and leaves no room for what contradicts it.
        values["cheek_raise"] = max(values["cheek_raise"], 0.45 * values["smile"])
        calm = 1.0 - _ease((values["smile"] - 0.1) / 0.25)
        values["frown"] *= calm
        values["lip_press"] *= calm if values["lip_press"] > 0.0 else 1.0
        x, y = self.gaze(seconds)
        values["gaze_x"], values["gaze_y"] = x, y - 4.0 * closed
        # Upper lids follow the gaze.
        lids = 0.6 * self.mean["lids"] + 0.02 * max(-y, 0.0) - 0.008 * max(y, 0.0)
        values["lids"] = lids + (CLOSED_LIDS - lids) * closed
        return {name: round(float(value), 4) for name, value in values.items()}


def _rounded(values: tuple[float, float, float]) -> tuple[float, float, float]:
    x, y, z = (round(float(value), 4) for value in values)
    return x, y, z


def draw(seed: int, person: int, number: int, amounts: Amounts) -> Motion:
    """The motion of a person in the video of this number."""
    rng = streams.rng(seed, person, number, "motion")
    mean = expressions.draw(seed, person, number)
    aside = rng.random() < 0.35
    x, y = rng.uniform(-9.0, 9.0), rng.uniform(-4.0, 2.0)
    pace = round(float(rng.uniform(3.0, 5.0)), 4)
    focus = (round(float(x), 4), round(float(y), 4)) if aside else (0.0, 0.0)
    return Motion((seed, person, number), amounts, mean, focus, pace)
