from __future__ import annotations

import json
import pickle
import shutil
import socket
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from datagen.core.arrays import Image
from datagen.errors import MissingExtraError, WeightsError
from datagen.faces.analyzers import Detection
from datagen.faces.analyzers.insightface import InsightFace
from datagen.sources.base import Record
from tests.support.onnx_pack import build_pack

RECORD = Record(image_id="x", identity="x")

pytest.importorskip("insightface")


@pytest.fixture(scope="module")
def packs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("weights")
    build_pack(top / "models" / "buffalo_l", pose=(30.0, -10.0, 15.0))
    build_pack(top / "models" / "frontal")
    return top


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("the analyzer reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture
def here(packs: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(packs))
    return packs


def _opened(pack: str = "buffalo_l") -> InsightFace:
    analyzer = InsightFace(pack)
    analyzer.open()
    return analyzer


def _image(*marks: tuple[int, int], height: int = 480, width: int = 640) -> Image:
    """Gray with white squares of 160 pixels (top-left corners given) that the detector finds."""
    image = np.full((height, width, 3), 90, np.uint8)
    for x, y in marks:
        image[y : y + 160, x : x + 160] = 255
    return image


def _one(found: list[Detection]) -> Detection:
    assert len(found) == 1
    return found[0]


def test_a_face_comes_with_all_that_the_contract_names(here: Path) -> None:
    face = _one(_opened().analyze(_image((240, 160)), RECORD))
    assert face.landmarks.shape == (68, 2)
    assert face.landmarks.dtype == np.float32
    assert face.landmarks.flags.c_contiguous
    assert (face.landmarks >= 0).all()
    assert (face.landmarks < [640, 480]).all()
    assert face.box is not None
    assert face.box.shape == (4,)
    assert face.box.dtype == np.float32
    x0, y0, x1, y1 = face.box
    assert x0 < 240 < 400 < x1
    assert y0 < 160 < 320 < y1
    inside = (face.landmarks > [x0, y0]) & (face.landmarks < [x1, y1])
    assert inside.all()
    assert face.mesh is None
    assert face.embedding is not None
    assert face.embedding.shape == (512,)
    assert face.embedding.dtype == np.float32
    assert np.linalg.norm(face.embedding) == pytest.approx(1.0, abs=1e-5)


def test_the_pose_is_in_our_convention(here: Path) -> None:
    face = _one(_opened().analyze(_image((240, 160)), RECORD))
    np.testing.assert_allclose(face.pose, (30.0, -10.0, 15.0), atol=0.01)
    frontal = _one(_opened("frontal").analyze(_image((240, 160)), RECORD))
    np.testing.assert_allclose(frontal.pose, (0.0, 0.0, 0.0), atol=0.01)


@pytest.mark.parametrize(
    "pose", [(40.0, 0.0, 0.0), (0.0, 25.0, 0.0), (0.0, 0.0, -30.0), (-50.0, 20.0, 35.0)]
)
def test_each_angle_agrees_with_where_the_points_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pose: tuple[float, float, float]
) -> None:
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(tmp_path))
    build_pack(tmp_path / "turned", pose=pose)
    build_pack(tmp_path / "frontal")
    faces = [_one(_opened(p).analyze(_image((240, 160)), RECORD)) for p in ("turned", "frontal")]
    np.testing.assert_allclose(faces[0].pose, pose, atol=0.01)
    yaw, pitch, roll = pose
    nose, eyes = 30, [36, 45]
    moved = faces[0].landmarks - faces[1].landmarks
    if yaw and not roll:
        assert np.sign(moved[nose, 0] - moved[eyes, 0].mean()) == np.sign(yaw)
    if pitch and not roll:
        assert np.sign(moved[nose, 1] - moved[eyes, 1].mean()) == -np.sign(pitch)
    if roll and not yaw:
        left, right = faces[0].landmarks[eyes]
        assert np.degrees(np.arctan2(*(right - left)[::-1])) == pytest.approx(roll, abs=1.0)


def test_faces_come_in_the_order_of_their_boxes(here: Path) -> None:
    found = _opened().analyze(_image((1000, 100), (100, 600), height=900, width=1280), RECORD)
    boxes = [face.box for face in found]
    assert len(boxes) == 2
    assert boxes[0] is not None
    assert boxes[1] is not None
    assert boxes[0][0] < 100 < 260 < boxes[0][2] < boxes[1][0]
    assert boxes[1][2] > 1160


def test_no_face_is_an_empty_list(here: Path) -> None:
    assert _opened().analyze(_image(), RECORD) == []


def test_the_embedding_depends_on_the_face_alone(here: Path) -> None:
    analyzer = _opened()
    first = _image((240, 160))
    other = first.copy()
    other[300:320, 250:390] = (200, 40, 40)
    far = first.copy()
    far[:40, :40] = 0
    embeddings = [_one(analyzer.analyze(image, RECORD)).embedding for image in (first, other, far)]
    assert embeddings[0] is not None
    assert embeddings[1] is not None
    assert embeddings[2] is not None
    assert float(embeddings[0] @ embeddings[1]) < 0.9999
    np.testing.assert_array_equal(embeddings[0], embeddings[2])


@pytest.mark.filterwarnings("ignore:`estimate` is deprecated:FutureWarning")  # scikit-image 0.26
def test_colors_reach_the_network_in_rgb_order(here: Path) -> None:
    analyzer = _opened()
    image = _image((240, 160))
    image[300:320, 250:390] = (255, 0, 0)
    face = _one(analyzer.analyze(image, RECORD))
    library = analyzer._library
    direct = library.get(np.ascontiguousarray(image[:, :, ::-1]))[0]
    assert face.embedding is not None
    np.testing.assert_allclose(face.embedding, direct.normed_embedding, atol=1e-6)
    swapped = library.get(image)[0]
    assert np.abs(face.embedding - swapped.normed_embedding).max() > 1e-3


