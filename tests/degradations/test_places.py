from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from datagen.core.arrays import Image
from datagen.core.rng import rng
from datagen.degradations import DEGRADATIONS
from datagen.degradations.apply import Step, apply_steps
from datagen.degradations.places import check_places
from datagen.errors import ContractError
from tests.support.faces_made import made_face


def uneven(number: int = 3) -> Image:
    """A face whose halves differ, as those of photographs do."""
    image = made_face(number, 256).image.copy()
    cv2.rectangle(image, (20, 40), (110, 120), (20, 30, 40), 9)
    return image


MOVES: dict[str, Callable[[Image], Image]] = {
    "mirrored": lambda image: image[:, ::-1],
    "upside down": lambda image: image[::-1],
    "turned by 180 degrees": lambda image: image[::-1, ::-1],
    "turned by 90 degrees": lambda image: np.rot90(image),
    "shifted by 8%, 0%": lambda image: np.roll(image, 20, 1),
}


@pytest.mark.parametrize("how", MOVES)
@pytest.mark.parametrize("noisy", [False, True])
def test_pixels_that_move_in_secret_are_told(how: str, noisy: bool) -> None:
    image = uneven()
    after = np.ascontiguousarray(MOVES[how](image))
    if noisy:
        after = np.asarray(cv2.GaussianBlur(after, (0, 0), 2) // 2, np.uint8)
    with pytest.raises(ContractError, match=f"'sly' left the image {how}.*moves = True"):
        check_places("sly", image, after, None)


def test_pixels_that_move_otherwise_than_stated_are_told() -> None:
    image = made_face(3, 256).image
    matrix = np.array([[1, 0, 20], [0, 1, 0], [0, 0, 1.0]])
    check_places("slide", image, np.roll(image, 20, 1), matrix)
    with pytest.raises(ContractError, match="shifted"):
        check_places("slide", image, image, matrix)


@pytest.mark.parametrize("name", sorted(DEGRADATIONS))
def test_what_ships_moves_as_it_says(name: str) -> None:
    kind = DEGRADATIONS.load(name)
    for number in range(3):
        image = made_face(number, 256).image
        for severity in range(1, len(kind.levels) + 1):
            built = kind.at(severity)
            params = built.sample(rng(number, "test", severity, "degrade"), (256, 256))
            done = apply_steps([image], [Step(built, params)])
            check_places(name, image, done.images[0], done.matrix)


def test_an_image_without_content_is_no_evidence() -> None:
    flat = np.full((64, 64, 3), 90, np.uint8)
    check_places("flat", flat, flat, None)
    check_places("flat", made_face(3, 64).image, flat, None)
