"""Milliseconds per pair of each kind and profile, compared with the floor: encoding the pair.

Run: ``python benchmarks/degradations.py [--size 380] [--rounds 30]``. One core; medians of process
time, which other programs disturb less than wall-clock time.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import cv2
import numpy as np

from datagen.core.arrays import Image
from datagen.core.rng import rng
from datagen.degradations import DEGRADATIONS
from datagen.degradations.apply import apply_steps
from datagen.degradations.base import SEVERITIES
from datagen.degradations.compose import RESHARE, Composition, compose
from datagen.degradations.profile import load_profile, profile_names
from datagen.sources.procedural import render

_OPTIONS = {"any": {"transform": {"name": "CLAHE"}}}


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", type=int, default=380)
    parser.add_argument("--rounds", type=int, default=30)
    given = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    pair = [_image(person, given.size) for person in (1, 2)]
    floor = _median(lambda n: [cv2.imencode(".jpg", image) for image in pair], given.rounds)
    print(f"floor: encode two {given.size}-px JPEGs q95: {floor:.2f} ms")
    print(
        f"{'degradation':<20}"
        + "".join(f"{n:>8}" for n in ("free", 1, 2, 3, 4, 5))
        + "  ms per pair"
    )
    for name in DEGRADATIONS:
        free = compose(name, _OPTIONS.get(name, {}), False, name)
        times = [_time(free, pair, None, given.rounds)]
        if DEGRADATIONS.load(name).levels:
            times += _levels(compose(name, {}, True, name), pair, given.rounds)
        print(f"{name:<20}" + "".join(f"{value:8.2f}" for value in times))
    for name in [*profile_names(), RESHARE]:
        by_severity = name != RESHARE and load_profile(name).has_severity
        built = compose(name, {}, by_severity, name)
        free_times = [] if by_severity else [_time(built, pair, None, given.rounds)]
        times = free_times + (_levels(built, pair, given.rounds) if by_severity else [])
        pad = " " * 8 if by_severity else ""
        print(f"{name:<20}{pad}" + "".join(f"{value:8.2f}" for value in times))


def _image(person: int, size: int) -> Image:
    image = render(1, person, 0, 512).image
    return np.asarray(cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA), np.uint8)


def _levels(built: Composition, pair: list[Image], rounds: int) -> list[float]:
    return [_time(built, pair, severity, rounds) for severity in range(1, SEVERITIES + 1)]


def _time(built: Composition, pair: list[Image], severity: int | None, rounds: int) -> float:
    shape = (pair[0].shape[0], pair[0].shape[1])

    def once(number: int) -> None:
        apply_steps(pair, built.draw(rng("bench", number), shape, severity))

    return _median(once, rounds)


def _median(work: Callable[[int], object], rounds: int) -> float:
    work(0)
    times = []
    for number in range(rounds):
        started = time.process_time()
        work(number)
        times.append(time.process_time() - started)
    return 1000 * statistics.median(times)


if __name__ == "__main__":
    main()
