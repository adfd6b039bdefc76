"""A photograph of a display."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from datagen.core.arrays import Image
from datagen.core.fields import Range
from datagen.core.schema import Frozen
from datagen.degradations.base import Degradation, Homography, Shape
from datagen.degradations.ops.display import draw_reflection, sample_grid, sensor_noise, to_display
from datagen.degradations.ops.draws import between, check_ranges, plain
from datagen.degradations.ops.geometry import keystone

__all__ = ["Screen", "ScreenOptions", "ScreenParams"]

_BOUNDS = {
    "tilt": (0, 0.15),
    "pitch": (0.5, 3),
    "turn": (0, 10),
    "aperture": (0.3, 1.5),
    "grid": (0, 1),
    "glare": (0, 0.9),
    "haze": (0, 0.4),
    "gamma": (0.6, 1.6),
    "white": (0, 0.3),
    "blur": (0, 0.02),
    "noise": (0, 30),
}
_RISING = ("tilt", "aperture", "grid", "glare", "haze", "white", "blur", "noise")
_WINDOW = ((0, 1), (0, 1), (0.25, 0.6), (0.25, 0.6), (-15, 15))


class ScreenOptions(Frozen):
    """Options of ``screen``.

    Attributes:
        tilt: Perspective: maximum motion of a corner, as a share of the side, 0 to 0.15.
        pitch: Pixels of the photograph per pixel of the display, 0.5 to 3.
        turn: Maximum angle between the rows of camera and display in degrees, 0 to 10.
        aperture: Width of a sensor pixel including the optics, in pixels of the photograph, 0.3 to
            1.5; narrower causes more moire.
        grid: Contrast of the display's pixel grid, from 0 for none to 1 for full stripes between
            black lines.
        glare: Brightness of a window reflected in the display, as a share of white, 0 to 0.9.
        haze: Diffuse reflection of the display, as a share of white, 0 to 0.4.
        gamma: Exponent of the tone curve, 0.6 to 1.6.
        white: Maximum loss of red and blue, as a share, 0 to 0.3.
        blur: Standard deviation of the defocus, as a share of the short side, 0 to 0.02.
        noise: Standard deviation of the sensor noise in 8-bit intensity levels, 0 to 30.
    """

    tilt: Range = (0.0, 0.08)
    pitch: Range = (0.6, 2.4)
    turn: Range = (0.0, 5.0)
    aperture: Range = (0.5, 1.0)
    grid: Range = (0.1, 0.7)
    glare: Range = (0.0, 0.4)
    haze: Range = (0.0, 0.12)
    gamma: Range = (0.85, 1.2)
    white: Range = (0.0, 0.12)
    blur: Range = (0.0, 0.003)
    noise: Range = (1.0, 6.0)

    @model_validator(mode="after")
    def _sane(self) -> ScreenOptions:
        check_ranges(self, _BOUNDS)
        return self


class ScreenParams(Frozen):
    """What was drawn for one pair.

    Attributes:
        corners: Outward motion of each corner in x and y, as shares of the sides, clockwise from
            the upper left.
        pitch, aperture, grid, glare, haze, gamma, blur, noise: As in the options.
        turn: Angle between the rows of camera and display in degrees.
        phase: Start of the grid, in pixels of the display.
        white: Factors on red, green and blue.
        window: Center (x, y), width and height of the reflected window as shares of the sides, and
            its angle in degrees.
        seed: Seed of the noise.
    """

    corners: tuple[
        tuple[float, float], tuple[float, float], tuple[float, float], tuple[float, float]
    ]
    pitch: float
    turn: float
    phase: tuple[float, float]
    aperture: float
    grid: float
    glare: float
    haze: float
    gamma: float
    white: tuple[float, float, float]
    blur: float
    noise: float
    window: tuple[float, float, float, float, float]
    seed: int


class _Setting(NamedTuple):
    """Everything that does not depend on the image, computed once per pair."""

    matrix: Homography
    tones: NDArray[np.uint8]
    gain: NDArray[np.float32]
    light: NDArray[np.float32]
    sigma: float


class Screen(Degradation):
    """Photograph a display: pixel grid, moire, a reflected window, haze and noise.

    Moire is not painted: it results from sampling the display's grid of red, green and blue
    stripes, averaged over a sensor pixel, at the pixels of the tilted camera.
    """

    name = "screen"
    options = ScreenOptions
    params = ScreenParams
    levels = tuple(
        {"pitch": [0.8, 2.2], **dict(zip(_RISING, row, strict=True))}
        for row in (
            (0.01, 1.0, 0.1, 0.0, 0.01, 0.03, 0.0005, 1.5),
            (0.03, 0.95, 0.2, 0.1, 0.03, 0.05, 0.001, 2.5),
            (0.05, 0.9, 0.35, 0.2, 0.06, 0.08, 0.0015, 4.0),
            (0.08, 0.85, 0.5, 0.3, 0.1, 0.12, 0.0025, 6.0),
            (0.12, 0.8, 0.7, 0.4, 0.16, 0.18, 0.004, 9.0),
        )
    )
    moves = True
    tints = True
    grain = ("seed",)
    config: ScreenOptions

    def sample(self, rng: np.random.Generator, shape: Shape) -> ScreenParams:
        """Draw display, camera and room."""
        drawn = {name: between(rng.random(), getattr(self.config, name)) for name in _BOUNDS}
        corners = rng.random((4, 2)) * drawn.pop("tilt")
        weak, phase, place = rng.random(2) * drawn["white"], rng.random(2), rng.random(5)
        return ScreenParams.model_validate(
            {
                **drawn,
                "corners": tuple((plain(x), plain(y)) for x, y in corners),
                "turn": plain(drawn["turn"] * (2 * rng.random() - 1)),
                "phase": (plain(phase[0]), plain(phase[1])),
                "white": tuple(
                    plain(1 - drawn["white"] * share) for share in (weak[0], 0, weak[1])
                ),
                "window": tuple(between(u, span) for u, span in zip(place, _WINDOW, strict=True)),
                "seed": int(rng.integers(2**32)),
            }
        )

    def apply(self, image: Image, params: ScreenParams) -> Image:
        """Show the image and photograph the display."""
        return self.apply_all([image], params)[0]

    def apply_all(self, images: Sequence[Image], params: ScreenParams) -> list[Image]:
        """Photograph all images with the same grid, reflection and noise field."""
        height, width = images[0].shape[:2]
        setting = _setting(params, (height, width))
        return [_photograph(image, setting) for image in images]

    def homography(self, params: ScreenParams, shape: Shape) -> Homography:
        """Return the perspective; the image fills the frame."""
        return keystone(shape, params.corners)


def _setting(params: ScreenParams, shape: Shape) -> _Setting:
    ramp = np.linspace(0, 1, 256)[:, None] ** params.gamma * np.array(params.white) * 255
    matrix = keystone(shape, params.corners)
    display = to_display(matrix, params.pitch, params.turn, params.phase)
    gain = sample_grid(shape, display, params.aperture / params.pitch, params.grid)
    mirrored = draw_reflection(shape, params.window, params.glare) + np.float32(params.haze)
    # Light adds up on the sensor, which is close to a screen blend of gamma-encoded values.
    mirrored = np.asarray(cv2.merge([mirrored] * 3), np.float32)
    light = sensor_noise(shape, params.noise, params.seed)
    cv2.scaleAdd(mirrored, 255, light, dst=light)
    cv2.subtract(gain, cv2.multiply(gain, mirrored), dst=gain)
    tones = np.rint(ramp).astype(np.uint8)[None]
    return _Setting(matrix, tones, gain, light, params.blur * min(shape))


def _photograph(image: Image, setting: _Setting) -> Image:
    size = (
        image.shape[1],
        image.shape[0],
    )  # linear interpolation: the camera's lens is softer than that
    seen = cv2.warpPerspective(image, setting.matrix, size, borderMode=cv2.BORDER_REPLICATE)
    if setting.sigma > 0.2:
        reach = 2 * int(np.ceil(1.5 * setting.sigma)) + 1
        seen = cv2.GaussianBlur(seen, (reach, reach), setting.sigma)
    shown = cv2.LUT(seen, setting.tones)
    lit = cv2.multiply(shown, setting.gain, dtype=cv2.CV_32F)
    return np.asarray(cv2.add(lit, setting.light, dtype=cv2.CV_8U), np.uint8)
