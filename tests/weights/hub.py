"""A hub on this machine that speaks as much of Hugging Face's API as a download needs."""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.support.http_server import serving

__all__ = ["FILES", "REVISION", "Hub", "serve_hub"]

REVISION = "0123456789abcdef0123456789abcdef01234567"
FILES: Mapping[str, bytes] = {
    "vae/config.json": b'{"_class_name": "AutoencoderKL"}',
    "vae/diffusion_pytorch_model.safetensors": b"numbers" * 1000,
    "vae/diffusion_pytorch_model.bin": b"a pickle",
    "README.md": b"read me",
}


@dataclass
class Hub:
    """What the hub holds, and how it behaves.

    Attributes:
        listed: Files as it lists them, where they differ from those that it gives.
        gated: Whether it wants each user to accept terms first.
        asked: Paths of all downloads.
        pause: Seconds before each byte of a download; 0 sends all at once.
    """

    address: str = ""
    listed: dict[str, bytes] = field(default_factory=dict)
    gated: bool = False
    asked: list[str] = field(default_factory=list)
    pause: float = 0


def _entry(name: str, content: bytes) -> dict[str, Any]:
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    entry = {"type": "file", "path": name, "size": len(content), "oid": blob}
    if not name.endswith(("json", "md")):
        digest = hashlib.sha256(content).hexdigest()
        entry["lfs"] = {"oid": digest, "size": len(content), "pointerSize": 100}
    return entry


class _Handler(BaseHTTPRequestHandler):
    hub: Hub

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        if self.hub.gated:
            self._send(403, b"", {"X-Error-Code": "GatedRepo"})
        elif f"/tree/{REVISION}" in self.path:
            entries = [_entry(name, self.hub.listed.get(name, FILES[name])) for name in FILES]
            kind = {"Content-Type": "application/json"}
            self._send(200, json.dumps(entries).encode(), kind)
        elif (name := self.path.partition(f"/resolve/{REVISION}/")[2]) in FILES:
            if self.command == "GET":
                self.hub.asked.append(name)
            content = FILES[name]
            etag = hashlib.sha1(content).hexdigest()
            self._send(200, content, {"ETag": f'"{etag}"', "X-Repo-Commit": REVISION})
        else:
            self._send(404, b"", {})

    def _send(self, code: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "GET" and self.hub.pause and "/resolve/" in self.path:
            with contextlib.suppress(OSError):
                for number in range(len(content)):
                    self.wfile.write(content[number : number + 1])
                    time.sleep(self.hub.pause)
        elif self.command == "GET":
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        del format, args


@contextmanager
def serve_hub() -> Iterator[Hub]:
    """Serve one repository of any name at ``REVISION``."""
    hub = Hub()
    with serving(type("Handler", (_Handler,), {"hub": hub})) as hub.address:
        yield hub
