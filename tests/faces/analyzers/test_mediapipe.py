from __future__ import annotations

import contextlib
import datetime as dt
import functools
import os
import pickle
import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from datagen.core.arrays import Image
from datagen.errors import MissingExtraError, WeightsError
from datagen.faces.analyzers import Detection
from datagen.faces.analyzers.mediapipe import MESH_TO_68, MediaPipe
from datagen.sources.base import Record
from tests.support.assets import london_photo, weights

RECORD = Record(image_id="x", identity="x")
SIZE = 675
HOST = "play.googleapis.com"
PEOPLE = ["001_03", "003_03", "005_03"]


@functools.cache
def _analyzer() -> MediaPipe:
    analyzer = MediaPipe()
    analyzer.open()
    return analyzer


def _one(image: Image) -> Detection:
    weights("face_landmarker.task")
    found = _analyzer().analyze(image, RECORD)
    assert len(found) == 1
    return found[0]


def _turned(image: Image, degrees: float) -> Image:
    """Turn clockwise about the middle; OpenCV's positive angles go the other way."""
    middle = ((SIZE - 1) / 2, (SIZE - 1) / 2)
    matrix = cv2.getRotationMatrix2D(middle, -degrees, 1.0)
    turned = cv2.warpAffine(image, matrix, (SIZE, SIZE), borderMode=cv2.BORDER_REPLICATE)
    return np.ascontiguousarray(turned, np.uint8)


@pytest.mark.photos
@pytest.mark.parametrize("person", PEOPLE)
def test_a_frontal_photo_is_frontal(person: str) -> None:
    face = _one(london_photo(person, SIZE))
    assert max(map(abs, face.pose)) < 15
    assert face.landmarks.shape == (68, 2)
    assert face.landmarks.dtype == np.float32
    assert face.mesh is not None
    assert face.mesh.shape == (478, 3)
    assert face.mesh.dtype == np.float32
    np.testing.assert_array_equal(face.landmarks, face.mesh[MESH_TO_68, :2])


@pytest.mark.photos
@pytest.mark.parametrize("person", PEOPLE)
def test_the_points_are_where_their_names_say(person: str) -> None:
    points = _one(london_photo(person, SIZE)).landmarks
    low, high = points.min(0), points.max(0)
    assert (low > 0.1 * SIZE).all()
    assert (high < 0.95 * SIZE).all()
    left, right, mouth = points[36:42].mean(0), points[42:48].mean(0), points[48:68].mean(0)
    brows, nose, chin = points[17:27].mean(0), points[30], points[8]
    assert left[0] < nose[0] < right[0]
    assert brows[1] < left[1] < nose[1] < mouth[1] < chin[1]
    assert chin[1] == high[1]
    # The jaw runs from the viewer's left to the right; near the ears it is all but vertical.
    assert (np.diff(points[:17, 0]) > -0.005 * SIZE).all()
    assert points[0, 0] < left[0]
    assert points[16, 0] > right[0]


@pytest.mark.photos
def test_the_iris_is_dark_where_the_mesh_puts_it() -> None:
    image = london_photo("001_03", SIZE)
    face = _one(image)
    assert face.mesh is not None
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float64)
    for pupil, lid in ((468, range(36, 42)), (473, range(42, 48))):
        x, y = np.round(face.mesh[pupil, :2]).astype(int)
        around = np.round(face.landmarks[list(lid)]).astype(int)
        skin = np.mean([gray[b + 12, a] for a, b in around])
        assert gray[y - 1 : y + 2, x - 1 : x + 2].mean() < 0.6 * skin


@pytest.mark.photos
@pytest.mark.parametrize("degrees", [15.0, -15.0])
def test_turning_the_image_clockwise_adds_to_roll(degrees: float) -> None:
    image = london_photo("001_03", SIZE)
    before, after = _one(image).pose, _one(_turned(image, degrees)).pose
    assert after[2] - before[2] == pytest.approx(degrees, abs=2.0)


@pytest.mark.photos
def test_mirroring_negates_yaw_and_roll() -> None:
    image = _turned(london_photo("003_03", SIZE), 10)
    yaw, pitch, roll = _one(image).pose
    mirrored = _one(np.ascontiguousarray(image[:, ::-1])).pose
    assert mirrored[0] == pytest.approx(-yaw, abs=2.0)
    assert mirrored[1] == pytest.approx(pitch, abs=2.0)
    assert mirrored[2] == pytest.approx(-roll, abs=2.0)
    assert abs(roll) > 5


