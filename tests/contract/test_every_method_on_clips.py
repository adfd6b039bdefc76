"""What every method promises on clips: one draw, and each frame as a still would be."""

from __future__ import annotations

import dataclasses
import functools
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datagen.core.rng import rng
from datagen.faces.clip_reader import ClipCrops
from datagen.faces.crop import CropJitter, crop_matrix, take_crop
from datagen.faces.face import FaceCrop
from datagen.faces.geometry.mesh import move_mesh
from datagen.faces.landmarks import move_landmarks
from datagen.generation.clips.pair import ClipDraft, ClipPair, Clock
from datagen.methods import METHODS, Context, Method, Result
from datagen.methods.batched import BatchedMethod
from datagen.planning import Item
from datagen.sources import SOURCES, load_card
from tests.support.small.build import SmallWeights

SIZE, FRAMES, STEP = 160, 4, 6
CARD = Path(__file__).parents[2] / "recipes" / "cards" / "procedural.yaml"


@pytest.fixture(params=sorted(METHODS))
def method(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Method:
    found = METHODS.load(request.param)
    if not found.learned:
        return found.build({})
    small: SmallWeights = request.getfixturevalue("small_weights")
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(small.folder))
    return found.build({**small.options[found.name], "batch": 3})  # does not divide the frames


@functools.cache
def moving(person: int) -> tuple[FaceCrop, ...]:
    """Return some frames of a moving face in one fixed crop."""
    card = load_card(CARD)
    options = {"size": 256, "seed": 5}
    source = SOURCES.load(card.layout).build(card, "", options, "")
    record = next(one for one in source.clip_records() if one.identity == f"p{person:07d}")
    numbers = [STEP * n for n in range(FRAMES)]
    seen = [source.frame_record(record, number) for number in numbers]
    boxes = np.array([one.box for one in seen])
    around = np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])
    matrix = crop_matrix(around.astype(np.float32), 1.3, SIZE, CropJitter())
    crops = []
    for number, one in zip(numbers, seen, strict=True):
        assert one.landmarks is not None
        assert one.mesh is not None
        assert one.pose is not None
        image = take_crop(source.render_frame(record.image_id, number), matrix, SIZE, 1)
        arrays = image, move_landmarks(one.landmarks, matrix), move_mesh(one.mesh, matrix)
        for array in arrays:
            array.flags.writeable = False
        crops.append(FaceCrop(*arrays, *one.pose, identity=f"computed/{person}"))
    return tuple(crops)


def draft(method: Method, number: int) -> ClipDraft:
    target, donor = moving(number), moving(number + 1)
    known = method.donor_identities()
    if known is not None:
        donor = tuple(dataclasses.replace(one, identity=min(known)) for one in donor)
    if isinstance(method, BatchedMethod):
        method.open()
    contexts = [
        Context(one, other if method.needs_donor else None)
        for one, other in zip(target, donor, strict=True)
    ]
    count = np.arange(FRAMES, dtype=np.int64)
    crops = ClipCrops(
        list(target), [np.eye(2, 3)] * FRAMES, count, count, np.zeros(FRAMES, np.int32)
    )
    item = Item("train", number, number, f"c-train-{number:08d}", "c", 0, 0, 1, method.has_control)
    face: Any = None  # what the index says of it plays no part here
    clock = Clock(Fraction(25), STEP, "rendered")
    return ClipDraft(item, method, face, face, clock, crops, count, contexts, 3, 0.0)


MADE: dict[str, tuple[ClipDraft, ClipPair]] = {}


@pytest.fixture
def made(method: Method) -> tuple[ClipDraft, ClipPair]:
    if method.name not in MADE:
        started = draft(method, 0)
        MADE[method.name] = started, started.make(prove=True)
    return MADE[method.name]


def test_a_clip_is_drawn_once(method: Method, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also a value of 0 or False: a known tool takes those for not drawn yet."""
    started, drawn = draft(method, 1), []
    sample = method.sample

    def counted(generator: Any, ctx: Context) -> Any:
        drawn.append(ctx)
        return sample(generator, ctx)

    monkeypatch.setattr(method, "sample", counted)
    pair = started.make(prove=False)
    assert drawn == [started.contexts[FRAMES // 2]]
    again = sample(rng(3, "train", 1, "method/0"), started.contexts[FRAMES // 2])
    assert pair.params == again


def test_every_frame_is_what_its_params_make_alone(
    method: Method, made: tuple[ClipDraft, ClipPair]
) -> None:
    started, pair = made
    for frame, ctx in enumerate(started.contexts):
        alone: Result = method.apply(ctx, pair.params)
        assert (pair.masks[frame] == alone.mask).all()
        assert np.abs(pair.images["fake"][frame].astype(int) - alone.image).max() <= 1


def test_frames_are_equal_outside_their_masks_and_controls_are_close(
    method: Method, made: tuple[ClipDraft, ClipPair]
) -> None:
    _, pair = made
    assert set(pair.images) == {"real", "fake", *(["control"] if method.has_control else [])}
    assert {len(frames) for frames in pair.images.values()} == {FRAMES}
    for frame, mask in enumerate(pair.masks):
        assert mask.any()
        real = pair.images["real"][frame]
        for kind in pair.images:
            assert (pair.images[kind][frame][mask == 0] == real[mask == 0]).all(), kind
    assert min(pair.changes) > 0


def test_masks_follow_the_face(made: tuple[ClipDraft, ClipPair]) -> None:
    _, pair = made
    if not any(points is not None for points in pair.landmarks["fake"]):
        pytest.skip("the place of a synthesized face is unknown")
    grid = np.mgrid[:SIZE, :SIZE].astype(float)
    centers = np.array(
        [[(axis * mask).sum() / mask.sum() for axis in grid[::-1]] for mask in pair.masks]
    )
    faces = np.array([crop.landmarks.mean(axis=0) for crop in pair.crops.crops])
    apart = centers - faces
    # Parts of a face that come and go, as eyes that close, may move it a little.
    assert np.abs(apart - apart.mean(axis=0)).max() < 0.06 * SIZE


def test_a_clip_and_its_frames_are_the_same_again(
    method: Method, made: tuple[ClipDraft, ClipPair]
) -> None:
    _, first = made
    again = draft(method, 0).make(prove=False)
    assert again.params == first.params
    for kind, frames in first.images.items():
        assert all(map(np.array_equal, frames, again.images[kind]))
