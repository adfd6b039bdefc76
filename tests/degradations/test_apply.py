from __future__ import annotations

from typing import ClassVar

import cv2
import numpy as np
import pytest

from datagen.core.arrays import Image
from datagen.core.images import psnr
from datagen.core.schema import Frozen
from datagen.degradations import Degradation, Homography
from datagen.degradations.apply import Step, apply_steps
from datagen.degradations.base import Params, Shape
from datagen.errors import ContractError
from tests.support.faces_made import made_face


class Amount(Frozen):
    value: int = 0


class Darken(Degradation):
    """Take a few gray levels away."""

    name: ClassVar[str] = "darken"
    options = Amount
    params = Amount
    levels = ()

    def sample(self, rng: np.random.Generator, shape: Shape) -> Params:
        return self.config

    def apply(self, image: Image, params: Amount) -> Image:
        return np.asarray(cv2.subtract(image, np.full_like(image, params.value)), np.uint8)


class Slide(Darken):
    """Move everything to the right."""

    name: ClassVar[str] = "slide"
    moves = True

    def apply(self, image: Image, params: Amount) -> Image:
        return np.asarray(self.moved(image, params))

    def homography(self, params: Amount, shape: Shape) -> Homography:
        return np.array([[1, 0, params.value], [0, 1, 0], [0, 0, 1.0]])


def step(kind: type[Degradation], value: int) -> Step:
    built = kind.build({"value": value})
    return Step(built, built.config)


@pytest.fixture
def image() -> Image:
    return np.clip(made_face(3, 128).image, 40, 255)


def test_each_operation_tells_what_it_did(image: Image) -> None:
    done = apply_steps([image, image], [step(Darken, 5), step(Darken, 0), step(Darken, 5)])
    first, second, third = done.operations[0]
    assert (first["use"], first["params"], first["changed"]) == ("darken", {"value": 5}, True)
    assert first["psnr"] == third["psnr"] == pytest.approx(20 * np.log10(255 / 5), abs=0.01)
    assert (second["changed"], second["psnr"]) == (False, None)
    assert done.psnr[0] == pytest.approx(20 * np.log10(255 / 10), abs=0.01)
    assert done.matrix is None
    assert np.array_equal(done.images[1], image - 10)


def test_what_moves_is_measured_against_the_moved(image: Image) -> None:
    alone = apply_steps([image], [step(Slide, 7)])
    assert alone.operations[0][0]["changed"]
    assert alone.psnr == [None]
    both = apply_steps([image], [step(Slide, 7), step(Darken, 5), step(Slide, 3)])
    assert both.psnr[0] == pytest.approx(20 * np.log10(255 / 5), abs=0.3)
    assert both.matrix is not None
    assert both.matrix[0, 2] == 10


def test_no_steps_give_the_same_images(image: Image) -> None:
    done = apply_steps([image], [])
    assert done.images[0] is image
    assert done.psnr == [None]
    assert done.operations == [[]]


def test_a_kind_that_changes_the_shape_is_a_bug(image: Image) -> None:
    class Halve(Darken):
        def apply(self, image: Image, params: Amount) -> Image:
            return image[::2]

    with pytest.raises(ContractError, match="returned"):
        apply_steps([image], [step(Halve, 1)])


def test_a_kind_that_returns_no_array_is_refused(image: Image) -> None:
    class Nothing(Darken):
        def apply(self, image: Image, params: Amount) -> Image:
            return None  # type: ignore[return-value]

    with pytest.raises(ContractError, match="degradation 'darken' returned NoneType"):
        apply_steps([image], [step(Nothing, 1)])


def test_a_kind_that_writes_to_its_input_is_refused(image: Image) -> None:
    class InPlace(Darken):
        def apply(self, image: Image, params: Amount) -> Image:
            image -= 1
            return image

    before = image.copy()
    with pytest.raises(ContractError, match="'darken' writes to its input"):
        apply_steps([image], [step(InPlace, 1)])
    assert np.array_equal(image, before)
    assert image.flags.writeable


def test_another_bug_of_a_kind_stays_what_it_is(image: Image) -> None:
    class Broken(Darken):
        def apply(self, image: Image, params: Amount) -> Image:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        apply_steps([image], [step(Broken, 1)])


def test_psnr_of_equal_images_is_none(image: Image) -> None:
    assert psnr(image, image) is None
