"""Blending of images."""

from __future__ import annotations

import cv2
import numpy as np

from .arrays import F32, U8


def over(below: F32, above: F32, cover: F32) -> F32:
    """``above`` over ``below``, (size, size, 3) each, by ``cover`` (size, size)."""
    return np.asarray(cv2.blendLinear(above, below, cover, 1.0 - cover), np.float32)


def grown(image: F32, covered: U8) -> F32:
    """Colors pushed outwards by a pixel or two, so that soft edges do not darken."""
    spread = cv2.dilate(image, np.ones((5, 5), np.uint8))
    cv2.copyTo(image, covered, spread)
    return np.asarray(spread, np.float32)


def softened(image: F32, kinds: U8) -> F32:
    """``image`` (size, size, 3) averaged with its neighbors where ``kinds`` changes.

    The id buffer has hard edges; this is what antialiasing would do to them.
    """
    edges = cv2.morphologyEx(kinds, cv2.MORPH_GRADIENT, np.ones((2, 2), np.uint8))
    soft = cv2.GaussianBlur(image, (3, 3), 0.8)
    cv2.copyTo(soft, edges, image)
    return image
