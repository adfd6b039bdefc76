"""White balance from black-body colors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["LUMA", "balance"]

_GAMMA = 2.2
_DAYLIGHT = 1e6 / 6504
LUMA = np.array([0.299, 0.587, 0.114])
_TO_SRGB = np.array(
    [[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]]
)


def balance(temperature: float, tint: float) -> NDArray[np.uint8]:
    """Return a table of each channel's values under another light, ``(1, 256, 3)``.

    The luma of grays is preserved.

    Args:
        temperature: Shift of the color temperature in mired, above daylight.
        tint: Reduction of green as a power of two.
    """
    gains = _light(_DAYLIGHT + temperature) / _light(_DAYLIGHT)
    gains[1] *= 2.0**-tint
    gains /= LUMA @ gains
    table = np.arange(256)[:, None] * gains ** (1 / _GAMMA)
    return np.rint(np.minimum(table, 255)).astype(np.uint8)[None]


def _light(mired: float) -> NDArray[np.float64]:
    """Return the color of a black body in linear sRGB (Kang et al., J. Korean Phys. Soc. 2002)."""
    k = mired / 1000
    if mired > 250:
        x = ((-0.2661239 * k - 0.2343589) * k + 0.8776956) * k + 0.179910
    else:
        x = ((-3.0258469 * k + 2.1070379) * k + 0.2226347) * k + 0.240390
    if mired > 1e6 / 2222:
        y = ((-1.1063814 * x - 1.34811020) * x + 2.18555832) * x - 0.20219683
    elif mired > 250:
        y = ((-0.9549476 * x - 1.37418593) * x + 2.09137015) * x - 0.16748867
    else:
        y = ((3.0817580 * x - 5.87338670) * x + 3.75112997) * x - 0.37001483
    light = _TO_SRGB @ np.array([x / y, 1.0, (1 - x - y) / y])
    return np.asarray(np.maximum(light, 0.01))