def test_the_same_image_gives_the_same_and_is_not_written_to(here: Path) -> None:
    image = _image((240, 160))
    image.setflags(write=False)
    first, second = (_one(_opened().analyze(image, RECORD)) for _ in range(2))
    np.testing.assert_array_equal(first.landmarks, second.landmarks)
    np.testing.assert_array_equal(first.embedding, second.embedding)
    assert first.pose == second.pose


def test_the_version_follows_the_bytes_of_the_pack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(tmp_path))
    build_pack(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    build_pack(tmp_path / "c", seed=2)
    versions = [InsightFace(pack).version for pack in "abc"]
    assert versions[0] == versions[1]
    assert versions[0] != versions[2]
    with (tmp_path / "b" / "1k3d68.onnx").open("ab") as handle:
        handle.write(b"\0")
    assert InsightFace("b").version != versions[0]


def test_a_pack_may_lie_in_models_or_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packs: Path
) -> None:
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(tmp_path))
    shutil.copytree(packs / "models" / "frontal", tmp_path / "buffalo_l")
    assert len(_opened().analyze(_image((240, 160)), RECORD)) == 1
    shutil.copytree(packs / "models" / "buffalo_l", tmp_path / "models" / "buffalo_l")
    assert _one(_opened().analyze(_image((240, 160)), RECORD)).pose[0] == pytest.approx(30, abs=1)


def test_a_missing_pack_says_where_which_license_and_how(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(tmp_path))
    (tmp_path / "models" / "buffalo_l").mkdir(parents=True)
    for use in (lambda: InsightFace().version, lambda: InsightFace().open()):
        with pytest.raises(WeightsError) as caught:
            use()
        for part in (
            f"{tmp_path}/models/buffalo_l/*.onnx",
            "LicenseRef-InsightFace-NC",
            "non-commercial",
            "github.com/deepinsight/insightface",
            "buffalo_l.zip",
        ):
            assert part in str(caught.value)
    assert not list((tmp_path / "models" / "buffalo_l").iterdir())


@pytest.mark.parametrize(
    ("gone", "task"),
    [("1k3d68.onnx", "landmark_3d_68"), ("w_made_up.onnx", "recognition")],
)
def test_half_a_pack_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gone: str, task: str
) -> None:
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(tmp_path))
    (build_pack(tmp_path / "buffalo_l") / gone).unlink()
    with pytest.raises(WeightsError, match=f"has no network for {task} .*det_made_up"):
        _opened()


def test_a_pack_without_detector_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(tmp_path))
    (build_pack(tmp_path / "buffalo_l") / "det_made_up.onnx").unlink()
    with pytest.raises(WeightsError, match="cannot load this model pack: it contains no detector"):
        _opened()


def test_a_broken_file_is_refused_with_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(tmp_path))
    (build_pack(tmp_path / "buffalo_l") / "1k3d68.onnx").write_bytes(b"no network")
    with pytest.raises(WeightsError, match="buffalo_l: insightface cannot load this model pack"):
        _opened()


def test_a_pack_with_tensors_in_another_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(tmp_path))
    path = build_pack(tmp_path / "buffalo_l") / "1k3d68.onnx"
    model = onnx.load(str(path))
    tensor = model.graph.initializer.add(name="w", data_type=1, dims=[1], data_location=1)
    tensor.external_data.add(key="location", value="../secret")
    path.write_bytes(model.SerializeToString())
    with pytest.raises(WeightsError, match=r"1k3d68\.onnx: it keeps tensors in another file"):
        _opened()
    tensor.external_data[0].value = "w.bin"
    (path.parent / "w.bin").write_bytes(bytes(4))
    path.write_bytes(model.SerializeToString())
    with pytest.raises(WeightsError, match=r"1k3d68\.onnx keeps tensors in 'w\.bin'"):
        _opened()


def test_a_license_file_that_does_not_verify_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(tmp_path))
    build_pack(tmp_path / "buffalo_l")
    forged = {
        "license_version": 1,
        "license_id": "1",
        "issuer": "InsightFace",
        "model_id": "buffalo_l",
        "grant": "commercial",
        "customer": "nobody",
        "valid_from": "2025-01-01T00:00:00Z",
        "signature": "A" * 86,
    }
    (tmp_path / "buffalo_l" / "MODEL.LICENSE").write_text(json.dumps(forged))
    with pytest.raises(
        WeightsError, match=r"the license file of this pack is not valid: .*signature"
    ):
        _opened()


def test_without_the_package_the_extra_is_named(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "insightface"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "insightface", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'datagen\[insightface\]'"):
        _opened()


def test_it_prints_nothing(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    _opened().analyze(_image((240, 160)), RECORD)
    assert capfd.readouterr() == ("", "")


def test_it_runs_on_one_thread_of_the_cpu(here: Path) -> None:
    for model in _opened()._library.models.values():
        assert model.session.get_providers() == ["CPUExecutionProvider"]
        options = model.session.get_session_options()
        assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)


def test_it_travels_before_it_is_opened(here: Path) -> None:
    analyzer = InsightFace()
    version = analyzer.version
    again = pickle.loads(pickle.dumps(analyzer))
    again.open()
    assert again.version == version
    assert len(again.analyze(_image((240, 160)), RECORD)) == 1
