from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from datagen.core.rng import rng
from datagen.errors import ItemError, RecipeError
from datagen.faces.face import FaceCrop
from datagen.faces.geometry.outline import forehead
from datagen.faces.part_masks import PARTS, PartName
from datagen.methods.base import Context
from datagen.methods.self_blend import Alteration, SelfBlend, SelfBlendOptions, SelfBlendParams
from tests.support.faces_made import made_face

SIZE = 200
METHOD = SelfBlend.build({})
PLAIN = Alteration()
STILL = [[[0.0, 0.0]] * 5] * 5


def _ctx(number: int = 0) -> Context:
    return Context(made_face(number, SIZE))


def _draws(count: int, **options: object) -> list[SelfBlendParams]:
    method = SelfBlend.build(options)
    assert isinstance(method, SelfBlend)
    ctx = _ctx()
    return [method.sample(rng("self_blend", n), ctx) for n in range(count)]


def _plain(**changes: object) -> SelfBlendParams:
    params = SelfBlendParams(
        altered="source",
        alteration=PLAIN,
        shift=(0.0, 0.0),
        scale=1.0,
        lift=0.5,
        part="face",
        field=STILL,
        bend=0.02,
        erode=0.02,
        blur=0.03,
        ratio=1.0,
    )
    return params.model_copy(update=changes)


def test_a_copy_that_is_not_altered_gives_the_target_back() -> None:
    result = METHOD.apply(_ctx(), _plain())
    assert result.real is None
    assert (result.image == _ctx().target.image).all()
    assert (result.landmarks == _ctx().target.landmarks).all()


def test_altering_the_target_alters_the_real_the_control_and_the_fake_outside() -> None:
    darker = PLAIN.model_copy(update={"brightness": -0.1})
    ctx, params = _ctx(1), _plain(altered="target", alteration=darker)
    result = METHOD.apply(ctx, params)
    assert result.real is not None
    assert result.real.mean() < ctx.target.image.mean() - 15
    outside, full = result.mask == 0, result.mask == 255
    assert (result.image[outside] == result.real[outside]).all()
    assert (result.image[full] == ctx.target.image[full]).all()
    assert np.abs(METHOD.control(ctx, params).astype(int) - result.real).mean() < 1


def test_altering_the_source_leaves_the_real_alone() -> None:
    redder = PLAIN.model_copy(update={"rgb": (15.0, 0.0, 0.0)})
    ctx = _ctx(1)
    result = METHOD.apply(ctx, _plain(alteration=redder))
    assert result.real is None
    full = result.mask == 255
    apart = result.image[full].astype(int) - ctx.target.image[full]
    assert np.median(apart, axis=0).tolist() == [15, 0, 0]


@pytest.mark.parametrize("ratio", [0.25, 0.5, 0.75, 1.0])
def test_ratio_is_the_mask_at_its_fullest(ratio: float) -> None:
    assert METHOD.apply(_ctx(), _plain(ratio=ratio)).mask.max() == round(255 * ratio)


def test_shift_and_scale_move_content_and_landmarks_alike() -> None:
    ctx = _ctx(2)
    for params in (_plain(shift=(0.03, -0.015)), _plain(scale=0.95), _plain(scale=1 / 0.95)):
        result = METHOD.apply(ctx, params)
        moved = result.landmarks - ctx.target.landmarks
        assert np.abs(moved[36:48]).max() > 0.5
        assert (moved[8] == 0).all()  # the chin lies on the edge of the mask
        eye = ctx.target.image.mean(axis=2)
        new = result.image.mean(axis=2)
        assert abs(_dark(new, result.landmarks) - _dark(eye, ctx.target.landmarks)) < 12


def _dark(gray: np.ndarray, marks: np.ndarray) -> float:
    x, y = np.rint(marks[36:42].mean(axis=0)).astype(int)
    return float(gray[y - 1 : y + 2, x - 1 : x + 2].mean())


def test_erosion_shrinks_and_blur_grows_the_mask() -> None:
    area = [
        int((METHOD.apply(_ctx(), _plain(erode=e, blur=b)).mask > 0).sum())
        for e, b in ((0.06, 0.01), (0.03, 0.03), (0.01, 0.06))
    ]
    assert area == sorted(area)
    assert area[0] < area[2]