@pytest.mark.photos
def test_points_follow_a_shift_of_the_image() -> None:
    image = london_photo("005_03", SIZE)
    wide = cv2.copyMakeBorder(image, 60, 20, 100, 40, cv2.BORDER_REPLICATE)
    shifted = _one(np.ascontiguousarray(wide, np.uint8)).landmarks - [100, 60]
    assert np.abs(shifted - _one(image).landmarks).max() < 0.02 * SIZE


@pytest.mark.photos
def test_two_people_are_two_faces_and_a_flat_image_none() -> None:
    weights("face_landmarker.task")
    pair = np.concatenate([london_photo("001_03", 400), london_photo("003_03", 400)], axis=1)
    found = _analyzer().analyze(np.ascontiguousarray(pair), RECORD)
    sides = sorted(face.landmarks[30, 0] > 400 for face in found)
    assert sides == [False, True]
    assert _analyzer().analyze(np.full((400, 300, 3), 128, np.uint8), RECORD) == []


@pytest.mark.photos
def test_it_travels_before_it_is_opened() -> None:
    weights("face_landmarker.task")
    again = pickle.loads(pickle.dumps(MediaPipe()))
    again.open()
    image = london_photo("001_03", SIZE)
    np.testing.assert_array_equal(again.analyze(image, RECORD)[0].landmarks, _one(image).landmarks)


@pytest.mark.photos
def test_the_end_of_the_process_is_silent() -> None:
    weights("face_landmarker.task")
    code = (
        "from datagen.faces.analyzers.mediapipe import MediaPipe\n"
        "analyzer = MediaPipe()\nanalyzer.open()\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.returncode == 0
    assert "Traceback" not in ended.stderr


USED = """
import sys
import certifi
import numpy as np
from datagen.faces.analyzers import mediapipe
from datagen.sources.base import Record
certifi.where = lambda: sys.argv[1]
if sys.argv[2] == "plain":
    from mediapipe.tasks.python import BaseOptions
    mediapipe._silent_options = lambda model: BaseOptions(model_asset_path=model)
analyzer = mediapipe.MediaPipe()
analyzer.open()
analyzer.analyze(np.zeros((64, 64, 3), np.uint8), Record(image_id="x", identity="x"))
"""


@pytest.mark.photos
@pytest.mark.parametrize("options", ["plain", "ours"])
def test_google_is_not_told_of_the_use(tmp_path: Path, options: str) -> None:
    """Its library tells it, over a proxy if there is one: here one that reads along."""
    weights("face_landmarker.task")
    certificate = _certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    sent: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        listener = (proxy, context, sent)
        threading.Thread(target=_read_along, args=listener, daemon=True).start()
        address = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        environment = {**os.environ, "https_proxy": address, "no_proxy": "", "NO_PROXY": ""}
        command = [sys.executable, "-c", USED, str(certificate), options]
        subprocess.run(command, env=environment, check=True, timeout=100)
    assert any(b"POST /log" in one for one in sent) == (options == "plain")
    assert sent or options == "ours"


def _read_along(proxy: socket.socket, context: ssl.SSLContext, sent: list[bytes]) -> None:
    with contextlib.suppress(OSError):  # the last one: closed
        while True:
            connection, _ = proxy.accept()
            connection.settimeout(5)
            assert connection.recv(4096).startswith(b"CONNECT ")
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            with contextlib.suppress(OSError), context.wrap_socket(connection, True) as inside:
                sent.append(inside.recv(4096))
                inside.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")


def _certificate(folder: Path) -> Path:
    """Write a certificate of the host and its key, and return their file."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path = folder / "certificate.pem"
    path.write_bytes(made.public_bytes(encoding) + key.private_bytes(encoding, *plain))
    return path


@pytest.mark.photos
def test_a_forked_process_ends() -> None:
    """It has no thread pool: to close the model there would wait forever."""
    weights("face_landmarker.task")
    code = (
        "import multiprocessing\n"
        "from datagen.faces.analyzers.mediapipe import MediaPipe\n"
        "analyzer = MediaPipe()\n"
        "analyzer.open()\n"
        "child = multiprocessing.get_context('fork').Process(target=print)\n"
        "child.start()\n"
        "child.join(20)\n"
        "print(child.exitcode)\n"
        "child.kill()\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["0"], done.stderr


def test_a_file_that_is_not_the_model_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("mediapipe")
    (tmp_path / "face_landmarker.task").write_bytes(b"another model")
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(tmp_path))
    with pytest.raises(WeightsError, match=r"face_landmarker\.task is incomplete.*MediaPipe Face"):
        MediaPipe().open()


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "mediapipe"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'datagen\[mediapipe\]'"):
        MediaPipe().open()


def test_the_table_names_68_different_points_of_the_mesh() -> None:
    assert len(set(MESH_TO_68.tolist())) == 68
    assert MESH_TO_68.min() >= 0
    assert MESH_TO_68.max() < 468
