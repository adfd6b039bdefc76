"""The 68 points of 300-W as points of MediaPipe's face mesh."""

from __future__ import annotations

import numpy as np

from .arrays import F32

# 300-W (Sagonas et al., ICCV-W 2013) by MediaPipe index, in 300-W order.
MESH_TO_68: tuple[int, ...] = (
    *(127, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 356),
    *(70, 63, 105, 66, 107, 336, 296, 334, 293, 300),
    *(168, 197, 5, 4, 75, 97, 2, 326, 305),
    *(33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380),
    *(61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181),
    *(78, 82, 13, 312, 308, 317, 14, 87),
)


def sixty_eight(mesh: F32) -> F32:
    """The 68 points (68, 2) of a mesh (478, 3), both in pixels."""
    return np.ascontiguousarray(mesh[list(MESH_TO_68), :2], dtype=np.float32)
