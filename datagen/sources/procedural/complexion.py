"""Maps over the texture of the face: where skin is red, thin, oily, folded or bearded."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from datagen.core import rng as streams

from .arrays import F32, U8
from .template import LIPS, MOUTH, template

SIZE = 384

_MIRROR_BEARD = (93, 177, 215, 192, 214, 212, 57)
_MUSTACHE = (186, 92, 165, 167, 164, 393, 391, 322, 410, 291, 270, 269, 267, 0, 37, 39, 40, 61)
_GOATEE = (57, 43, 106, 182, 83, 18, 313, 406, 335, 273, 287, 434, 364, 394, 395, 369, 396)
_GOATEE_LEFT = (175, 171, 140, 170, 169, 135, 214)
_JAW = (132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361)

# Folds of every face (depth without age, with age, width in texels), and wrinkles of age.
_FOLDS: tuple[tuple[float, float, float, tuple[int, ...]], ...] = (
    (0.35, 1.0, 3.4, (129, 203, 206, 216)),
    (2.2, 0.2, 1.6, (226, 247, 30, 29, 27, 28, 56, 190)),
    (0.2, 0.9, 2.2, (233, 232, 231, 230, 229, 228)),
    (0.0, 0.45, 3.2, (57, 43, 202)),
    (0.1, 0.5, 2.4, (83, 18, 313)),
)
_WRINKLES: tuple[tuple[float, tuple[int, ...]], ...] = (
    (0.55, (130, 35, 143)),
    (0.6, (130, 226, 156)),
    (0.45, (25, 31, 111)),
    (0.4, (233, 121, 119, 118)),
    (0.4, (205, 207, 214)),
)
_FOREHEAD = ((68, 104, 69, 108, 151, 337, 299, 333, 298), (63, 105, 66, 107, 9, 336, 296, 334, 293))


@dataclass(frozen=True, slots=True)
class Maps:
    """Fields over the texture, each (SIZE, SIZE) float32.

    Attributes:
        lips, cheeks, sockets, cavity, gloss, beard, mustache, goatee: 0..1.
        fold, fold_age, wrinkle: depth, 0..1.
        mottle: low-frequency noise of unit standard deviation.
        pores: high-frequency noise of unit standard deviation.
        dots: isolated points 0..1, for freckles and stubble.
        bags: swelling under the eyes, 0..1.
        sunny: where freckles grow, 0..1.
        spots: a few larger dark spots.
    """

    lips: F32
    cheeks: F32
    sockets: F32
    cavity: F32
    gloss: F32
    beard: F32
    mustache: F32
    goatee: F32
    fold: F32
    fold_age: F32
    wrinkle: F32
    mottle: F32
    pores: F32
    dots: F32
    bags: F32
    sunny: F32
    spots: F32


def _uv() -> F32:
    return (template().uv * SIZE).astype(np.float32)


def _polygon(indices: Sequence[int], blur: float) -> F32:
    canvas: U8 = np.zeros((SIZE, SIZE), np.uint8)
    outline = np.round(_uv()[list(indices)] * 16).astype(np.int32)
    cv2.fillPoly(canvas, [outline], 255, cv2.LINE_AA, 4)
    soft = cv2.GaussianBlur(canvas.astype(np.float32) / np.float32(255.0), (0, 0), blur)
    return np.asarray(soft, np.float32)


def _mirror(image: F32) -> F32:
    return np.maximum(image, image[:, ::-1])


def _spot(indices: Sequence[int], spread: float, tall: float = 1.0) -> F32:
    """A Gaussian of ``spread`` (share of the texture) about the mean of these points."""
    x, y = _uv()[list(indices)].mean(axis=0)
    columns, rows = np.arange(SIZE, dtype=np.float32), np.arange(SIZE, dtype=np.float32)
    across = np.exp(-((columns - x) ** 2) / (2.0 * (spread * SIZE) ** 2))
    down = np.exp(-((rows - y) ** 2) / (2.0 * (spread * tall * SIZE) ** 2))
    return np.asarray(down[:, None] * across[None, :], np.float32)


def _line(points: F32, width: float, strength: float) -> F32:
    canvas: U8 = np.zeros((SIZE, SIZE), np.uint8)
    path = np.round(points * 16).astype(np.int32)
    cv2.polylines(canvas, [path], False, 255, max(1, round(width * 0.6)), cv2.LINE_AA, 4)
    soft = cv2.GaussianBlur(canvas.astype(np.float32) / np.float32(255.0), (0, 0), width * 0.6)
    return np.asarray(soft * np.float32(strength), np.float32)


def _noise(name: str, blur: float) -> F32:
    raw: F32 = streams.rng("complexion", name).standard_normal((SIZE, SIZE)).astype(np.float32)
    if blur > 0.0:
        wide = int(blur * 4)
        padded = np.pad(raw, wide, mode="wrap")
        soft = cv2.GaussianBlur(padded, (0, 0), blur)
        raw = np.asarray(soft[wide:-wide, wide:-wide], np.float32)
    return np.asarray((raw - raw.mean()) / raw.std(), np.float32)


def _folds() -> tuple[F32, F32, F32]:
    fold, aged, wrinkle = (np.zeros((SIZE, SIZE), np.float32) for _ in range(3))
    uv = _uv()
    for always, with_age, width, path in _FOLDS:
        line = _mirror(_line(uv[list(path)], width, 1.0))
        fold, aged = np.maximum(fold, line * always), np.maximum(aged, line * with_age)
    for strength, path in _WRINKLES:
        wrinkle = np.maximum(wrinkle, _mirror(_line(uv[list(path)], 2.0, strength)))
    top, low = uv[list(_FOREHEAD[0])], uv[list(_FOREHEAD[1])]
    for share in (0.06, 0.38, 0.68):
        row = top + (low - top) * share
        row[:, 1] += streams.rng("complexion", "forehead", int(share * 100)).normal(
            0.0, 1.2, len(row)
        )
        wrinkle = np.maximum(wrinkle, _line(row, 1.9, 0.9))
    frown = np.stack([uv[55] * 0.35 + uv[8] * 0.65, uv[107] * 0.5 + uv[9] * 0.5])
    return fold, aged, np.maximum(wrinkle, _mirror(_line(frown, 1.7, 0.8)))


def _beard(lips: F32) -> tuple[F32, F32, F32]:
    """Full beard, mustache and goatee, none on the lips."""
    uv_mirror = {
        a: b for a, b in zip(_MIRROR_BEARD, (323, 401, 435, 416, 434, 432, 287), strict=True)
    }
    below = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291)
    right = [uv_mirror[index] for index in reversed(_MIRROR_BEARD)]
    outline = [*_MIRROR_BEARD, *below, *right, *reversed(_JAW)]
    bare = np.clip(1.0 - 1.6 * lips, 0.0, 1.0)
    mustache = _polygon(_MUSTACHE, 3.0) * bare
    goatee = _polygon((*_GOATEE, *_GOATEE_LEFT), 4.0) * bare
    beard = np.maximum(_polygon(outline, 6.0) * bare, mustache)
    return beard, mustache, goatee


@functools.cache
def maps() -> Maps:
    """The maps, drawn once per process from fixed streams."""
    lips = np.clip(_polygon(LIPS, 1.6) * 1.08, 0.0, 1.0)
    inner = _polygon(MOUTH, 1.0)
    nostril = _mirror(_spot((79, 60, 20, 60, 75), 0.0075, 0.66))
    cheeks = _mirror(_spot((205, 50, 101), 0.075)) + 0.85 * _spot((4, 1), 0.035)
    cheeks = cheeks + 0.45 * _spot((199,), 0.06) + 0.3 * _mirror(_spot((234,), 0.06))
    sockets = _mirror(_spot((145, 230, 23), 0.05, 0.5)) + 0.7 * _mirror(_spot((133, 243), 0.022))
    oily = 0.5 + 0.55 * _spot((9, 151), 0.09) + 0.75 * _spot((4, 5), 0.04, 1.8)
    oily = oily + 0.25 * _mirror(_spot((50, 117), 0.05)) + 0.25 * _spot((199,), 0.045)
    oily = oily * (1.0 - 0.4 * lips) + 0.55 * lips
    fold, aged, wrinkle = _folds()
    beard, mustache, goatee = _beard(lips)
    dots = np.clip((_noise("dots", 1.0) - 1.3) * 1.2, 0.0, 1.0).astype(np.float32)
    mottle = 0.8 * _noise("mottle", 9.0) + 0.6 * _noise("mottle fine", 3.0)
    return Maps(
        lips=lips,
        cheeks=np.clip(cheeks, 0.0, 1.2),
        sockets=np.clip(sockets, 0.0, 1.0),
        cavity=np.clip(nostril * 1.25 + 0.35 * inner * lips, 0.0, 1.0),
        gloss=np.clip(oily, 0.0, 1.4).astype(np.float32),
        beard=beard,
        mustache=mustache,
        goatee=goatee,
        fold=fold,
        fold_age=aged,
        wrinkle=wrinkle,
        mottle=np.asarray(mottle, np.float32),
        pores=_noise("pores", 0.75),
        dots=dots,
        bags=_mirror(_spot((230, 229, 231, 119), 0.034, 0.32)),
        sunny=cv2.GaussianBlur(cheeks.astype(np.float32) + np.float32(0.3), (0, 0), 12.0),
        spots=np.clip(cv2.GaussianBlur(dots, (0, 0), 1.6) - 0.42, 0.0, 1.0) * np.float32(4.0),
    )
