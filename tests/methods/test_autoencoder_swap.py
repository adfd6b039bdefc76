"""Two people are truly learned, and each becomes the other with the pose and expression it has."""

from __future__ import annotations

import dataclasses
import functools
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from datagen.cli.main import run
from datagen.core.arrays import Image, Landmarks
from datagen.core.rng import rng
from datagen.errors import CardError, DeviceError, ItemError, RecipeError, WeightsError
from datagen.faces import masks
from datagen.faces.crop import CropJitter, crop_matrix, face_box, take_crop
from datagen.faces.face import FaceCrop
from datagen.faces.geometry.outline import convex_hull
from datagen.faces.landmarks import move_landmarks, move_points
from datagen.faces.pixels.blend import Region
from datagen.methods import Context
from datagen.methods.autoencoder_swap import AutoencoderSwap, AutoencoderSwapParams
from datagen.networks.alignment.align import take_aligned
from datagen.networks.autoencoder.face import face_matrix, hull_mask, normalized
from datagen.networks.autoencoder.network import open_swapper
from datagen.release import Folder
from datagen.release.reader import Release
from datagen.sources.procedural import figure, light
from datagen.sources.procedural.portrait import Portrait, draw_image, render
from tests.support.faces_made import made_face
from tests.support.small.build import SmallWeights
from tests.support.small.faceswap import FACESWAP, IMAGES, PEOPLE
from tests.training.made import make_recipe

SIZE = 160
SEED = 1
UNSEEN = range(IMAGES, IMAGES + 24)
WORKING = 64

Floats = NDArray[np.float32]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory, small_weights: SmallWeights) -> Path:
    folder = tmp_path_factory.mktemp("faceswap")
    small_weights.copy(FACESWAP, folder)
    return folder


@pytest.fixture
def method(weights: Path, monkeypatch: pytest.MonkeyPatch) -> AutoencoderSwap:
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(weights))
    made = AutoencoderSwap.build({"weights": FACESWAP, "batch": 4})
    made.open()
    return made


def _crop(portrait: Portrait, person: int) -> FaceCrop:
    matrix = crop_matrix(face_box(portrait.landmarks), 1.3, SIZE, CropJitter())
    image = take_crop(portrait.image, matrix, SIZE, 1)
    image.flags.writeable = False
    marks = move_landmarks(portrait.landmarks, matrix)
    return FaceCrop(image, marks, identity=f"procedural/p{person:07d}")


@functools.cache
def face(person: int, picture: int) -> FaceCrop:
    return _crop(render(SEED, person, picture, 256), person)


@functools.cache
def as_another(person: int, other: int, picture: int) -> FaceCrop:
    """What a perfect swap would be: ``other`` with pose, expression and light of an image."""
    seen = figure.draw(SEED, person, picture, 256)
    who = figure.draw(SEED, other, picture, 256).identity
    posed = figure.pose(who, seen.expression, seen.camera)
    lamp = light.draw_values(SEED, person, picture)
    return _crop(draw_image(posed, lamp, (SEED, other, picture)), other)


def features(image: Image, landmarks: Landmarks) -> tuple[Floats, Floats]:
    """Return the aligned face with normalized colors, and the weight of its features."""
    matrix = face_matrix(landmarks, WORKING)
    aligned = take_aligned(image, matrix, WORKING)
    canvas = masks.Canvas(Region(0, 0, WORKING, WORKING), WORKING, WORKING)
    inner = masks.fill(convex_hull(move_points(landmarks, matrix)[17:]), canvas)
    return normalized(aligned, hull_mask(landmarks, matrix, WORKING)), inner.astype(
        np.float32
    ) / np.float32(255)


def apart(one: FaceCrop, other: FaceCrop) -> float:
    """Return the mean difference of two faces where both have their features, 0 to 1."""
    (first, a), (second, b) = (features(each.image, each.landmarks) for each in (one, other))
    soft = [cv2.GaussianBlur(picture, (0, 0), 1.5) for picture in (first, second)]
    weight = a * b
    difference = np.abs(np.asarray(soft[0]) - np.asarray(soft[1])).mean(axis=2)
    return float((difference * weight).sum() / weight.sum())


def swapped(method: AutoencoderSwap, person: int, other: int, picture: int) -> FaceCrop:
    ctx = Context(face(person, picture), face(other, 0))
    params = method.sample(rng("swap", person, picture), ctx)
    made = method.apply(ctx, params)
    return FaceCrop(made.image, made.landmarks)


