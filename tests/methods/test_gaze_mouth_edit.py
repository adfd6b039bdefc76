from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from datagen.core.rng import rng
from datagen.errors import ItemError, RecipeError
from datagen.methods.base import Context
from datagen.methods.gaze_mouth_edit import GazeMouthEdit, GazeMouthEditParams
from tests.support.faces_made import made_face

SIZE = 240
METHOD = GazeMouthEdit.build({})


def _params(**changes: Any) -> GazeMouthEditParams:
    none: dict[str, Any] = {
        "gaze": (0.0, 0.0),
        "lids": (0.0, 0.0),
        "opening": 0.0,
        "corners": 0.0,
        "purse": 0.0,
    }
    return GazeMouthEditParams(**(none | changes))


def _ctx(number: int = 7) -> Context:
    return Context(made_face(number, SIZE))


def _dark(image: np.ndarray, lids: np.ndarray) -> np.ndarray:
    """Return the middle of what is dark between the lids."""
    x0, y0 = np.floor(lids.min(axis=0)).astype(int)
    x1, y1 = np.ceil(lids.max(axis=0)).astype(int) + 1
    part = image[y0:y1, x0 + 3 : x1 - 3].mean(axis=2)
    rows, columns = np.nonzero(part < 80)
    return np.array([columns.mean() + x0 + 3, rows.mean() + y0])


def test_only_the_parts_of_the_recipe_are_drawn() -> None:
    looks = GazeMouthEdit.build({"parts": ["gaze"]})
    for number in range(10):
        params = looks.sample(rng("gaze", number), _ctx())
        assert params.gaze[0] != 0
        assert params.model_copy(update={"gaze": (0.0, 0.0)}) == _params()
    with pytest.raises(RecipeError, match="parts"):
        GazeMouthEdit.build({"parts": ["nose"]})
    with pytest.raises(RecipeError, match="parts"):
        GazeMouthEdit.build({"parts": []})


def test_every_part_is_drawn_and_never_none() -> None:
    draws = [METHOD.sample(rng("all", n), _ctx()) for n in range(120)]
    assert _params() not in draws
    for part in ("opening", "corners", "purse"):
        assert 0.2 < np.mean([getattr(draw, part) != 0 for draw in draws]) < 0.7
    assert 0.2 < np.mean([any(draw.lids) for draw in draws]) < 0.7
    assert any(draw.lids[0] == 0 and draw.lids[1] > 0 for draw in draws)
    assert any(draw.lids[1] == 0 and draw.lids[0] > 0 for draw in draws)


def test_no_part_in_the_image_is_an_item_error() -> None:
    low = Context(made_face(2, SIZE, shift=(0.0, 0.4)))
    with pytest.raises(ItemError, match="outside"):
        GazeMouthEdit.build({"parts": ["opening"]}).sample(rng("x"), low)
    assert any(METHOD.sample(rng("x"), low).gaze + METHOD.sample(rng("x"), low).lids)


@pytest.mark.parametrize("side", [-0.16, 0.16])
def test_irises_move_by_what_is_asked_and_lids_stay(side: float) -> None:
    ctx = _ctx()
    result = METHOD.apply(ctx, _params(gaze=(side, 0.0)))
    assert (result.landmarks == ctx.target.landmarks).all()
    for eye in (slice(36, 42), slice(42, 48)):
        lids = ctx.target.landmarks[eye]
        width = lids[3, 0] - lids[0, 0]
        moved = _dark(result.image, lids) - _dark(ctx.target.image, lids)
        assert abs(moved[0] - side * width) < 0.06 * width
        assert abs(moved[1]) < 0.05 * width
    mouth = np.rint(ctx.target.landmarks[48:68]).astype(int)
    assert (result.mask[mouth[:, 1], mouth[:, 0]] == 0).all()


def test_a_shut_eye_shows_no_white_and_the_other_stays() -> None:
    ctx = _ctx()
    result = METHOD.apply(ctx, _params(lids=(0.95, 0.0)))
    right, left = ctx.target.landmarks[36:42], ctx.target.landmarks[42:48]
    x, y = np.rint(right.mean(axis=0)).astype(int)
    white = ctx.target.image[y - 2, int(right[0, 0]) + 5].mean()
    part = result.image[y - 3 : y, int(right[0, 0]) + 5 : int(right[3, 0]) - 5]
    assert part.mean() < white
    x, y = np.rint(left.mean(axis=0)).astype(int)
    assert result.mask[y, x] == 0
    opening = result.landmarks[41, 1] - result.landmarks[37, 1]
    assert opening < 0.1 * (right[5, 1] - right[1, 1])


def test_parted_lips_are_dark_between_and_the_chin_follows() -> None:
    ctx = _ctx(0)
    face = ctx.target.landmarks
    wide = face[54, 0] - face[48, 0]
    result = METHOD.apply(ctx, _params(opening=0.2))
    assert np.isclose(result.landmarks[57, 1] - face[57, 1], 0.2 * wide, rtol=0.2)
    assert 0.05 * wide < result.landmarks[8, 1] - face[8, 1] < 0.15 * wide
    assert (result.landmarks[27:36] == face[27:36]).all()


def test_corners_go_up_and_down_and_lips_purse() -> None:
    ctx = _ctx(0)
    face = ctx.target.landmarks
    up, down, purse = (
        METHOD.apply(ctx, params).landmarks
        for params in (_params(corners=0.1), _params(corners=-0.1), _params(purse=0.2))
    )
    assert (up[[48, 54], 1] < face[[48, 54], 1] - 2).all()
    assert (down[[48, 54], 1] > face[[48, 54], 1] + 2).all()
    assert np.isclose(purse[54, 0] - purse[48, 0], 0.8 * (face[54, 0] - face[48, 0]), rtol=0.02)


def test_control_shows_neither_gaze_nor_lids_nor_lips() -> None:
    ctx = _ctx()
    params = _params(gaze=(0.16, 0.0), lids=(0.5, 0.5), opening=0.2)
    control, fake = METHOD.control(ctx, params), METHOD.apply(ctx, params).image
    apart = [np.abs(image.astype(int) - ctx.target.image).mean() for image in (control, fake)]
    assert 0 < apart[0] < 0.2 * apart[1]
