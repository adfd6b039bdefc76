"""What every method promises, run over the table: a new method is tested once it is listed."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from datagen.core.arrays import Image, Mask
from datagen.core.rng import rng
from datagen.errors import ItemError
from datagen.faces.crop import CropJitter, crop_matrix, face_box, take_crop
from datagen.faces.face import FaceCrop
from datagen.faces.geometry.mesh import move_mesh
from datagen.faces.landmarks import move_landmarks
from datagen.methods import METHODS, Context, Method, Result
from datagen.sources.procedural import render
from tests.support.faces_made import made_face
from tests.support.small.build import SmallWeights

SIZE = 160


@pytest.fixture(params=sorted(METHODS))
def method(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Method:
    found = METHODS.load(request.param)
    if not found.learned:
        return found.build({})
    small: SmallWeights = request.getfixturevalue("small_weights")
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(small.folder))
    # A batch of one: faces come one at a time here, and a larger one would be padded.
    return found.build({**small.options[found.name], "batch": 1})


def _frozen(face: FaceCrop) -> FaceCrop:
    for array in (face.image, face.landmarks, face.mesh):
        if array is not None:
            array.flags.writeable = False
    return face


def _context(method: Method, target: FaceCrop, donor: FaceCrop) -> Context:
    if method.needs_mesh and target.mesh is None:
        pytest.skip("drawn faces have no mesh")
    known = method.donor_identities()
    if known is not None and donor.identity not in known:
        donor = dataclasses.replace(donor, identity=min(known))
    return Context(_frozen(target), _frozen(donor) if method.needs_donor else None)


def _made(method: Method, number: int = 0, **how: Any) -> Context:
    return _context(method, made_face(number, SIZE, **how), made_face(number + 1, SIZE))


@functools.cache
def _computed(person: int, picture: int) -> FaceCrop:
    """Return a face of somebody who does not exist, turned and lit as drawn, with its mesh."""
    portrait = render(2, person, picture, 320)
    box = face_box(portrait.landmarks)
    matrix = crop_matrix(box, 1.3, SIZE, CropJitter(flip=bool(picture % 2)))
    image = take_crop(portrait.image, matrix, SIZE, 1)
    marks, mesh = move_landmarks(portrait.landmarks, matrix), move_mesh(portrait.mesh, matrix)
    pose = (portrait.yaw, portrait.pitch, portrait.roll)
    return FaceCrop(image, marks, mesh, *pose, identity=f"computed/{person}")


def _change(real: Image, fake: Image, mask: Mask) -> float:
    apart = np.abs(real.astype(float) - fake).mean(axis=2)
    return float((apart * mask).sum() / mask.sum())


def _psnr_inside(real: Image, control: Image, mask: Mask) -> float:
    squared = np.square(real.astype(float) - control).mean(axis=2)[mask > 0].mean()
    return float(10 * np.log10(255**2 / max(float(squared), 1e-9)))


def _check(method: Method, ctx: Context, params: Any) -> tuple[Result, Image]:
    """Check everything that holds for any face, and return what was made."""
    result = method.apply(ctx, params)
    target = ctx.target.image
    real = target if result.real is None else result.real
    assert result.image.shape == real.shape == target.shape
    assert result.image.dtype == real.dtype == result.mask.dtype == np.uint8
    assert result.mask.shape == target.shape[:2]
    assert result.mask.any()
    assert result.landmarks.shape == (68, 2)
    assert result.landmarks.dtype == np.float32
    assert np.isfinite(result.landmarks).all()
    assert result.placed or method.family == "synthesis"
    assert not np.shares_memory(result.image, target)
    assert (result.image[result.mask == 0] == real[result.mask == 0]).all()
    if method.has_control:
        control = method.control(ctx, params)
        assert control.shape == target.shape
        assert control.dtype == np.uint8
        assert (control[result.mask == 0] == real[result.mask == 0]).all()
        assert _psnr_inside(real, control, result.mask) >= method.min_control_psnr
    return result, real


def _draw(method: Method, ctx: Context, name: str | float) -> Any:
    return method.sample(rng("contract", method.name, str(name)), ctx)


@pytest.mark.parametrize("number", range(6))
def test_pair_and_control(method: Method, number: int) -> None:
    ctx = _made(method, number)
    _check(method, ctx, _draw(method, ctx, number))


@pytest.mark.parametrize("person", range(12))
def test_pair_and_control_of_people_who_do_not_exist(method: Method, person: int) -> None:
    ctx = _context(method, _computed(person, person % 3), _computed(person + 1, 0))
    _check(method, ctx, _draw(method, ctx, person))


def test_most_draws_change_enough(method: Method) -> None:
    changes = []
    for number in range(24):
        ctx = _made(method, number)
        result, real = _check(method, ctx, _draw(method, ctx, number))
        changes.append(_change(real, result.image, result.mask))
    assert np.mean(np.array(changes) >= method.min_change) >= 0.5
    assert method.min_change > 0


def test_params_make_the_same_image_after_json(method: Method) -> None:
    for number in range(6):
        ctx = _made(method, number)
        drawn = _draw(method, ctx, number)
        again = method.params.model_validate(json.loads(json.dumps(drawn.model_dump(mode="json"))))
        assert again == drawn
        first, second = method.apply(ctx, drawn), method.apply(ctx, again)
        assert (first.image == second.image).all()
        assert (first.mask == second.mask).all()
        assert (first.landmarks == second.landmarks).all()


def test_same_stream_same_params_and_another_stream_others(method: Method) -> None:
    ctx = _made(method)
    assert _draw(method, ctx, "a") == _draw(method, ctx, "a")
    assert _draw(method, ctx, "a") != _draw(method, ctx, "b")


def test_inputs_are_not_written_to(method: Method) -> None:
    ctx = _made(method)
    faces = [face for face in (ctx.target, ctx.donor) if face is not None]
    before = [(face.image.copy(), face.landmarks.copy()) for face in faces]
    _check(method, ctx, _draw(method, ctx, 0))
    for face, (image, landmarks) in zip(faces, before, strict=True):
        assert (face.image == image).all()
        assert (face.landmarks == landmarks).all()


def test_class_attributes_are_declared(method: Method) -> None:
    assert method.name in METHODS
    assert method.version >= 1
    assert method.paper


@pytest.mark.parametrize("shift", [(0.3, 0.0), (-0.3, 0.1), (0.0, 0.4), (0.05, -0.45)])
def test_face_partly_outside_the_crop(method: Method, shift: tuple[float, float]) -> None:
    ctx = _made(method, 2, shift=shift)
    _check(method, ctx, _draw(method, ctx, 0))


@pytest.mark.parametrize("size", [64, 65])
def test_tiny_crop(method: Method, size: int) -> None:
    ctx = _context(method, made_face(3, size), made_face(4, size))
    _check(method, ctx, _draw(method, ctx, 0))


@pytest.mark.parametrize("level", [0, 128, 255])
def test_flat_image(method: Method, level: int) -> None:
    face = made_face(4, SIZE)
    flat = dataclasses.replace(face, image=np.full_like(face.image, level))
    for target, donor in ((flat, flat), (flat, face), (face, flat)):
        ctx = _context(method, target, donor)
        _check(method, ctx, _draw(method, ctx, level))


def test_gray_image(method: Method) -> None:
    face = made_face(5, SIZE)
    gray = cv2.cvtColor(cv2.cvtColor(face.image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    ctx = _context(method, dataclasses.replace(face, image=np.asarray(gray)), made_face(6, SIZE))
    _check(method, ctx, _draw(method, ctx, 0))


@pytest.mark.parametrize("yaw", [-65, -35, 35, 65])
def test_turned_face(method: Method, yaw: float) -> None:
    turned, facing = made_face(7, SIZE, yaw), made_face(8, SIZE)
    ctx = _context(method, turned, made_face(9, SIZE, yaw))
    _check(method, ctx, _draw(method, ctx, yaw))
    for target, donor in ((turned, facing), (facing, turned)):
        ctx = _context(method, target, donor)
        method.apply(ctx, _draw(method, ctx, yaw))


@pytest.mark.parametrize(
    "landmarks",
    [
        np.full((68, 2), 40.0),
        np.stack([np.linspace(0, 100, 68), np.linspace(0, 90, 68)], axis=1),
        np.full((68, 2), np.nan),
        np.full((68, 2), 1.0) + np.eye(68, 2),
    ],
    ids=["one point", "one line", "not finite", "a speck"],
)
def test_landmarks_without_a_face_are_an_item_error(method: Method, landmarks: Any) -> None:
    face = made_face(0, SIZE)
    good = _made(method)
    params = _draw(method, good, 0)
    broken = dataclasses.replace(face, landmarks=landmarks.astype(np.float32))
    pairs = [(broken, made_face(1, SIZE))]
    if method.needs_donor:
        pairs.append((made_face(1, SIZE), broken))
    for target, donor in pairs:
        ctx = _context(method, target, donor)
        with pytest.raises(ItemError, match="method_failed"):
            method.sample(rng("broken"), ctx)
        with pytest.raises(ItemError, match="method_failed"):
            method.apply(ctx, params)


def test_a_donor_is_asked_for(method: Method) -> None:
    if not method.needs_donor:
        pytest.skip("needs no donor")
    ctx = Context(made_face(0, SIZE))
    with pytest.raises(ValueError, match="donor"):
        method.sample(rng("alone"), ctx)


def _asset(variable: str, name: str) -> Path:
    folder = os.environ.get(variable)
    path = Path(folder or ".") / name
    if folder is None or not path.is_file():
        text = f"missing {name}: set {variable} to its folder"
        if os.environ.get("DATAGEN_REQUIRE_ASSETS") == "1":
            pytest.fail(text)
        pytest.skip(text)
    return path


@pytest.fixture(scope="module")
def photographs() -> list[FaceCrop]:
    """Crops of real photographs, turned and shifted as a recipe's jitter would."""
    files = [_asset("DATAGEN_LONDON", f"{n:03}_03.jpg") for n in (1, 3, 4, 5, 6, 8, 9, 11)]
    _asset("DATAGEN_WEIGHTS", "face_landmarker.task")
    pytest.importorskip("mediapipe")
    from datagen.faces.analyzers.mediapipe import MediaPipe
    from datagen.sources.base import Record

    analyzer = MediaPipe()
    analyzer.open()
    faces = []
    for number, path in enumerate(files):
        image = np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR_RGB), np.uint8)
        found = analyzer.analyze(image, Record(image_id=path.stem, identity=path.stem))[0]
        jitter = CropJitter(0.02, -0.02, 1.0, 4.0 * (number - 4), bool(number % 2))
        matrix = crop_matrix(face_box(found.landmarks), 1.3, 380, jitter)
        assert found.mesh is not None
        marks, mesh = move_landmarks(found.landmarks, matrix), move_mesh(found.mesh, matrix)
        faces.append(FaceCrop(take_crop(image, matrix, 380, 1), marks, mesh, identity=path.stem))
    return faces


@pytest.mark.photos
def test_photographs(method: Method, photographs: list[FaceCrop]) -> None:
    changes = []
    for number, target in enumerate(photographs):
        for draw in range(3):
            ctx = _context(method, target, photographs[number - 1 - draw])
            result, real = _check(method, ctx, _draw(method, ctx, f"{number}/{draw}"))
            changes.append(_change(real, result.image, result.mask))
    assert np.mean(np.array(changes) >= method.min_change) >= 0.8