@pytest.mark.slow
@pytest.mark.parametrize("turn", [1, -1], ids=["A becomes B", "B becomes A"])
def test_the_result_is_the_other_person_with_this_pose_and_expression(
    method: AutoencoderSwap, turn: int
) -> None:
    person, other = (int(name[1:]) for name in PEOPLE[::turn])
    truths = [as_another(person, other, picture) for picture in UNSEEN]
    to_self, to_other, ranks = [], [], []
    for number, picture in enumerate(UNSEEN):
        made = swapped(method, person, other, picture)
        to_self.append(apart(made, face(person, picture)))
        away = [apart(made, truth) for truth in truths]
        to_other.append(away[number])
        ranks.append(np.mean(np.array(away) < away[number]))
    nearer = np.mean(np.array(to_other) < np.array(to_self))
    assert nearer >= 0.9
    assert np.mean(to_other) < 0.88 * np.mean(to_self)
    # Of the other person's images in all poses, that in this pose is among the nearest.
    assert np.mean(ranks) < 0.2


@pytest.mark.slow
def test_it_is_as_near_as_the_other_person_s_own_images(method: AutoencoderSwap) -> None:
    """Color and texture: more like the other's real images than like one's own."""
    person, other = (int(name[1:]) for name in PEOPLE)
    mean_self = np.mean([features(f.image, f.landmarks)[0] for f in _unseen(person)], axis=0)
    mean_other = np.mean([features(f.image, f.landmarks)[0] for f in _unseen(other)], axis=0)
    axis = mean_other - mean_self
    middle = (mean_other + mean_self) / 2

    def leans(image: Image, marks: Landmarks) -> bool:
        picture, weight = features(image, marks)
        return bool((((picture - middle) * axis).mean(axis=2) * weight).sum() > 0)

    own = [leans(f.image, f.landmarks) for f in _unseen(person)]
    assert np.mean(own) <= 0.1  # the measure tells the two apart
    made = [swapped(method, person, other, picture) for picture in UNSEEN]
    assert np.mean([leans(f.image, f.landmarks) for f in made]) >= 0.9


def _unseen(person: int) -> list[FaceCrop]:
    return [face(person, picture) for picture in UNSEEN]


def _context(picture: int = IMAGES) -> Context:
    person, other = (int(name[1:]) for name in PEOPLE)
    return Context(face(person, picture), face(other, 0))


@pytest.mark.slow
def test_who_may_lend_are_those_with_a_decoder(method: AutoencoderSwap) -> None:
    assert method.donor_identities() == {f"procedural/{name}" for name in PEOPLE}
    assert method.weight_ids() == (FACESWAP,)
    ctx = Context(face(0, IMAGES), made_face(1, SIZE))
    params = method.sample(rng("a"), ctx)
    with pytest.raises(ItemError, match=r"no_decoder.*'made/1'") as caught:
        method.prepare(ctx, params)
    assert caught.value.code == "no_decoder"


@pytest.mark.slow
def test_batches_and_single_faces_give_the_same_images(method: AutoencoderSwap) -> None:
    contexts = [_context(IMAGES + n) for n in range(6)]
    turned = [Context(ctx.need_donor(), ctx.target) for ctx in contexts[:3]]
    contexts += turned
    params = [method.sample(rng("b", n), ctx) for n, ctx in enumerate(contexts)]
    prepared = [method.prepare(*both) for both in zip(contexts, params, strict=True)]
    outputs = method.run(prepared)
    for ctx, drawn, before, output in zip(contexts, params, prepared, outputs, strict=True):
        one, alone = method.finish(ctx, drawn, before, output), method.apply(ctx, drawn)
        assert (one.image == alone.image).all()
        assert (one.mask == alone.mask).all()


@pytest.mark.slow
def test_where_the_mask_is_0_the_target_stays_and_the_control_is_near(
    method: AutoencoderSwap,
) -> None:
    for n in range(8):
        ctx = _context(IMAGES + n)
        params = method.sample(rng("c", n), ctx)
        made, control = method.apply(ctx, params), method.control(ctx, params)
        outside = made.mask == 0
        for image in (made.image, control):
            assert (image[outside] == ctx.target.image[outside]).all()
        inside = made.mask > 0
        squared = np.square(control.astype(float) - ctx.target.image)[inside].mean()
        assert 10 * np.log10(255**2 / squared) >= method.min_control_psnr
        assert made.mask[inside].mean() > 100
        assert np.abs(made.image.astype(float) - ctx.target.image)[inside].mean() > 4


@pytest.mark.slow
def test_detail_makes_fake_and_control_sharper(method: AutoencoderSwap) -> None:
    ctx = _context()
    drawn = method.sample(rng("d"), ctx)
    plain, fine = (drawn.model_copy(update={"detail": detail}) for detail in (0.0, 1.0))
    inside = method.apply(ctx, plain).mask == 255

    def sharpness(image: Image) -> float:
        return float(np.abs(cv2.Laplacian(image, cv2.CV_32F))[inside].mean())

    makes: list[Callable[[AutoencoderSwapParams], Image]] = [
        lambda params: method.apply(ctx, params).image,
        lambda params: method.control(ctx, params),
    ]
    for make in makes:
        assert sharpness(make(fine)) > 1.2 * sharpness(make(plain))
    assert (method.control(ctx, fine) == ctx.target.image).all()


