from __future__ import annotations

import numpy as np
import pytest

from datagen.core.rng import rng
from datagen.errors import RecipeError
from datagen.methods.attribute_edit import AttributeEdit
from datagen.methods.attribute_edit_options import Aging, AttributeEditParams, Tint
from datagen.methods.base import Context, Result
from tests.support.faces_made import made_face

SIZE = 240
METHOD = AttributeEdit.build({})
CTX = Context(made_face(7, SIZE))
FACE = CTX.target.landmarks
GREEN = Tint(gain=(0.5, 1.0, 0.5), offset=(0.0, 20.0, 0.0), ratio=1.0)
AGE = Aging(depth=0.8, lift=0.8, bends=[0.0] * 10, tone=[[0.0] * 6] * 6, uneven=0.05)


def _made(**params: object) -> Result:
    return METHOD.apply(CTX, AttributeEditParams.model_validate(params))


def _middle(points: np.ndarray) -> tuple[int, int]:
    x, y = np.rint(points.mean(axis=0)).astype(int)
    return int(x), int(y)


def test_only_the_edits_of_the_recipe_are_drawn_and_no_more_than_asked() -> None:
    one = AttributeEdit.build({"edits": ["nose", "makeup"], "max_edits": 1})
    drawn = [one.sample(rng("one", n), CTX).model_dump(exclude_defaults=True) for n in range(20)]
    assert {tuple(sorted(draw)) for draw in drawn} == {("nose",), ("cheeks", "shadow")}
    with pytest.raises(RecipeError, match="edits"):
        AttributeEdit.build({"edits": ["ears"]})
    with pytest.raises(RecipeError, match="max_edits"):
        AttributeEdit.build({"max_edits": 0})


def test_every_edit_is_drawn_and_never_none() -> None:
    drawn = [METHOD.sample(rng("all", n), CTX).model_dump(exclude_defaults=True) for n in range(90)]
    assert all(drawn)
    assert {name for draw in drawn for name in draw} == set(AttributeEditParams.model_fields)


@pytest.mark.parametrize("share", [-0.2, 0.3])
def test_sizes_change_about_the_middle_of_each_part(share: float) -> None:
    def wide(marks: np.ndarray, left: int, right: int) -> float:
        return float(marks[right, 0] - marks[left, 0])

    nose = _made(nose=share).landmarks
    assert np.isclose(wide(nose, 31, 35) / wide(FACE, 31, 35), 1 + 1.6 * share, atol=0.02)
    eyes = _made(eyes=share).landmarks
    assert np.isclose(wide(eyes, 36, 39) / wide(FACE, 36, 39), 1 + share, atol=0.01)
    assert np.allclose(eyes[36:42].mean(axis=0), FACE[36:42].mean(axis=0), atol=0.01)
    lips = _made(lips=share).landmarks
    assert np.allclose(lips[60:68], FACE[60:68], atol=0.01)
    assert (lips[57, 1] - FACE[57, 1]) * share > 0
    jaw = _made(jaw=share / 4).landmarks
    assert (wide(jaw, 5, 11) - wide(FACE, 5, 11)) * share > 0
    assert np.allclose(jaw[17:], FACE[17:])


@pytest.mark.parametrize(
    ("field", "inside", "outside"),
    [
        ("lip_color", FACE[[49, 51, 53, 57]] * [1, 1], FACE[27:31]),
        ("shadow", 0.5 * (FACE[[37, 44]] + 0.5 * (FACE[[37, 44]] + FACE[[18, 25]])), FACE[48:60]),
        ("cheeks", 0.35 * FACE[[41]] + 0.3 * FACE[[2]] + 0.35 * FACE[[31]], FACE[48:60]),
        ("eye_color", FACE[36:42].mean(axis=0)[None] + np.array([2, 0]), FACE[48:60]),
    ],
)
def test_color_goes_where_it_belongs(field: str, inside: np.ndarray, outside: np.ndarray) -> None:
    result = _made(**{field: GREEN})
    assert (result.landmarks == FACE).all()
    here, there = (np.rint(points).astype(int) for points in (inside, outside))
    if field == "lip_color":
        here[:, 1] += np.array([1, 2, 1, -2])
    assert (result.mask[here[:, 1], here[:, 0]] > 40).all()
    assert (result.mask[there[:, 1], there[:, 0]] == 0).all()
    real, fake = (
        image[here[:, 1], here[:, 0]].astype(int) for image in (CTX.target.image, result.image)
    )
    assert (fake[:, 0] < real[:, 0]).all()


def test_brows_are_colored_and_the_skin_above_is_not() -> None:
    result = _made(brow_color=GREEN)
    x, y = _middle(FACE[[19]] + [0, 2])
    assert result.mask[y - 1 : y + 2, x].max() > 150
    assert result.mask[y - 14, x] == 0


def test_years_darken_folds_and_leave_eyes_and_lips() -> None:
    result = _made(age=AGE)
    for part in (FACE[36:42], FACE[42:48], FACE[48:60]):
        x, y = _middle(part)
        assert result.mask[y, x] == 0
    shallow = _made(age=AGE.model_copy(update={"depth": 0.0}))
    assert (shallow.mask == result.mask).all()
    darker = shallow.image.astype(int).sum(axis=2) - result.image.astype(int).sum(axis=2)
    assert darker.max() > 30
    assert (darker > 15).mean() < 0.05


def test_the_color_leaves_the_control_alone_and_the_shape_only_resamples_it() -> None:
    colors = AttributeEditParams(lip_color=GREEN, age=AGE)
    assert (METHOD.control(CTX, colors) == CTX.target.image).all()
    apart = METHOD.control(CTX, AttributeEditParams(nose=0.3)).astype(int) - CTX.target.image
    assert 0 < np.abs(apart).mean() < 0.5