def test_draws_stay_in_the_range_of_the_paper() -> None:
    draws = _draws(200)
    assert {d.altered for d in draws} == {"source", "target"}
    assert {d.ratio for d in draws} == {0.25, 0.5, 0.75, 1.0}
    assert 0.35 < np.mean([d.ratio == 1 for d in draws]) < 0.65
    assert all(abs(d.shift[0]) <= 0.03 and abs(d.shift[1]) <= 0.015 for d in draws)
    assert all(0.95 <= d.scale <= 1 / 0.95 for d in draws)
    assert {d.alteration.sharpness > 0 for d in draws} == {True, False}
    for kind, plain in (("value", 1.0), ("contrast", 1.0), ("rgb", (0.0, 0.0, 0.0))):
        share = np.mean([getattr(d.alteration, kind) == plain for d in draws])
        assert 0.35 < share < 0.65
    shares = {part: np.mean([d.part == part for d in draws]) for part in PARTS}
    assert all(shares.values())
    assert max(shares, key=lambda part: shares[part]) == "face"


def _reach(part: PartName, ctx: Context) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of what is at least half full."""
    rows, columns = np.nonzero(METHOD.apply(ctx, _plain(part=part)).mask > 127)
    return columns.min(), rows.min(), columns.max(), rows.max()


def test_each_part_covers_its_own_points_and_not_the_others() -> None:
    ctx = _ctx(3)
    marks = ctx.target.landmarks
    points = {"eyes": marks[36:48], "nose": marks[28:36], "mouth": marks[48:68]}
    points |= {"brows": marks[17:27]}
    for part, own in points.items():
        mask = METHOD.apply(ctx, _plain(part=part)).mask
        assert (_at(mask, own) > 100).mean() > 0.8
        for other, theirs in points.items():
            assert other == part or (_at(mask, theirs) > 100).mean() < 0.4
    brow, nose, chin = marks[17:27, 1].min(), marks[28, 1], marks[8, 1]
    assert _reach("face", ctx)[1] < brow - 5 < _reach("no_forehead", ctx)[1]
    assert _reach("no_forehead", ctx)[3] > chin - 12 > _reach("features", ctx)[3]
    assert _reach("features", ctx)[1] < nose < _reach("lower_half", ctx)[1]


def _at(mask: np.ndarray, points: np.ndarray) -> np.ndarray:
    x, y = np.rint(points).astype(int).T
    return np.asarray(mask[y, x])


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize(("size", "yaw"), [(64, 0.0), (64, -60.0), (200, 35.0), (200, 65.0)])
def test_a_part_is_soft_on_the_face_and_seen(part: PartName, size: int, yaw: float) -> None:
    method, seen = SelfBlend.build({"parts": [part]}), 0
    for number in range(8):
        face = made_face(number, size, yaw)
        ctx = Context(face)
        params = method.sample(rng("part", number), ctx)
        result = method.apply(ctx, params)
        real = face.image if result.real is None else result.real
        peak = int(result.mask.max())
        assert peak > 0.6 * 255 * params.ratio
        assert ((result.mask > 0.1 * peak) & (result.mask < 0.9 * peak)).sum() > 4
        away = cv2.distanceTransform(255 - _disc(face), cv2.DIST_L2, 5)
        assert away[result.mask > 0.5 * peak].max() < 0.1 * size
        apart = np.abs(real.astype(float) - result.image).mean(axis=2)
        seen += float((apart * result.mask).sum() / result.mask.sum()) >= method.min_change
        lost = method.control(ctx, params).astype(float) - real
        assert np.square(lost[result.mask > 0]).mean() <= 255**2 / 1000  # 30 dB
    assert seen >= 6


def _disc(face: FaceCrop) -> np.ndarray:
    canvas = np.zeros(face.image.shape[:2], np.uint8)
    points = np.concatenate([face.landmarks, forehead(face.landmarks, 0.9)])
    cv2.fillConvexPoly(canvas, cv2.convexHull(np.rint(points).astype(np.int32)), (255,))
    return canvas


def test_only_parts_in_the_image_are_drawn() -> None:
    low = Context(made_face(0, SIZE, shift=(0.0, 0.45)))  # mouth and chin are below the edge
    draws = {METHOD.sample(rng("low", n), low).part for n in range(100)}
    assert {"eyes", "brows"} <= draws
    assert not {"mouth", "lower_half"} & draws
    with pytest.raises(ItemError, match="outside the image: mouth"):
        SelfBlend.build({"parts": ["mouth"]}).sample(rng("low"), low)


def test_names_and_ratios_take_effect() -> None:
    draws = _draws(
        60, parts=["nose", "eyes"], sides=["target"], ratios=[0.5, 1], details=["reduce"]
    )
    assert {d.part for d in draws} == {"nose", "eyes"}
    assert {d.altered for d in draws} == {"target"}
    assert {d.ratio for d in draws} == {0.5, 1.0}
    assert all(-5 <= d.alteration.sharpness <= -0.5 for d in draws)
    assert {d.alteration.kernel for d in draws} == {"area", "nearest"}


def test_one_kernel_costs_no_draw_so_that_older_recipes_keep_their_fakes() -> None:
    both, one = _draws(20, details=["reduce"]), _draws(20, details=["reduce"], kernels=["area"])
    assert {d.alteration.kernel for d in one} == {"area"}
    assert [d.alteration.rgb for d in one] == [d.alteration.rgb for d in both]


_READ: dict[str, Callable[[SelfBlendParams], float]] = {
    "shift_x": lambda d: d.shift[0],
    "shift_y": lambda d: d.shift[1],
    "scale": lambda d: d.scale,
    "bend": lambda d: d.bend,
    "erode": lambda d: d.erode,
    "blur": lambda d: d.blur,
    "rgb": lambda d: d.alteration.rgb[2],
    "hue": lambda d: d.alteration.hue,
    "saturation": lambda d: d.alteration.saturation,
    "value": lambda d: d.alteration.value,
    "brightness": lambda d: d.alteration.brightness,
    "contrast": lambda d: d.alteration.contrast,
    "sharpen": lambda d: d.alteration.sharpness,
    "reduce": lambda d: 1 - d.alteration.sharpness,
}
_OTHER: dict[str, tuple[float, float]] = {
    "shift_x": (0.05, 0.09),
    "shift_y": (-0.08, -0.04),
    "scale": (1.02, 1.1),
    "bend": (0.06, 0.08),
    "erode": (0.05, 0.06),
    "blur": (0.07, 0.09),
    "rgb": (20, 40),
    "hue": (12, 20),
    "saturation": (1.3, 1.6),
    "value": (0.6, 0.8),
    "brightness": (0.12, 0.2),
    "contrast": (1.2, 1.4),
    "sharpen": (1.0, 1.5),
    "reduce": (4.0, 6.0),
}


@pytest.mark.parametrize("name", _READ)
def test_a_range_is_drawn_to_its_ends(name: str) -> None:
    default = SelfBlendOptions.model_fields[name].default
    for low, high in (default, _OTHER[name]):
        details = [name] if name in ("sharpen", "reduce") else ["sharpen"]
        drawn = [_READ[name](d) for d in _draws(200, **{name: [low, high], "details": details})]
        drawn = [value for value in drawn if value != getattr(PLAIN, name, None) and value != 0]
        edge = 0.06 * (high - low)
        assert len(drawn) > 70
        assert low <= min(drawn) < low + edge
        assert high - edge < max(drawn) <= high


def test_one_number_fixes_a_range() -> None:
    assert {d.scale for d in _draws(5, scale=1)} == {1.0}


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ({"strength": 1}, "strength: unknown key"),
        ({"parts": []}, "parts: list at least one"),
        ({"parts": ["forehed"]}, r"parts\[0\]: must be 'face', 'no_forehead'"),
        ({"parts": ["eyes", "eyes"]}, "parts: list each once: eyes is listed more than once"),
        ({"sides": ["donor"]}, "'source' or 'target'"),
        ({"ratios": [0.3]}, "ratios: expected a list of 0.25, 0.5, 0.75 and 1"),
        ({"ratios": []}, "ratios: list at least one"),
        ({"scale": [1.05, 0.95]}, "scale: must be .low, high. with low <= high"),
        ({"scale": [0.5, 1]}, r"scale: expected \[low, high\] within \[0.9, 1.12\]"),
        ({"shift_x": 0.5}, r"within \[-0.1, 0.1\]"),
        ({"blur": [0.0, 0.06]}, r"within \[0.01, 0.15\]"),
        ({"hue": [float("nan"), 1]}, "hue"),
    ],
)
def test_options_that_cannot_be_are_refused(option: dict[str, object], told: str) -> None:
    with pytest.raises(RecipeError, match=told):
        SelfBlend.build(option)


def test_value_is_a_factor_on_all_channels() -> None:
    ctx = _ctx(1)
    dimmed = METHOD.apply(ctx, _plain(alteration=PLAIN.model_copy(update={"value": 0.5})))
    full = dimmed.mask == 255
    apart = dimmed.image[full].astype(float) - 0.5 * ctx.target.image[full]
    assert np.abs(apart).max() <= 0.51
