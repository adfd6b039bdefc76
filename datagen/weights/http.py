"""HTTP requests that end: an answer must keep up a lowest rate, from its first line to its last."""

from __future__ import annotations

import http.client
import io
import socket
import time
import urllib.error
import urllib.parse
import urllib.request
from functools import partial
from typing import Any

__all__ = ["Deadline", "open_address"]

_GRACE = 120.0  # seconds for the connection, redirects and the first bytes
_RATE = 100_000  # bytes per second, on average
_SILENCE = 60.0  # seconds without a byte


class Deadline:
    """The time by which an answer must have come, extended by every byte that came.

    Args:
        grace: Seconds until the first bytes.
        rate: Lowest average rate in bytes per second.
    """

    def __init__(self, grace: float = _GRACE, rate: float = _RATE) -> None:
        self._rate = rate
        self._end = time.monotonic() + grace

    def received(self, size: int) -> None:
        """Extend the time by that of ``size`` bytes at the lowest rate."""
        self._end += size / self._rate

    def left(self) -> float:
        """Return the seconds that a single wait may take.

        Raises:
            TimeoutError: There are none left.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"slower than {self._rate / 1000:g} kB/s on average")
        return min(left, _SILENCE)


def open_address(
    address: str, headers: dict[str, str], deadline: Deadline
) -> http.client.HTTPResponse:
    """Return the answer to a GET request, whose body is read within the deadline.

    Args:
        address: An address that begins with ``http://`` or ``https://``.
        headers: Headers of the request.
        deadline: Starts with this call.

    Raises:
        OSError: The server cannot be reached, refuses, or is too slow.
    """
    opener = urllib.request.OpenerDirector()  # without those for ftp, file and data
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _Redirects(),
        _Http(deadline),
        _Https(deadline),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    request = urllib.request.Request(address, headers=headers)  # noqa: S310  # the card's pattern
    answer = opener.open(request, timeout=deadline.left())
    assert isinstance(answer, http.client.HTTPResponse)
    return answer


class _Redirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        scheme = urllib.parse.urlsplit(newurl).scheme.lower()
        if scheme not in ("http", "https"):
            fp.close()
            raise urllib.error.URLError(
                f"it redirects to {scheme[:20]!r}, and only http and https are followed"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _Http(urllib.request.HTTPHandler):
    def __init__(self, deadline: Deadline) -> None:
        super().__init__()
        self._deadline = deadline

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        connect: Any = partial(_connected, http.client.HTTPConnection, self._deadline)
        return self.do_open(connect, req)


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, deadline: Deadline) -> None:
        super().__init__()
        self._deadline = deadline

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        connect: Any = partial(_connected, http.client.HTTPSConnection, self._deadline)
        return self.do_open(connect, req)


def _connected(
    kind: type[http.client.HTTPConnection], deadline: Deadline, host: str, **options: Any
) -> http.client.HTTPConnection:
    connection: Any = kind(host, **options)
    connection.response_class = partial(_answer, deadline)
    found: http.client.HTTPConnection = connection
    return found


def _answer(deadline: Deadline, sock: socket.socket, **options: Any) -> http.client.HTTPResponse:
    watched: Any = _Watched(sock, deadline)
    return http.client.HTTPResponse(watched, **options)


class _Watched:
    """A socket whose file waits no longer than the deadline."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock, self._deadline = sock, deadline

    def makefile(self, mode: str) -> io.BufferedReader:
        assert mode == "rb"
        return io.BufferedReader(_Raw(self._sock, self._deadline), 1 << 16)


class _Raw(io.RawIOBase):
    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        super().__init__()
        self._sock, self._deadline = sock, deadline
        self._file = sock.makefile("rb", buffering=0)  # keeps the socket open

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._deadline.left())
        size: int | None = self._file.readinto(buffer)
        self._deadline.received(size or 0)
        return size

    def close(self) -> None:
        self._file.close()
        super().close()
