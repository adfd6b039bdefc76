from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from datagen.core.arrays import Image
from datagen.errors import MissingExtraError, WeightsError
from datagen.networks.alignment.aligned import align_face
from datagen.networks.normalize import to_network
from datagen.networks.onnx.embed import embedding_face, last_initializer, open_embedder
from datagen.networks.onnx.network import open_network
from datagen.networks.onnx.session import Floats
from tests.support.faces_made import made_face
from tests.support.small.onnx import SWAP, SWAP_EMAP
from tests.support.small.onnx_broken import recard

pytestmark = pytest.mark.usefixtures("onnx_folder")


def _donors() -> list[Image]:
    how = embedding_face(SWAP)
    faces = [made_face(number, 160) for number in range(3)]
    return [align_face(face.image, face.landmarks, how).face for face in faces]


def _raw() -> Floats:
    network = open_network("small_embedder", "cpu", 1)
    return network(to_network(_donors(), embedding_face(SWAP)))[0]


def test_a_converter_takes_the_raw_embedding_and_unit_comes_last(onnx_folder: Path) -> None:
    converted = open_network("small_converter", "cpu", 1)(_raw())[0]
    rows = open_embedder(SWAP, "cpu", 1)(_donors())
    assert rows.shape == (3, 512)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)
    assert np.allclose(rows, converted / np.linalg.norm(converted, axis=1, keepdims=True))
    recard(onnx_folder, SWAP, "as_it_is", unit=False)
    assert (open_embedder("as_it_is", "cpu", 1)(_donors()) == converted).all()


def test_emap_as_insightface_applies_it(onnx_folder: Path) -> None:
    """``INSwapper.get``: the normed embedding times the last initializer, normed."""
    graph = onnx.load(str(onnx_folder / f"{SWAP_EMAP}.onnx")).graph
    emap = onnx.numpy_helper.to_array(graph.initializer[-1])
    rows = open_embedder(SWAP_EMAP, "cpu", 1)(_donors())
    for row, raw in zip(rows, _raw(), strict=True):
        latent = np.dot((raw / np.linalg.norm(raw)).reshape((1, -1)), emap)
        latent /= np.linalg.norm(latent)
        assert np.allclose(row, latent[0], atol=1e-6)


def test_embeddings_depend_on_the_donor_and_on_nobody_beside_it() -> None:
    embedder, donors = open_embedder(SWAP, "cpu", 1), _donors()
    together = embedder(donors)
    assert np.abs(together[0] - together[1]).max() > 0.01
    assert np.abs(together[1] - embedder(donors[1:2])[0]).max() < 1e-6


def test_an_embedding_of_no_length_is_nan(onnx_folder: Path) -> None:
    recard(onnx_folder, SWAP, "blind", embedder="broken_embedder", converter=None)
    black, gray = np.zeros((64, 64, 3), np.uint8), np.full((64, 64, 3), 99, np.uint8)
    rows = open_embedder("blind", "cpu", 1)([black, gray])
    assert np.isnan(rows[0]).all()
    assert np.isfinite(rows[1]).all()


def test_widths_that_do_not_fit_are_refused(onnx_folder: Path) -> None:
    recard(onnx_folder, SWAP, "narrow", embedder="broken_narrow")
    with pytest.raises(
        WeightsError, match="'broken_narrow' returns vectors of 256 numbers, but 'small_c"
    ):
        open_embedder("narrow", "cpu", 1)


def test_a_file_without_an_emap_is_refused(onnx_folder: Path) -> None:
    with pytest.raises(WeightsError, match=r"last initializer has shape \[\].*emap: false"):
        last_initializer(onnx_folder / "broken_hungry.onnx")
    recard(onnx_folder, SWAP, "mapped", emap=True, converter=None)
    assert open_embedder("mapped", "cpu", 1)(_donors()).shape == (3, 512)


def test_the_package_for_the_emap_is_named(
    onnx_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError, match="'onnx'"):
        last_initializer(onnx_folder / f"{SWAP_EMAP}.onnx")
