from __future__ import annotations

import cv2
import numpy as np
import pytest

from datagen.degradations.rotate import Rotate, RotateParams
from datagen.errors import RecipeError
from tests.support.faces_made import made_face

FACE = made_face(1, 96).image
BUILT = Rotate.build({})


def draws(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(seed))


def test_positive_degrees_turn_anticlockwise_about_the_middle() -> None:
    matrix = BUILT.homography(RotateParams(degrees=90, fill="black"), (101, 101))
    moved = cv2.perspectiveTransform(np.array([[[50.0, 50], [100, 50]]]), matrix)
    assert np.allclose(moved, [[[50, 50], [50, 0]]])


@pytest.mark.parametrize("shape", [(96, 96), (64, 131)])
def test_zoom_leaves_no_corner_empty_and_enlarges_no_more_than_needed(
    shape: tuple[int, int],
) -> None:
    matrix = BUILT.homography(RotateParams(degrees=-13, fill="zoom"), shape)
    height, width = shape
    corners = np.array([[[-0.5, -0.5], [width - 0.5, -0.5], [-0.5, height - 0.5]]])
    back = cv2.perspectiveTransform(corners, np.linalg.inv(matrix))[0]
    inside = np.minimum(back + 0.5, np.array([width, height]) - 0.5 - back)
    assert inside.min() == pytest.approx(0, abs=1e-6)


def test_corners_show_what_was_asked_for() -> None:
    corners = {
        fill: BUILT.apply(FACE, RotateParams.model_validate({"degrees": 20, "fill": fill}))[1, 1]
        for fill in ("black", "gray", "blur", "zoom")
    }
    assert (corners["black"] == 0).all()
    assert (corners["gray"] == 128).all()
    for fill in ("blur", "zoom"):
        assert np.abs(corners[fill].astype(int) - FACE[1, 1]).max() < 40


def test_the_middle_is_the_same_whatever_the_corners_show() -> None:
    middles = [
        BUILT.apply(FACE, RotateParams.model_validate({"degrees": 9, "fill": fill}))[30:66, 30:66]
        for fill in ("black", "gray", "blur")
    ]
    assert all(np.abs(middle.astype(int) - middles[0]).max() <= 1 for middle in middles)


def test_no_turn_is_the_image_itself() -> None:
    built = Rotate.build({"degrees": 0})
    assert built.apply(FACE, built.sample(draws(1), (96, 96))) is FACE


def test_both_directions_and_all_fillings_occur() -> None:
    built = Rotate.build({"degrees": [2, 4], "fills": ["zoom", "blur"]})
    drawn = [built.sample(draws(seed), (96, 96)) for seed in range(40)]
    assert all(2 <= abs(params.degrees) <= 4 for params in drawn)
    assert {params.degrees > 0 for params in drawn} == {True, False}
    assert {params.fill for params in drawn} == {"zoom", "blur"}


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"degrees": [0, 50]}, "degrees: must be a range within 0 and 45"),
        ({"degrees": -3}, "degrees: must be a range within 0 and 45"),
        ({"fills": []}, "fills: must have at least one"),
    ],
)
def test_wrong_values_are_refused(options: dict[str, object], text: str) -> None:
    with pytest.raises(RecipeError, match=text):
        Rotate.build(options)
