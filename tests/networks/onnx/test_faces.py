from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from datagen.core.arrays import Image
from datagen.core.rng import rng
from datagen.errors import DeviceError, ItemError
from datagen.networks.batch import OutOfMemoryError
from datagen.networks.onnx.faces import Made, OnnxFaces
from datagen.networks.onnx.session import Session
from tests.support.small.onnx import AGE, SWAP, SWAP_BY_IMAGE, SWAP_EMAP, SWAP_MASK
from tests.support.small.onnx_broken import recard

pytestmark = pytest.mark.usefixtures("onnx_folder")


def _face(number: int, size: int, most: int = 256) -> Image:
    return rng("faces", number).integers(0, most, (size, size, 3), dtype=np.uint8)


def _faces(made: list[Made | ItemError]) -> list[Image]:
    assert not any(isinstance(one, ItemError) for one in made)
    return [one.face for one in made if isinstance(one, Made)]


@pytest.mark.parametrize(
    ("card_id", "size", "lent"),
    [
        (SWAP, 256, 112),
        (SWAP_MASK, 256, 112),
        (SWAP_EMAP, 128, 112),
        (SWAP_BY_IMAGE, 256, 256),
        (AGE, 256, None),
    ],
)
def test_a_padded_batch_gives_what_each_face_gives_alone(
    card_id: str, size: int, lent: int | None
) -> None:
    items = [
        (_face(number, size), None if lent is None else _face(number + 9, lent))
        for number in range(3)
    ]
    together = _faces(OnnxFaces(card_id, "cpu", 1, 4)(items))
    alone = OnnxFaces(card_id, "cpu", 1, 1)
    for item, made in zip(items, together, strict=True):
        apart = np.abs(made.astype(int) - _faces(alone([item]))[0])
        assert apart.max() <= 1
        assert apart.mean() < 0.001
    assert np.abs(together[0].astype(int) - together[1]).mean() > 1


def test_a_full_memory_halves_the_batch_and_is_told() -> None:
    faces = OnnxFaces("broken_hungry", "cpu", 1, 8)
    items = [(_face(number, 64), None) for number in range(5)]
    made = _faces(faces(items))
    assert faces.batch == 2
    for (face, _), image in zip(items, made, strict=True):
        assert (image == np.rint(face * 0.8)).mean() > 0.99


def test_one_face_that_does_not_fit_is_the_devices_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OutOfMemoryError("no room")

    monkeypatch.setattr(Session, "__call__", full)
    with pytest.raises(DeviceError, match="'broken_black' on cpu: not even one face"):
        OnnxFaces("broken_black", "cpu", 1, 4)([(_face(0, 64), None)])


def test_a_face_that_fails_leaves_the_others_alone() -> None:
    items = [(_face(0, 64, 100), None), (_face(1, 64) // 2 + 128, None), (_face(2, 64, 90), None)]
    first, second, third = OnnxFaces("broken_nan", "cpu", 1, 4)(items)
    assert isinstance(second, ItemError)
    assert second.code == "network_failed"
    assert isinstance(first, Made)
    assert isinstance(third, Made)
    assert first.face.mean() < third.face.mean() + 20


def test_a_black_image_is_an_item_error() -> None:
    (made,) = OnnxFaces("broken_black", "cpu", 1, 2)([(_face(0, 64), None)])
    assert isinstance(made, ItemError)
    assert made.code == "black_image"


def test_a_donor_without_an_embedding_is_an_item_error(onnx_folder: Path) -> None:
    recard(onnx_folder, SWAP, "blind_swap", embedder="broken_embedder", converter=None)
    black, gray = np.zeros((64, 64, 3), np.uint8), np.full((64, 64, 3), 99, np.uint8)
    lost, made = OnnxFaces("blind_swap", "cpu", 1, 2)(
        [(_face(0, 256), black), (_face(0, 256), gray)]
    )
    assert isinstance(lost, ItemError)
    assert lost.code == "network_failed"
    assert "embedding" in lost.detail
    assert isinstance(made, Made)


def test_the_masks_stand_beside_their_faces() -> None:
    bright, dark = np.full((256, 256, 3), 200, np.uint8), np.full((256, 256, 3), 5, np.uint8)
    bright[0, 0] = dark[0, 0] = 60
    lent = _face(1, 112)
    made = OnnxFaces(SWAP_MASK, "cpu", 1, 2)([(bright, lent), (dark, lent)])
    masks = [one.mask for one in made if isinstance(one, Made)]
    assert masks[0] is not None
    assert masks[1] is not None
    assert masks[0][140, 128] > 240
    assert masks[1][140, 128] < 30
    assert masks[0][2, 2] == 0
