"""Shading of skin."""

from __future__ import annotations

import numpy as np

from .arrays import F32
from .light import Light

# Linear RGB of skin without pigment, and absorption per unit of pigment: melanin rises
# steeply toward blue, blood absorbs green and blue (after S. L. Jacques, Phys. Med. Biol.
# 58, R37, 2013), reduced to three wavelengths and a thin layer.
_BARE = np.array([0.80, 0.66, 0.54], np.float32)
_MELANIN = np.array([0.98, 1.27, 1.56], np.float32)
_BLOOD = np.array([0.07, 0.41, 0.40], np.float32)
# Red light scatters farther in skin than blue light: the terminator is softer and reddish.
_WRAP = np.array([0.24, 0.11, 0.07], np.float32)


def albedo(melanin: F32, blood: F32) -> F32:
    """Diffuse reflectance (3, n) linear RGB of pigment amounts (n,)."""
    out = np.empty((3, len(melanin)), np.float32)
    for channel in range(3):
        density = _MELANIN[channel] * melanin + _BLOOD[channel] * blood
        out[channel] = _BARE[channel] * np.exp(-density)
    return out


def lit(normal: F32, light: Light, shade: F32, open_sky: F32) -> F32:
    """Light that reaches the surface (3, n), per unit of reflectance.

    Args:
        normal: (3, n) unit normals, camera axes.
        light: the light.
        shade: (n,) share of the key light that arrives.
        open_sky: (n,) visible share of the sky.
    """
    key = np.tensordot(light.key, normal, 1)
    fill = np.maximum(np.tensordot(light.fill, normal, 1) * 0.7 + 0.3, 0.0) * open_sky
    up = normal[1] * 0.5 + 0.5
    out = np.empty((3, len(key)), np.float32)
    for channel in range(3):
        wrap = _WRAP[channel]
        direct = np.maximum((key + wrap) * (1.0 / (1.0 + wrap)), 0.0)
        bleed = shade + (wrap * 0.55) * shade * (1.0 - shade)
        sky, ground = light.sky_color[channel], light.ground_color[channel]
        ambient = (ground + (sky - ground) * up) * open_sky
        lift = 1.0 + (wrap * 0.9) * (1.0 - open_sky)
        out[channel] = (
            light.key_color[channel] * direct * bleed
            + light.fill_color[channel] * fill
            + ambient * lift
        )
    return out


def glint(normal: F32, view: F32, light: Light, shade: F32, gloss: F32) -> F32:
    """Specular light (3, n): a broad and a narrow Blinn-Phong lobe with a Fresnel term.

    Args:
        normal: (3, n) unit normals.
        view: (3, n) unit directions to the camera.
        light: the light.
        shade: (n,) share of the key that arrives.
        gloss: (n,) strength, about 0 to 1.
    """
    half = view + light.key[:, None]
    half /= np.sqrt((half * half).sum(axis=0))
    cosine = np.maximum((half * normal).sum(axis=0), 0.0)
    facing = np.maximum((view * normal).sum(axis=0), 0.0)
    edge = (1.0 - facing) ** 2
    edge = 0.6 + 2.2 * edge * edge * (1.0 - facing)
    c4 = cosine * cosine
    c4 *= c4
    c8 = c4 * c4
    broad = c8 * c4
    narrow = c8 * c8
    narrow *= narrow * c8
    strength = (0.066 * broad + 0.34 * narrow * gloss) * gloss * edge * shade
    sheen = 0.05 * gloss * edge * (normal[1] * 0.5 + 0.5)
    out = np.empty_like(normal)
    for channel in range(3):
        out[channel] = light.key_color[channel] * strength + light.sky_color[channel] * sheen
    return out
