from __future__ import annotations

import numpy as np
import pytest

from datagen.core.arrays import Image, Mask
from datagen.core.rng import rng
from datagen.errors import RecipeError
from datagen.faces.face import FaceCrop
from datagen.methods.base import Context
from datagen.methods.resample_forgery import (
    ResampleForgery,
    ResampleForgeryParams,
    Upsampling,
)
from tests.support.faces_made import made_face

SIZE = 200
METHOD = ResampleForgery.build({})
IDEAL = {
    3: [0.5, 1.0, 0.5],
    4: [0.25, 0.75, 0.75, 0.25],
    5: [0.125, 0.5, 0.75, 0.5, 0.125],
}


def _params(*taps: list[float], **changes: object) -> ResampleForgeryParams:
    stages = [Upsampling(kind="zero_insert", columns=given, rows=given) for given in taps]
    params = ResampleForgeryParams(
        stages=stages,
        phase=(0, 0),
        detail=1.0,
        part="face",
        lift=0.5,
        feather=0.05,
        shift=(0.4, -0.3),
    )
    return params.model_copy(update=changes)


def _ctx(number: int = 0) -> Context:
    return Context(made_face(number, SIZE))


def _peaks(image: Image, mask: Mask) -> float:
    """Measure the energy about the points of the spectrum at half the sampling rate.

    Inside the mask alone, windowed; the three points are (1/2, 0), (0, 1/2) and (1/2, 1/2).
    """
    rows, columns = np.nonzero(mask == 255)
    middle = (int(np.median(rows)), int(np.median(columns)))
    part = image[middle[0] - 24 : middle[0] + 24, middle[1] - 24 : middle[1] + 24].mean(axis=2)
    part = (part - part.mean()) * np.outer(np.hanning(48), np.hanning(48))
    energy = np.square(np.abs(np.fft.fft2(part)))
    zero, half = [-1, 0, 1], [23, 24, 25]
    pairs = ((zero, half), (half, zero), (half, half))
    return float(sum(energy[np.ix_(*pair)].sum() for pair in pairs))


def _drawn(number: int, **options: object) -> ResampleForgeryParams:
    params = ResampleForgery.build(options).sample(rng("up", number), _ctx())
    assert isinstance(params, ResampleForgeryParams)
    return params


def test_options_choose_the_up_sampler() -> None:
    with pytest.raises(RecipeError, match="unknown key"):
        ResampleForgery.build({"size": 1})
    with pytest.raises(RecipeError, match="factors"):
        ResampleForgery.build({"factors": [3]})
    for number in range(10):
        drawn = _drawn(number, factors=[4], kinds=["checkerboard"], detail=1.0)
        assert len(drawn.stages) == 2
        assert {stage.kind for stage in drawn.stages} == {"checkerboard"}
        assert {len(stage.rows) for stage in drawn.stages} <= {3, 5}
        assert drawn.detail == 1


def test_filters_keep_brightness() -> None:
    for number in range(40):
        for stage in _drawn(number).stages:
            assert len(stage.columns) == len(stage.rows)
            for taps in (stage.columns, stage.rows):
                assert abs(sum(taps) - 2) < 1e-4
    flat = FaceCrop(np.full((SIZE, SIZE, 3), 128, np.uint8), made_face(0, SIZE).landmarks)
    for number in range(10):
        result = METHOD.apply(Context(flat), _drawn(number))
        assert abs(result.image[result.mask == 255].mean() - 128) < 0.5


@pytest.mark.parametrize("kind", ["zero_insert", "checkerboard"])
@pytest.mark.parametrize("factor", [2, 4])
def test_peaks_stand_out_of_target_and_control(kind: str, factor: int) -> None:
    for number in range(12):
        ctx = _ctx(number)
        params = _drawn(number, kinds=[kind], factors=[factor])
        result = METHOD.apply(ctx, params.model_copy(update={"part": "face"}))
        fake = _peaks(result.image, result.mask)
        assert fake > 4 * _peaks(METHOD.control(ctx, params), result.mask)
        assert fake > 2 * _peaks(ctx.target.image, result.mask)


@pytest.mark.parametrize("factor", [2, 4])
def test_nearest_neighbors_mirror_what_is_there(factor: int) -> None:
    ratios = []
    for number in range(12):
        ctx = _ctx(number)
        params = _drawn(number, kinds=["nearest_conv"], factors=[factor])
        result = METHOD.apply(ctx, params.model_copy(update={"part": "face"}))
        control = METHOD.control(ctx, params)
        ratios.append(_peaks(result.image, result.mask) / _peaks(control, result.mask))
    assert np.median(ratios) > 2


@pytest.mark.parametrize("size", [3, 4, 5])
@pytest.mark.parametrize("count", [1, 2])
def test_a_clean_filter_with_all_detail_given_back_changes_nothing(size: int, count: int) -> None:
    ctx = _ctx(1)
    result = METHOD.apply(ctx, _params(*[IDEAL[size]] * count))
    assert (result.image == ctx.target.image).all()


@pytest.mark.parametrize("size", [3, 4, 5])
@pytest.mark.parametrize("count", [1, 2])
def test_nothing_is_moved(size: int, count: int) -> None:
    ramp = np.tile(np.arange(SIZE, dtype=np.uint8)[:, None, None], (1, SIZE, 3))
    for image in (ramp, np.ascontiguousarray(ramp.transpose(1, 0, 2))):
        ctx = Context(FaceCrop(image, made_face(0, SIZE).landmarks))
        for phase in ((0, 0), (1, 1)):
            result = METHOD.apply(ctx, _params(*[IDEAL[size]] * count, detail=0.0, phase=phase))
            assert np.abs(result.image.astype(int) - image).max() <= 1


def test_less_detail_is_a_softer_face() -> None:
    ctx = _ctx(1)
    rough = []
    for detail in (0.2, 0.6, 1.0):
        result = METHOD.apply(ctx, _params(IDEAL[4], detail=detail))
        gray = result.image.mean(axis=2)
        rough.append(np.abs(np.diff(gray, axis=0))[result.mask[1:] == 255].mean())
    assert rough == sorted(rough)


def test_the_grid_of_the_trace_follows_the_phase() -> None:
    flat = FaceCrop(np.full((SIZE, SIZE, 3), 128, np.uint8), made_face(0, SIZE).landmarks)
    uneven = [0.27, 0.75, 0.77, 0.21]
    here, there = (
        METHOD.apply(Context(flat), _params(uneven, phase=phase)).image.astype(int)
        for phase in ((0, 0), (1, 1))
    )
    full = METHOD.apply(Context(flat), _params(uneven)).mask == 255
    both = full[1:, 1:] & full[:-1, :-1]
    assert np.abs(here - 128)[full].mean() > 1
    assert (there[1:, 1:][both] == here[:-1, :-1][both]).all()
    assert (there[full] != here[full]).any()


def test_the_features_alone_are_a_smaller_mask() -> None:
    whole, part = (
        METHOD.apply(_ctx(), _params(IDEAL[4], part=p)).mask for p in ("face", "features")
    )
    assert 0.1 < part.sum() / whole.sum() < 0.8
