"""Sampling a table at scattered positions."""

from __future__ import annotations

import cv2
import numpy as np

from .arrays import F32

_ROW = 1024


def sample(table: F32, x: F32, y: F32, border: int = cv2.BORDER_REPLICATE) -> F32:
    """Bilinear values of ``table`` (h, w) or (h, w, c) at ``x``, ``y`` (n,): (n,) or (n, c).

    OpenCV's remap is limited to 32768 columns, so the list is folded into rows.
    """
    count = len(x)
    rows = -(-count // _ROW)
    at = np.zeros((2, rows * _ROW), np.float32)
    at[0, :count], at[1, :count] = x, y
    folded = at.reshape(2, rows, _ROW)
    out = cv2.remap(table, folded[0], folded[1], cv2.INTER_LINEAR, borderMode=border)
    return np.asarray(out.reshape(rows * _ROW, *table.shape[2:])[:count], np.float32)
