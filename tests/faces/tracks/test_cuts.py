from __future__ import annotations

import numpy as np
import pytest

from datagen.core.arrays import Image
from datagen.core.rng import rng
from datagen.faces.tracks.cuts import CutFinder
from tests.support.assets import grid, london_photo
from tests.support.faces_made import made_face


def scene(seed: int, shift: int = 0, level: float = 0.0) -> Image:
    coarse = rng("scene", seed).integers(40, 215, (24, 24, 3))
    image = np.kron(coarse, np.ones((16, 16, 1)))
    return np.clip(np.roll(image, shift, axis=1) + level, 0, 255).astype(np.uint8)


def cuts(frames: list[Image]) -> list[int]:
    finder = CutFinder()
    return [number for number, frame in enumerate(frames) if finder(frame)]


def test_a_scene_begins_where_everything_changes() -> None:
    first = [scene(1, n) for n in range(10)]
    assert cuts([*first, *(scene(2, n) for n in range(10)), *first]) == [10, 20]


def test_the_first_frame_begins_no_scene_and_a_still_image_none() -> None:
    assert cuts([scene(1)]) == []
    assert cuts([scene(1)] * 20) == []


def test_noise_and_light_that_changes_slowly_begin_none() -> None:
    draw = rng("noise")
    frames = [
        np.clip(scene(1, level=n / 2) + draw.normal(0, 8, (384, 384, 3)), 0, 255).astype(np.uint8)
        for n in range(30)
    ]
    assert cuts(frames) == []


def test_two_drawn_people_are_two_scenes() -> None:
    faces = [made_face(number, 160).image for number in (0, 3)]
    assert cuts([faces[0]] * 5 + [faces[1]] * 5) == [5]


@pytest.mark.parametrize("step", [1, 2])
def test_a_shaky_camera_begins_none(step: int) -> None:
    photo = london_photo(size=675)
    places = [
        (80 + step * int(7 * np.sin(n)), 60 + step * int(5 * np.cos(2 * n))) for n in range(40)
    ]
    assert cuts([photo[y : y + 512, x : x + 512] for y, x in places]) == []


def test_real_people_before_one_background_are_two_scenes() -> None:
    from datagen.video import decode_video

    frames = []
    for name in ("id2.mpg", "lbbc2a.mpg", "sbia1a.mpg"):
        with grid(name).open("rb") as file:
            frames += [frame.image for frame in decode_video(file)]
    assert cuts(frames) == [75, 150]
