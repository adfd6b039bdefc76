from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from datagen.core.arrays import Image
from datagen.errors import CardError, ItemError
from datagen.networks.onnx.enhance import Enhancer, open_enhancer
from tests.support.faces_made import made_face
from tests.support.small.onnx import AGE, ENHANCER
from tests.support.small.onnx_broken import recard

pytestmark = pytest.mark.usefixtures("onnx_folder")


def _detail(image: Image) -> float:
    return float(cv2.Laplacian(image, cv2.CV_32F).std())


def test_it_enhances_the_face_by_its_weight() -> None:
    face, enhancer = made_face(0, 256), open_enhancer(ENHANCER, "cpu", 1)
    kept = face.image.copy()
    weak, strong = (enhancer(face.image, face.landmarks, blend) for blend in (0.3, 1.0))
    assert (face.image == kept).all()
    way = [np.abs(made.astype(int) - face.image).mean() for made in (weak, strong)]
    assert 0.2 < way[0] < 0.6 * way[1]
    blurred = np.asarray(cv2.GaussianBlur(face.image, (0, 0), 1.5), np.uint8)
    assert _detail(enhancer(blurred, face.landmarks, 1.0)) > 1.2 * _detail(blurred)


def test_nothing_dark_comes_home_along_the_images_edge() -> None:
    """The square of ffhq_512 is larger than such a crop."""
    face, enhancer = made_face(1, 200), open_enhancer(ENHANCER, "cpu", 1)
    plain = np.full_like(face.image, 180)
    assert np.abs(enhancer(plain, face.landmarks, 1.0).astype(int) - 180).max() <= 1


def test_same_face_same_bytes() -> None:
    face, enhancer = made_face(2, 200), open_enhancer(ENHANCER, "cpu", 1)
    first, again = (enhancer(face.image, face.landmarks, 0.7) for _ in range(2))
    assert (first == again).all()


@pytest.mark.parametrize(
    ("name", "code"), [("broken_nan", "network_failed"), ("broken_black", "black_image")]
)
def test_an_unusable_image_is_an_item_error(onnx_folder: Path, name: str, code: str) -> None:
    recard(onnx_folder, name, f"enhancer_{name}", task="enhance")
    face = made_face(3, 160)
    bright = np.maximum(face.image, 170)
    with pytest.raises(ItemError) as caught:
        Enhancer(f"enhancer_{name}", "cpu", 1)(bright, face.landmarks, 1.0)
    assert caught.value.code == code


def test_another_task_is_refused() -> None:
    with pytest.raises(CardError, match="'edit', expected 'enhance'"):
        open_enhancer(AGE, "cpu", 1)
