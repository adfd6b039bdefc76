"""S3-compatible storage: a real protocol server on this machine, and one that fails for a while."""

from __future__ import annotations

import http.client
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from datagen.cli.main import run
from datagen.release import Folder
from datagen.release.reader import Release
from datagen.release.record import finish_release
from tests.support.world import World, digests


class Gate(ThreadingHTTPServer):
    """Passes requests on to the storage, or answers 503 while it is shut."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], behind: tuple[str, int]) -> None:
        super().__init__(address, Handler)
        self.behind = behind
        self.refuse = 0
        self.shut_after = -1
        self.refused = 0

    def admits(self, method: str) -> bool:
        if method == "PUT" and self.shut_after > 0:
            self.shut_after -= 1
            if self.shut_after == 0:
                self.refuse = 10**9
        if self.refuse > 0:
            self.refuse -= 1
            self.refused += 1
            return False
        return True


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    server: Gate

    def _any(self) -> None:
        body = self._body()
        if not self.server.admits(self.command):
            text = b"<Error><Code>SlowDown</Code><Message>Reduce your rate.</Message></Error>"
            self._answer(503, {"Content-Type": "application/xml"}, text)
            return
        inner = http.client.HTTPConnection(*self.server.behind)
        headers = {k: v for k, v in self.headers.items() if k.lower() != "transfer-encoding"}
        headers["Content-Length"] = str(len(body))
        inner.request(self.command, self.path, body, headers)
        answer = inner.getresponse()
        hop = {"transfer-encoding", "connection", "content-length", "date", "server"}
        kept = {k: v for k, v in answer.getheaders() if k.lower() not in hop}
        length = answer.getheader("Content-Length")
        self._answer(answer.status, kept, answer.read(), length)
        inner.close()

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _any

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        data = b""
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return data

    def _answer(
        self, status: int, headers: dict[str, str], body: bytes, length: str | None = None
    ) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        head = self.command == "HEAD" and length is not None
        self.send_header("Content-Length", str(length) if head else str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


@pytest.fixture(scope="module")
def gate() -> Iterator[Gate]:
    from moto.server import ThreadedMotoServer

    behind = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    behind.start()
    host, port = behind.get_host_and_port()
    place = urlsplit(os.environ["AWS_ENDPOINT_URL"])
    server = Gate((str(place.hostname), int(place.port or 0)), (host, port))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    import s3fs

    s3fs.S3FileSystem().makedirs("bucket", exist_ok=True)
    yield server
    server.shutdown()
    server.server_close()
    behind.stop()


@pytest.fixture(scope="module")
def local(world: World, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    out = tmp_path_factory.mktemp("local") / "out"
    assert world.generate(out, "--inline") == 0
    return digests(out)


def remote_digests(address: str, tmp_path: Path) -> dict[str, str]:
    folder = Folder(address)
    for name in folder.names():
        path = tmp_path / "mirror" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(folder.read(name))
    return digests(tmp_path / "mirror")


def test_a_bucket_holds_the_same_bytes_as_a_folder(
    gate: Gate, world: World, tmp_path: Path, local: dict[str, str]
) -> None:
    address = "s3://bucket/plain"
    assert world.generate(address, "--inline") == 0
    assert remote_digests(address, tmp_path) == local
    assert run(["verify", address]) == 0
    release = Release(Folder(address))
    row = release.manifest.iloc[0].to_dict()
    assert release.image(row).shape == (96, 96, 3)
    assert run(["show", address, "-n", "2"]) == 0
    assert Folder(address).read("report/index.html").startswith(b"<!doctype html>")


@pytest.mark.ray
@pytest.mark.usefixtures("ray_cluster")
def test_ray_workers_write_to_a_bucket(
    gate: Gate, world: World, tmp_path: Path, local: dict[str, str]
) -> None:
    assert world.generate("s3://bucket/ray", "--workers", "2") == 0
    assert remote_digests("s3://bucket/ray", tmp_path) == local


def test_sources_may_lie_in_a_bucket(
    gate: Gate, own_world: World, tmp_path: Path, local: dict[str, str]
) -> None:
    source = Folder("s3://bucket/faces")
    for path in own_world.faces.iterdir():
        source.write(path.name, path.read_bytes())
    root = "sources.0.root=s3://bucket/faces"
    assert own_world.generate(tmp_path / "out", "--inline", "--set", root) == 0
    found = digests(tmp_path / "out")
    assert {k: v for k, v in found.items() if k.startswith("media/")} == {
        k: v for k, v in local.items() if k.startswith("media/")
    }


def test_a_short_outage_is_waited_out(
    gate: Gate, world: World, tmp_path: Path, local: dict[str, str]
) -> None:
    gate.refuse = 1
    assert world.generate("s3://bucket/short", "--inline") == 0
    assert gate.refuse == 0
    assert remote_digests("s3://bucket/short", tmp_path) == local


@pytest.mark.slow
def test_a_long_outage_is_told_and_the_next_run_makes_the_rest(
    gate: Gate,
    world: World,
    tmp_path: Path,
    local: dict[str, str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    address = "s3://bucket/long"
    gate.refused, gate.shut_after = 0, 12
    try:
        assert world.generate(address, "--inline") == 1
    finally:
        gate.refuse, gate.shut_after = 0, -1
    assert gate.refused > 0
    told = capsys.readouterr().err
    assert "Service Unavailable" in told
    assert "Traceback" not in told
    assert not Folder(address).exists("release.json")
    committed = [name for name in Folder(address).names() if name.startswith("commits/")]
    assert 0 < len(committed) < 6
    assert world.generate(address, "--inline") == 0
    assert remote_digests(address, tmp_path) == local


@pytest.mark.parametrize("lost", ["media/small-v1-train-000001.tar", "commits/train-000001.json"])
def test_objects_that_vanish_during_a_run_are_named(
    gate: Gate,
    world: World,
    tmp_path: Path,
    local: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    lost: str,
) -> None:
    address = f"s3://bucket/vanished-{lost.partition('/')[0]}"

    def late(*arguments: Any) -> Any:
        Folder(address).remove(lost)
        return finish_release(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr("datagen.generation.run.finish_release", late)
        assert world.generate(address, "--inline") == 1
    assert f"{lost} (missing)" in capsys.readouterr().err
    assert not Folder(address).exists("release.json")
    assert world.generate(address, "--inline") == 0
    assert remote_digests(address, tmp_path) == local


def test_a_release_in_a_bucket_that_is_not_there(
    gate: Gate, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["verify", "s3://nowhere/deep/release"]) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert "s3://nowhere/deep/release is not a datagen release" in told
    assert "there is no bucket 'nowhere'" in told
    assert run(["verify", "s3://bucket/deep/release"]) == 2
    assert "there is no such folder" in " ".join(capsys.readouterr().err.split())
