from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from datagen.errors import CardError, WeightsError
from datagen.weights import WeightCard, find_weights, load_weight_card, weights_folder
from datagen.weights.catalogue import shipped_weight_cards

CONTENT = b"weights" * 1000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path == "/gone":
            self.send_error(404)
            return
        self.send_response(200)
        cut = self.path == "/cut"
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[:100] if cut else CONTENT)

    def log_message(self, format: str, *args: Any) -> None:
        del format, args


@pytest.fixture
def asked() -> list[str]:
    return []


@pytest.fixture
def address(asked: list[str]) -> Iterator[str]:
    handler = type("Handler", (_Handler,), {"asked": asked})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "deep" / "weights"
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(place))
    return place


def _card(**changes: Any) -> WeightCard:
    plain = {
        "id": "net",
        "title": "A network",
        "file": "net.onnx",
        "sha256": DIGEST,
        "licence": "LicenseRef-Research",
        "homepage": "https://example.org/net",
    }
    return WeightCard.model_validate(plain | changes)


def _left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_missing_file_is_fetched_checked_and_kept(
    address: str, asked: list[str], folder: Path
) -> None:
    card = _card(address=f"{address}/net")
    assert find_weights(card) == folder / "net.onnx"
    assert (folder / "net.onnx").read_bytes() == CONTENT
    find_weights(card)
    assert asked == ["/net"]
    assert _left(folder) == ["net.onnx"]


def test_a_download_with_another_digest_is_refused_and_removed(address: str, folder: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        find_weights(_card(address=f"{address}/net", sha256="0" * 64))
    for part in (DIGEST, "0" * 64, f"{address}/net", "refused and removed", "LicenseRef-Research"):
        assert part in str(caught.value)
    assert _left(folder) == []


def test_a_download_without_a_known_digest_is_refused(address: str, folder: Path) -> None:
    with pytest.raises(WeightsError, match="refused and removed"):
        find_weights(_card(address=f"{address}/net", sha256=""))
    assert _left(folder) == []


@pytest.mark.parametrize("path", ["gone", "cut"])
def test_a_failed_download_leaves_nothing(address: str, folder: Path, path: str) -> None:
    with pytest.raises(WeightsError, match=rf"net\.onnx.*{address}/{path}"):
        find_weights(_card(address=f"{address}/{path}"))
    assert _left(folder) == []


def test_nobody_answers(folder: Path) -> None:
    with pytest.raises(WeightsError, match="The download failed"):
        find_weights(_card(address="http://127.0.0.1:1/net"))
    assert _left(folder) == []


def test_a_missing_file_without_address_says_which_where_and_licence(folder: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        find_weights(_card())
    for part in ("'net.onnx'", "A network", str(folder), "LicenseRef-Research", "example.org/net"):
        assert part in str(caught.value)


def test_a_local_file_with_another_digest_is_refused_and_kept(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "net.onnx").write_bytes(b"other")
    with pytest.raises(WeightsError) as caught:
        find_weights(_card())
    assert hashlib.sha256(b"other").hexdigest() in str(caught.value)
    assert DIGEST in str(caught.value)
    assert (folder / "net.onnx").read_bytes() == b"other"


def test_a_local_file_of_unknown_digest_is_taken(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "net.onnx").write_bytes(b"other")
    assert find_weights(_card(sha256="")) == folder / "net.onnx"


def test_the_folder_is_named_by_the_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert weights_folder() == folder
    monkeypatch.delenv("DATAGEN_WEIGHTS")
    assert weights_folder() == Path.home() / ".cache" / "datagen" / "weights"


def test_every_card_that_ships_loads() -> None:
    names = shipped_weight_cards()
    assert {"insightface_buffalo_l", "mediapipe_face_landmarker"} <= set(names)
    for name in names:
        card = load_weight_card(name)
        assert card.sha256 or not card.address, f"{name}: a download needs a digest"


def test_an_unknown_card_gets_the_near_one() -> None:
    with pytest.raises(CardError, match="Did you mean 'mediapipe_face_landmarker'"):
        load_weight_card("mediapipe_face_landmarks")


@pytest.mark.parametrize(
    "change", [{"file": "../x"}, {"sha256": "12"}, {"size": 0}, {"licence": ""}]
)
def test_a_wrong_card_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        _card(**change)
