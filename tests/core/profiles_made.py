"""Color profiles, made by their definitions: none may be copied here."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

__all__ = ["ADOBE_RGB", "DISPLAY_P3", "SRGB", "gray_profile", "rgb_profile"]

Primaries = tuple[tuple[float, float], ...]

ADOBE_RGB: Primaries = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
DISPLAY_P3: Primaries = ((0.68, 0.32), (0.265, 0.69), (0.15, 0.06))
SRGB: Primaries = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))

_D65, _D50 = (0.3127, 0.3290), (0.9642, 1.0, 0.8249)
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)


def _xyz(x: float, y: float) -> NDArray[np.float64]:
    return np.array([x / y, 1.0, (1 - x - y) / y])


def to_d50(primaries: Primaries) -> NDArray[np.float64]:
    """Return the matrix from linear RGB to XYZ under D50."""
    columns = np.column_stack([_xyz(*one) for one in primaries])
    white = _xyz(*_D65)
    matrix = columns * np.linalg.solve(columns, white)
    scale = (_BRADFORD @ np.array(_D50)) / (_BRADFORD @ white)
    adapted: NDArray[np.float64] = np.linalg.inv(_BRADFORD) @ np.diag(scale) @ _BRADFORD @ matrix
    return adapted


def rgb_profile(primaries: Primaries, gamma: float | None) -> bytes:
    """Return an ICC profile of three primaries; without a gamma, with the curve of sRGB."""
    matrix = to_d50(primaries)
    curve = _srgb_curve() if gamma is None else _gamma(gamma)
    tags = {f"{name}XYZ".encode(): _point(matrix[:, n]) for n, name in enumerate("rgb")}
    tags |= {f"{name}TRC".encode(): curve for name in "rgb"}
    return _profile(b"RGB ", tags)


def gray_profile(gamma: float) -> bytes:
    """Return an ICC profile for gray images."""
    return _profile(b"GRAY", {b"kTRC": _gamma(gamma)})


def _fixed(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))


def _point(values: NDArray[np.float64] | tuple[float, ...]) -> bytes:
    return b"XYZ " + bytes(4) + b"".join(_fixed(float(value)) for value in values)


def _gamma(value: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(value * 256)) + bytes(2)


def _srgb_curve() -> bytes:
    x = np.linspace(0, 1, 1024)
    y = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
    return (
        b"curv" + bytes(4) + struct.pack(">I", 1024) + (y * 65535).round().astype(">u2").tobytes()
    )


def _profile(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    text = b"made for a test\0"
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", len(text)) + text + bytes(79),
        b"cprt": b"text" + bytes(4) + text,
        b"wtpt": _point(_D50),
        **tags,
    }
    at = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        content += bytes(-len(content) % 4)
        table += name + struct.pack(">II", at + len(body), len(content))
        body += content
    head = struct.pack(">I4sI4s4s4s", at + len(body), b"test", 0x02400000, b"mntr", space, b"XYZ ")
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + _point(_D50)[8:]
    return head.ljust(128, b"\0") + table + body
