from __future__ import annotations

import dataclasses
import json
import pickle
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from datagen.core.arrays import Mask
from datagen.core.rng import rng
from datagen.errors import ItemError, RecipeError
from datagen.faces.pixels.blend import Region
from datagen.generation.checks import checked, checked_control
from datagen.methods.base import Context
from datagen.methods.diffusion_inpaint import DiffusionInpaint, DiffusionInpaintParams
from datagen.networks.diffusion.mask import PAINTED, PaintedPart, painted_mask, square_around
from tests.support.faces_made import made_face
from tests.support.small.diffusion import build_diffusion, build_xl, write_card

SIZE = 128
SIDE = 96
POINTS: dict[PaintedPart, list[int]] = {
    "mouth": [*range(48, 68)],
    "eyes": [*range(36, 48)],
    "nose": [*range(27, 36)],
    "face": [*range(68)],
    "hair": [],
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("diffusion")
    build_diffusion(folder)
    build_xl(folder)
    for name, xl, file in (
        ("sd15_inpaint", "", "sd15_inpaint"),
        ("sdxl_inpaint", "XL", "sdxl_inpaint"),
        # A plain network with four channels paints too, by holding the rest to the image.
        ("plain", "", "sd15"),
    ):
        loads = f"StableDiffusion{xl}InpaintPipeline"
        contract = {"loads": loads, "conditioned": True, "size": SIDE, "sides": 8}
        write_card(folder, name, loads, file=file, diffusers=contract)
    free = {"loads": "StableDiffusionInpaintPipeline", "size": SIDE}
    write_card(folder, "wordless", "StableDiffusionInpaintPipeline", file="sd15", diffusers=free)
    return folder


@pytest.fixture(autouse=True)
def _weights(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(built))


def _method(weights: str = "sd15_inpaint", **options: Any) -> DiffusionInpaint:
    given = {"weights": weights, "steps": 4, "batch": 2, "strength": [0.5, 0.8], **options}
    return DiffusionInpaint.build(given)


def _ctx(number: int = 0, size: int = SIZE) -> Context:
    return Context(made_face(number, size))


def _drawn(method: DiffusionInpaint, ctx: Context, number: int = 0) -> DiffusionInpaintParams:
    return method.sample(rng("inpaint", number), ctx)


@pytest.mark.parametrize("weights", ["sd15_inpaint", "sdxl_inpaint", "plain", "wordless"])
def test_a_part_is_painted_and_the_rest_stays(weights: str) -> None:
    method, ctx = _method(weights, parts=["mouth"]), _ctx()
    method.open()
    params = _drawn(method, ctx)
    result = checked(method, method.apply(ctx, params), ctx)
    apart = np.abs(result.image.astype(int) - ctx.target.image).max(axis=2)
    assert (apart[result.mask == 0] == 0).all()
    assert apart[result.mask == 255].mean() > 1
    assert (result.landmarks == ctx.target.landmarks).all()
    assert (params.prompt is None) == (weights == "wordless")
    checked_control(method, method.control(ctx, params), ctx.target.image, result.mask)


def test_same_seed_same_bytes_and_another_seed_others() -> None:
    method, ctx = _method(), _ctx()
    params = _drawn(method, ctx)
    other = params.model_copy(update={"noise_seed": params.noise_seed ^ 1})
    first, again, changed = (method.apply(ctx, one).image for one in (params, params, other))
    assert (first == again).all()
    assert (first != changed).any()


@pytest.mark.parametrize("part", PAINTED)
def test_the_mask_covers_its_part(part: PaintedPart) -> None:
    face = made_face(1, 200)
    region, mask = painted_mask(part, face.image, face.landmarks, 0.04, 0.06)
    whole = _whole(region, mask, 200)
    at = np.rint(face.landmarks).astype(int)
    weight = whole[at[:, 1], at[:, 0]]
    if POINTS[part] and part != "face":
        assert (weight[POINTS[part]] > 230).all()
        assert (weight[:17] == 0).all()
    if part == "face":
        assert (weight > 0).mean() > 0.95
        assert (weight[17:] == 255).all()
    if part == "hair":
        assert (weight[27:] == 0).all()
        rows, columns = np.nonzero(whole > 200)
        assert rows.min() < face.landmarks[17:27, 1].min() - 20
        assert columns.min() < face.landmarks[0, 0]
        assert columns.max() > face.landmarks[16, 0]


@pytest.mark.parametrize("roll", [-40, 25, 90])
def test_the_mask_turns_with_the_head(roll: float) -> None:
    face = made_face(1, 160)
    image = cv2.copyMakeBorder(face.image, 60, 60, 60, 60, cv2.BORDER_REPLICATE)
    marks = face.landmarks + np.float32(60)
    middle = (139.5, 139.5)
    matrix = cv2.getRotationMatrix2D(middle, roll, 0.9)
    turned = np.asarray(cv2.warpAffine(image, matrix, (280, 280)), np.uint8)
    moved = (marks @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    for part in PAINTED:
        upright = _whole(*painted_mask(part, np.asarray(image, np.uint8), marks, 0.04, 0.06), 280)
        found = _whole(*painted_mask(part, turned, moved, 0.04, 0.06), 280)
        want = cv2.warpAffine(upright, matrix, (280, 280))
        both = np.minimum(found, want).sum() / np.maximum(found, want).sum()
        assert both > 0.9, part


def _whole(region: Region, mask: Mask, size: int) -> Mask:
    whole = np.zeros((size, size), np.uint8)
    region.of(whole)[...] = mask
    return whole


def test_the_square_lies_in_the_image_and_holds_the_part() -> None:
    for region in (Region(0, 0, 20, 10), Region(90, 95, 100, 100), Region(10, 10, 90, 80)):
        square = square_around(region, (100, 100))
        assert square.width == square.height
        assert 0 <= square.x0 <= region.x0
        assert region.x1 <= square.x1 <= 100
        assert 0 <= square.y0 <= region.y0
        assert region.y1 <= square.y1 <= 100


def test_what_surrounds_the_part_is_seen_by_the_network() -> None:
    method, ctx = _method(parts=["mouth"]), _ctx()
    params = _drawn(method, ctx)
    prepared = method.prepare(ctx, params)
    request = prepared.request
    assert request.image.shape == (SIDE, SIDE, 3)
    assert request.mask is not None
    assert set(np.unique(request.mask)) == {0, 255}
    assert 0.05 < (request.mask > 0).mean() < 0.6
    # Nothing that will be seen of the network's answer lies where it was told to keep the image.
    kept = cv2.resize(request.mask, prepared.mask.shape[::-1], interpolation=cv2.INTER_NEAREST) == 0
    assert prepared.mask[kept].max(initial=0) <= 40


@pytest.mark.parametrize("part", PAINTED)
def test_the_control_is_the_path_without_the_network(part: PaintedPart) -> None:
    method, ctx = _method(parts=[part]), _ctx(3)
    params = _drawn(method, ctx)
    result, control = method.apply(ctx, params), method.control(ctx, params)
    checked_control(method, control, ctx.target.image, result.mask)
    prepared = method.prepare(ctx, params)
    same = method.finish(ctx, params, prepared, prepared.request.image)
    assert (same.image == control).all()
    assert (control != ctx.target.image).any()


def test_parts_out_of_the_image_are_not_drawn() -> None:
    low = made_face(2, SIZE, shift=(0.05, -0.45))
    drawn = {_drawn(_method(), Context(low), number).part for number in range(20)}
    assert "mouth" in drawn
    assert not drawn & {"hair", "eyes"}
    with pytest.raises(ItemError, match="no part of hair, eyes is inside the image"):
        _drawn(_method(parts=["hair", "eyes"]), Context(low))


def test_a_part_too_fine_for_the_networks_side_is_not_drawn() -> None:
    face = made_face(0, 4 * SIDE)
    grain = rng("grain").integers(0, 256, face.image.shape, np.uint8)
    rough = Context(dataclasses.replace(face, image=grain))
    with pytest.raises(ItemError, match=f"coarse enough for the network.s {SIDE} pixels"):
        _drawn(_method(parts=["face", "hair"]), rough)
    assert _drawn(_method(parts=["face"]), Context(face)).part == "face"


def test_every_part_is_drawn() -> None:
    ctx = _ctx(0, 96)
    drawn = [_drawn(_method(), ctx, number) for number in range(60)]
    assert {one.part for one in drawn} == set(PAINTED)
    assert all(0.5 <= one.strength <= 0.8 for one in drawn)
    assert len({one.noise_seed for one in drawn}) == 60


def test_each_face_of_a_batch_is_as_alone() -> None:
    method = _method()
    draws = [(_ctx(number), _drawn(method, _ctx(number), number)) for number in range(3)]
    prepared = [method.prepare(*one) for one in draws]
    outputs = method.run(prepared)
    for (ctx, params), one, output in zip(draws, prepared, outputs, strict=True):
        result = method.finish(ctx, params, one, output)
        assert (result.image == method.apply(ctx, params).image).all()


@pytest.mark.parametrize("weights", ["sd15_inpaint", "plain"])
def test_each_strength_in_a_batch_is_as_if_its_schedule_began_there(weights: str) -> None:
    mixed = _method(weights, strength=[0.5, 1.0])
    alone = _method(weights, strength=[0.5, 0.5])
    params = _drawn(mixed, _ctx()).model_copy(update={"part": "face"})
    weak, strong = (params.model_copy(update={"strength": one}) for one in (0.5, 1.0))
    prepared = [mixed.prepare(_ctx(), one) for one in (weak, strong)]
    together, by_itself = mixed.run(prepared), alone.run(prepared[:1])
    apart = np.abs(_image(together[0]) - _image(by_itself[0]))
    assert apart.max() <= 1
    assert np.abs(_image(together[1]) - _image(by_itself[0])).max() > 1


def _image(output: object) -> np.ndarray[Any, Any]:
    assert isinstance(output, np.ndarray)
    return output.astype(int)


def test_an_unusable_output_is_raised() -> None:
    method, ctx = _method(), _ctx()
    params = _drawn(method, ctx)
    with pytest.raises(ItemError, match="black_image"):
        method.finish(ctx, params, method.prepare(ctx, params), ItemError("black_image"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"parts": ["ears"]}, "parts"),
        ({"parts": []}, "parts"),
        ({"prompt": "young"}, "prompt: expected keys and values"),
        ({"prompt": {"expressions": ["smiling broadly"]}}, "not free text"),
        ({"strength": 0.2}, "steps x the lowest strength is below 1"),
        ({"strength": [0.4, 1.2]}, "above 0 and at most 1"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        _method(**options)


def test_a_card_of_another_use_is_refused() -> None:
    with pytest.raises(
        RecipeError, match="'StableDiffusionPipeline', but this method needs Stable"
    ):
        _method("sd15").open()
    with pytest.raises(
        RecipeError, match="'StableDiffusionPipeline', but this method needs Stable"
    ):
        _method("sd15").weight_ids()


def test_params_and_method_travel() -> None:
    method, ctx = _method(), _ctx()
    params = _drawn(method, ctx)
    method.open()
    again = pickle.loads(pickle.dumps(method))
    assert len(pickle.dumps(method)) < 4000
    copied = DiffusionInpaintParams.model_validate(json.loads(params.model_dump_json()))
    assert copied == params
    assert (again.apply(ctx, copied).image == method.apply(ctx, params).image).all()
    packed = pickle.loads(pickle.dumps(method.prepare(ctx, params)))
    assert packed.request.text == method.prepare(ctx, params).request.text
    record = method.run_record()
    assert (record["device"], record["batch"]) == ("cpu", 2)