@pytest.mark.slow
def test_it_pickles_with_its_config_alone(method: AutoencoderSwap) -> None:
    ctx = _context()
    params = method.sample(rng("e"), ctx)
    method.apply(ctx, params)
    data = pickle.dumps(method)
    assert len(data) < 2000
    again: AutoencoderSwap = pickle.loads(data)
    assert (again.apply(ctx, params).image == method.apply(ctx, params).image).all()
    assert again.run_record()["batch"] == 4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda decoder: decoder.picture.bias.fill_(float("nan")), "network_failed"),
        (lambda decoder: decoder.picture.bias.fill_(-100.0), "black_image"),
    ],
)
def test_what_a_broken_decoder_gives_is_no_fake(
    method: AutoencoderSwap, spoil: Callable[[object], None], code: str
) -> None:
    from datagen.networks.autoencoder.network import Swapper, load_autoencoder

    config, module = load_autoencoder(Path(_folder(method)))
    with torch.no_grad():
        spoil(module.decoders[1])
    ctx = _context()
    params = method.sample(rng("f"), ctx)
    prepared = method.prepare(ctx, params)
    whole = dataclasses.replace(prepared, identity=0)
    swapper = Swapper(config, module, "cpu", "fp32", 2, 1)
    broken, good = swapper([(one.seen, one.identity) for one in (prepared, whole)])
    with pytest.raises(ItemError) as caught:
        method.finish(ctx, params, prepared, broken)
    assert caught.value.code == code
    assert not isinstance(good, ItemError)


def _folder(method: AutoencoderSwap) -> str:
    from datagen.weights.store import weight_store

    return str(weight_store().fetch(weight_store().card(method.config.weights)))


@pytest.fixture
def copied(method: AutoencoderSwap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The weights in a folder of the test's own, for spoiling."""
    shutil.copytree(Path(_folder(method)).parent, tmp_path / "weights")
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(tmp_path / "weights"))
    return tmp_path / "weights"


@pytest.mark.slow
def test_bad_folders_are_told(copied: Path) -> None:
    method = AutoencoderSwap.build({"weights": FACESWAP})
    tensors = copied / FACESWAP / "model.safetensors"
    card = copied / "cards" / f"{FACESWAP}.yaml"
    tensors.write_bytes(tensors.read_bytes()[:-4])
    with pytest.raises(WeightsError, match="is incomplete"):
        method.open()
    text = card.read_text()
    unchecked = [line for line in text.splitlines() if not line.startswith(("sha256", "size"))]
    card.write_text("\n".join(unchecked))
    with pytest.raises(WeightsError, match=r"model\.safetensors: is not the network"):
        method.open()
    (copied / FACESWAP / "config.json").write_text("{}")
    with pytest.raises(WeightsError, match="shape: missing"):
        method.open()
    shutil.rmtree(copied / FACESWAP)
    with pytest.raises(WeightsError, match=f"no folder '{FACESWAP}'"):
        method.donor_identities()
    card.write_text(text.replace("form: datagen", "form: onnx"))
    with pytest.raises(RecipeError, match="has form 'onnx', but this method needs form"):
        method.donor_identities()


def test_a_card_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(tmp_path))
    with pytest.raises(CardError, match="no weight card 'nobodys'"):
        AutoencoderSwap.build({"weights": "nobodys"}).open()


def test_options_are_checked() -> None:
    with pytest.raises(RecipeError, match="weights: missing"):
        AutoencoderSwap.build({})
    with pytest.raises(RecipeError, match="expected a range within 0 and 1"):
        AutoencoderSwap.build({"weights": "a", "detail": [0.5, 1.5]})


@pytest.mark.slow
def test_a_gpu_that_is_not_there(method: AutoencoderSwap, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceError, match="device: cuda was requested"):
        open_swapper(FACESWAP, "cuda", "fp16", 2, 1)


@pytest.mark.slow
def test_a_release_borrows_from_those_with_a_decoder_and_records_the_weights(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(weights))
    how = {"splits": {"train": 12}, "controls": 0.25, "encode": {"format": "png"}}
    recipe = make_recipe(tmp_path, people=14, images=2, **how)
    assert run(["generate", str(recipe), "-o", str(tmp_path / "out"), "--inline"]) == 0
    assert run(["verify", str(tmp_path / "out"), "--pixels"]) == 0
    rows = Release(Folder(str(tmp_path / "out"))).manifest
    fakes = rows[rows["kind"] == "fake"]
    assert len(fakes) == 12
    donors = {f"procedural/{name}" for name in PEOPLE}
    assert set(fakes["donor_identity_id"]) == donors
    assert not set(fakes["identity_id"]) <= donors
    assert (rows["kind"] == "control").sum() == 3
    assert all(used[0].startswith(f"{FACESWAP}@") for used in fakes["weights"])
