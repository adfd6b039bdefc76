from __future__ import annotations

import numpy as np
import pytest

from datagen.core.rng import rng
from datagen.errors import RecipeError
from datagen.faces.part_masks import PARTS
from datagen.networks.onnx.mask import MaskDraw, MaskName, check_masks, draw_mask, mask_within
from datagen.weights import FaceInput, Network
from tests.support.faces_made import made_landmarks

FACE = FaceInput(template="ffhq_512", size=128)
EDIT = Network(task="edit", face=FACE)


def _drawn(kind: MaskName, lift: float = 0.5) -> MaskDraw:
    return MaskDraw(kind=kind, lift=lift, erode=0.03, blur=0.03)


@pytest.mark.parametrize("part", PARTS)
def test_parts_are_soft_and_within_the_face(part: MaskName) -> None:
    marks = made_landmarks(0, 128)
    mask = mask_within(_drawn(part), marks, 128, None)
    assert mask is not None
    assert mask.shape == (128, 128)
    assert mask.max() > 200
    assert ((mask > 0) & (mask < 255)).sum() > 20
    whole = mask_within(_drawn("face", 0.9), marks, 128, None)
    assert whole is not None
    assert mask.sum() <= whole.sum()


@pytest.mark.parametrize("down", range(10, 40, 3))
def test_a_face_that_goes_on_beyond_the_square_is_cut_and_not_softened_there(down: int) -> None:
    """Its mask is what the square shows of the mask of a larger one."""
    marks = made_landmarks(1, 128) + np.array([0, down], np.float32)
    mask = mask_within(_drawn("face"), marks, 128, None)
    larger = mask_within(_drawn("face"), marks, 256, None)
    assert mask is not None
    assert larger is not None
    assert np.abs(mask.astype(int) - larger[:128, :128]).max() <= 10
    chin = mask[70:, 64].astype(int)
    assert np.diff(chin).max() <= 0


def test_box_bounds_nothing_and_network_is_its_own() -> None:
    own = np.full((128, 128), 7, np.uint8)
    marks = made_landmarks(0, 128)
    assert mask_within(_drawn("box"), marks, 128, own) is None
    assert mask_within(_drawn("network"), marks, 128, own) is own


def test_all_named_masks_are_drawn_and_parts_outside_give_way() -> None:
    marks = made_landmarks(0, 128)
    masks: tuple[MaskName, ...] = ("box", "face", "mouth")
    kinds = {draw_mask(rng("mask", n), masks, marks, 128).kind for n in range(40)}
    assert kinds == set(masks)
    low = marks + np.array([0, 50], np.float32)  # the mouth is below the image
    kinds = {draw_mask(rng("mask", n), ("mouth", "eyes"), low, 128).kind for n in range(20)}
    assert kinds == {"eyes"}


def test_masks_that_a_network_cannot_have_are_refused() -> None:
    with pytest.raises(RecipeError, match=r"no network\.mask_name"):
        check_masks("card", EDIT, ["face", "network"])
    enhancer = EDIT.model_copy(update={"task": "enhance"})
    with pytest.raises(RecipeError, match="'box' with the enhancer 'card'"):
        check_masks("card", enhancer, ["box"])
    check_masks("card", EDIT.model_copy(update={"mask_name": "mask"}), ["box", "network", "face"])
    check_masks("card", enhancer, ["face", "eyes"])
