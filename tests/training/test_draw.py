from __future__ import annotations

import cv2
import numpy as np
import pytest

from datagen.training.aligned_faces import FINER, AlignedFaces
from datagen.training.draw import Part, ahead, draw_step

SIZE = 64


def _people(count: int) -> list[AlignedFaces]:
    """Return people whose faces are a gray disc with one bright spot."""
    side = FINER * SIZE
    image = np.full((side, side, 3), 90, np.uint8)
    cv2.circle(image, (side // 2, side // 3), side // 16, (220, 220, 220), -1)
    mask = np.zeros((side, side), np.uint8)
    cv2.circle(mask, (side // 2, side // 2), side // 3, (255,), -1)
    color = np.array([[0.5] * 3, [0.2] * 3], np.float32)
    return [AlignedFaces(image[None], mask[None], color) for _ in range(count)]


def _equal(one: list[Part], other: list[Part]) -> bool:
    return all(
        a.identity == b.identity
        and np.array_equal(a.seen, b.seen)
        and np.array_equal(a.wanted, b.wanted)
        and np.array_equal(a.mask, b.mask)
        for a, b in zip(one, other, strict=True)
    )


def test_a_step_is_a_function_of_its_number() -> None:
    people = _people(2)
    assert _equal(draw_step(people, SIZE, 3, 7, 5), draw_step(people, SIZE, 3, 7, 5))
    assert not _equal(draw_step(people, SIZE, 3, 7, 5), draw_step(people, SIZE, 3, 7, 6))
    assert not _equal(draw_step(people, SIZE, 3, 7, 5), draw_step(people, SIZE, 3, 8, 5))


def test_arrays_have_the_form_that_torch_wants() -> None:
    parts = draw_step(_people(2), SIZE, 3, 1, 0)
    assert [part.identity for part in parts] == [0, 1]
    for part in parts:
        assert part.seen.shape == part.wanted.shape == (3, 3, SIZE, SIZE)
        assert part.mask.shape == (3, 1, SIZE, SIZE)
        for values in (part.seen, part.wanted, part.mask):
            assert values.dtype == np.float32
            assert values.flags.c_contiguous
            assert values.min() >= 0
            assert values.max() <= 1
        assert not part.seen[:, :, 0, 0].any()  # nothing around the face


def test_what_is_seen_is_bent_and_what_is_wanted_is_not() -> None:
    parts = [part for step in range(8) for part in draw_step(_people(2), SIZE, 4, 1, step)]
    away = []
    for part in parts:
        for seen, wanted, mask in zip(part.seen, part.wanted, part.mask, strict=True):
            spots = [np.argwhere((face[0] > 0.8) & (mask[0] > 0.9)) for face in (seen, wanted)]
            if all(len(spot) for spot in spots):
                away.append(np.linalg.norm(spots[0].mean(axis=0) - spots[1].mean(axis=0)))
    assert 0.5 < np.mean(away) < 6


@pytest.mark.parametrize("count", [2, 3, 5])
def test_all_people_come_equally_often(count: int) -> None:
    people = _people(count)
    seen = [part.identity for step in range(10) for part in draw_step(people, SIZE, 1, 3, step)]
    counts = np.bincount(seen, minlength=count)
    assert counts.max() - counts.min() <= 1


@pytest.mark.parametrize("workers", [1, 3])
def test_ahead_keeps_the_order(workers: int) -> None:
    def make(step: int) -> list[Part]:
        return [Part(step, *[np.zeros(1, np.float32)] * 3)]

    told = [(step, parts[0].identity) for step, parts in ahead(make, range(4, 11), workers)]
    assert told == [(step, step) for step in range(4, 11)]


def test_ahead_passes_an_error_on() -> None:
    def make(step: int) -> list[Part]:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        list(ahead(make, range(3), 2))
