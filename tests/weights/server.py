"""A file server on this machine that knows ranges, breaks off, and answers wrongly when asked."""

from __future__ import annotations

import contextlib
import hashlib
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from datagen.weights import WeightCard
from tests.support.http_server import serving

__all__ = ["CONTENT", "DIGEST", "Served", "card", "serve"]

_LONG = 80 << 20
_ENDLESS = ("/endless", "/long", "/slow", "/slow-head")

CONTENT = b"weights" * 1000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Served:
    """What the server gave.

    Attributes:
        address: Of the server.
        asked: Each path with its ``Range`` header.
        sent: Bytes that endless answers have sent.
    """

    address: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)
    sent: int = 0


class _Handler(BaseHTTPRequestHandler):
    served: Served

    def do_GET(self) -> None:
        asked = self.headers.get("Range", "")
        self.served.asked.append((self.path, asked))
        if self.path == "/gone":
            self.send_error(404)
            return
        if self.path == "/round" or self.path.startswith("/to?"):
            self.send_response(302)
            self.send_header("Location", self.path.partition("?")[2] or "/round")
            self.end_headers()
            return
        if self.path in _ENDLESS:
            self._endless()
            return
        start = int(found[1]) if (found := re.fullmatch(r"bytes=(\d+)-", asked)) else 0
        if self.path == "/no-ranges":
            start = 0
        if self.path == "/other-range":
            start = max(start - 10, 0)
        if start >= len(CONTENT):
            self.send_error(416)
            return
        body = CONTENT[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        if self.path != "/no-length":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:100] if self.path == "/cut" else body)

    def _endless(self) -> None:
        with contextlib.suppress(OSError):
            if self.path == "/slow-head":
                for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + 400 * b"x":
                    self._slowly(bytes([byte]))
                return
            self.send_response(200)
            if self.path == "/long":
                self.send_header("Content-Length", str(_LONG))
            self.end_headers()
            for _ in range(_LONG // 4096):
                if self.path == "/slow":
                    self._slowly(b"x")
                else:
                    self.wfile.write(b"x" * 4096)
                self.served.sent += 4096

    def _slowly(self, data: bytes) -> None:
        self.wfile.write(data)
        self.wfile.flush()
        time.sleep(0.02)

    def log_message(self, format: str, *args: Any) -> None:
        del format, args


@contextmanager
def serve() -> Iterator[Served]:
    """Serve ``CONTENT`` under any path; ``/gone``, ``/cut``, ``/slow``, ... do what they say."""
    served = Served()
    with serving(type("Handler", (_Handler,), {"served": served})) as served.address:
        yield served


def card(**changes: Any) -> WeightCard:
    """Return the card of the served file, with changes."""
    plain = {
        "id": "net",
        "title": "A network",
        "file": "net.onnx",
        "sha256": DIGEST,
        "license": "LicenseRef-Research",
        "homepage": "https://example.org/net",
    }
    return WeightCard.model_validate(plain | changes)
