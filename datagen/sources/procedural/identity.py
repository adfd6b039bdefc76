"""The parameters of a person: shape and skin, drawn at random and never fitted."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from datagen.core import rng as streams

from .arrays import F64
from .fields import Field, combine, stack
from .template import template

_EYE = (33, 133, 159, 145)
_MOUTH = (61, 291, 13, 14)

SHAPE: tuple[Field, ...] = (
    Field("face_width", (168,), 0.0, (0.035, 0.0, 0.0), "scale", 0.25),
    Field("face_length", (168,), 0.0, (0.0, 0.035, 0.0), "scale", 0.35),
    Field("face_depth", (168,), 0.0, (0.0, 0.0, 0.035), "scale", 0.1),
    Field("forehead_height", (10, 109, 67), 2.6, (0.0, 0.38, -0.05), male=0.1),
    Field("forehead_slope", (10, 109, 67), 2.6, (0.0, 0.0, -0.35), male=0.45),
    Field("temple_width", (21, 162, 71), 2.2, (0.24, 0.0, 0.0)),
    Field("brow_ridge", (105, 66, 107), 1.2, (0.0, -0.05, 0.17), male=1.15),
    Field("brow_height", (105, 66, 63, 52, 107, 70), 1.0, (0.0, 0.19, 0.0), male=-1.15),
    Field("brow_tilt", (105, 52), 2.0, (0.055, 0.0, 0.0), "turn", -0.2),
    Field("cheekbone_width", (116, 123, 227), 1.9, (0.25, 0.0, 0.05)),
    Field("cheekbone_height", (50, 101, 117), 1.5, (0.05, 0.15, 0.22), male=-0.1),
    Field("cheek_fullness", (207, 187, 192, 205), 1.9, (0.26, 0.0, 0.16), male=-0.45),
    Field("jaw_width", (58, 172, 136, 138), 2.0, (0.42, 0.0, 0.0), male=0.45),
    Field("jaw_drop", (58, 172, 136), 1.9, (0.05, -0.36, 0.0), male=0.5),
    Field("chin_length", (152, 175, 148), 1.9, (0.0, -0.4, 0.0), male=0.3),
    Field("chin_width", (149, 150, 140, 170), 1.5, (0.34, 0.0, 0.0), male=0.75),
    Field("chin_forward", (199, 175, 152), 1.6, (0.0, 0.0, 0.34), male=0.25),
    Field("eye_distance", _EYE, 1.3, (0.15, 0.0, 0.0)),
    Field("eye_width", _EYE, 1.2, (0.075, 0.0, 0.0), "scale", -0.35),
    Field("eye_opening", _EYE, 0.8, (0.0, 0.15, 0.0), "scale", -0.55),
    Field("eye_tilt", _EYE, 1.2, (0.06, 0.0, 0.0), "turn", -0.4),
    Field("eye_depth", _EYE, 1.2, (0.0, 0.0, -0.16), male=0.5),
    Field("nose_length", (1, 2, 4, 19, 98), 1.3, (0.0, -0.26, 0.03), male=0.25),
    Field("nose_width", (48, 64, 129, 98), 0.8, (0.19, 0.0, 0.0), male=0.55),
    Field("bridge_width", (196, 122, 198), 0.8, (0.1, 0.0, 0.0), male=0.4),
    Field("bridge_height", (6, 197, 195), 0.85, (0.0, 0.0, 0.22), male=0.4),
    Field("nose_forward", (1, 4), 1.1, (0.0, 0.0, 0.28), male=0.35),
    Field("nose_upturn", (1, 4, 19), 0.75, (0.0, 0.16, 0.05), male=-0.4),
    Field("mouth_width", _MOUTH, 2.0, (0.095, 0.0, 0.0), "scale", 0.15),
    Field("mouth_height", (61, 13, 14, 17), 1.4, (0.0, 0.15, 0.0)),
    Field("upper_lip", (0, 37, 39), 0.55, (0.0, 0.085, 0.05), male=-0.55),
    Field("lower_lip", (17, 84, 181), 0.6, (0.0, -0.1, 0.045), male=-0.6),
    Field("lips_forward", (0, 13, 14, 17), 1.1, (0.0, 0.0, 0.17), male=-0.2),
    Field("philtrum", (164, 167), 0.7, (0.0, -0.04, 0.12), male=0.1),
    Field("asymmetry_jaw", (152, 175, 148), 3.0, (0.0, 0.0, 0.0)),
    Field("asymmetry_eyes", _EYE, 1.6, (0.0, 0.0, 0.0)),
)

# Correlated parameters: broad faces are broad everywhere, and so on (share of each parameter).
_TOGETHER: dict[str, dict[str, float]] = {
    "broad": {
        "face_width": 0.6,
        "temple_width": 0.5,
        "cheekbone_width": 0.6,
        "jaw_width": 0.6,
        "chin_width": 0.5,
        "mouth_width": 0.4,
        "nose_width": 0.4,
        "chin_length": -0.3,
    },
    "long": {"face_length": 0.5, "nose_length": 0.4, "forehead_height": 0.3, "philtrum": 0.3},
    "lips": {"upper_lip": 0.75, "lower_lip": 0.75, "lips_forward": 0.4},
    "nose": {"bridge_height": 0.5, "nose_forward": 0.5, "nose_upturn": -0.3},
    "brow": {"brow_ridge": 0.5, "eye_depth": 0.5, "brow_height": -0.4},
}
_SPREAD = 0.6

# Name, mean of both sexes, male shift, standard deviation: shape outside the face mesh.
_OUTSIDE: tuple[tuple[str, float, float, float], ...] = (
    ("skull_length", 0.0, 0.2, 1.0),
    ("skull_height", 0.0, 0.1, 1.0),
    ("ear_size", 0.0, 0.4, 1.0),
    ("ear_angle", 0.0, 0.1, 1.0),
    ("neck_width", 0.0, 1.3, 0.6),
    ("shoulder_width", 0.0, 1.3, 0.6),
)

# Melanin index at the middle of each step of the Monk scale (1 is lightest), matched by eye.
_MELANIN = (0.04, 0.085, 0.14, 0.22, 0.34, 0.50, 0.72, 1.02, 1.42, 1.95, 2.3)

_AGE = (20, 75)


@dataclass(frozen=True, slots=True)
class Identity:
    """One person of the source.

    Attributes:
        sex: ``female`` or ``male``.
        age: whole years, 20 to 75.
        monk: Monk skin tone, 1 (lightest) to 10.
        values: identity parameters by name; shape in standard deviations from the average,
            skin, eyes and hair in the units of the module that uses them.
        hair: name of the hair style.
        beard: name of the beard style, often ``none``.
        glasses: whether the person owns glasses.
    """

    sex: str
    age: int
    monk: int
    values: dict[str, float]
    hair: str
    beard: str
    glasses: bool


@functools.cache
def _basis() -> F64:
    basis = stack(SHAPE)
    names = [field.name for field in SHAPE]
    points = template().position
    low = np.exp(-((points[:, 1] + 8.0) ** 2) / 30.0)
    basis[names.index("asymmetry_jaw"), :, 0] = 0.05 * low
    side = np.tanh(points[:, 0] / 2.0)
    high = np.exp(-((points[:, 1] - 3.2) ** 2) / 6.0)
    basis[names.index("asymmetry_eyes"), :, 1] = 0.025 * high * side
    return basis


def face_shape(identity: Identity) -> F64:
    """Control points of the expressionless face: (468, 3) in cm."""
    amounts = [identity.values[field.name] for field in SHAPE]
    shape = template().position + _average() + combine(_basis(), amounts)
    return np.asarray(shape + identity.values["sag"] * _sag(), np.float64)


@functools.cache
def _average() -> F64:
    """Displacement from the canonical face to average human measurements (L. G. Farkas, 1994).

    The canonical face has narrow eyes (2.6 cm; the human average is about 3), is wide (15.4 cm at
    the ears and 13.4 cm at the corners of the jaw; the averages are about 14 and 10.5) and long
    from the eyes to the chin (12.4 cm; the average is about 11.6).
    """
    points = template().position
    fields = (
        Field("", _EYE, 1.15, (0.13, 0.40, 0.0), "scale"),
        Field("", _EYE, 1.3, (-0.15, 0.0, 0.0)),
        Field("", (58, 172, 136), 2.1, (-0.62, 0.0, 0.0)),
        Field("", (116, 123, 227), 1.7, (0.4, 0.0, 0.0)),
        Field("", (207, 187, 192), 1.6, (0.14, 0.0, 0.06)),
        Field("", (48, 64, 129, 98), 0.8, (-0.24, 0.0, 0.0)),
        Field("", (1, 4), 1.1, (0.0, 0.0, -0.16)),
        Field("", (105, 66, 63, 52, 107, 70), 1.0, (0.0, -0.1, 0.0)),
        Field("", (105, 52), 2.0, (0.02, 0.0, 0.0), "turn"),
        Field("", _MOUTH, 2.0, (0.05, 0.0, 0.0), "scale"),
        Field("", (61, 57), 0.8, (0.0, 0.07, 0.0)),
    )
    x, y = points[:, 0], points[:, 1]
    narrower = -0.075 * x * np.clip((np.abs(x) - 3.0) / 4.5, 0.0, 1.0)
    shorter = 0.065 * np.maximum(points[168, 1] - y, 0.0)
    moved = np.stack([narrower, shorter, 0.0 * x], axis=1)
    return np.asarray(combine(stack(fields), [1.0] * len(fields)) + moved, np.float64)


@functools.cache
def _sag() -> F64:
    """Effect of age on soft tissue: jowls, corners of the mouth, upper lids, nose."""
    fields = (
        Field("", (210, 169, 214), 1.3, (0.16, -0.28, 0.0)),
        Field("", (61, 57), 0.9, (0.0, -0.08, 0.0)),
        Field("", (1, 4), 1.0, (0.0, -0.14, 0.05)),
        Field("", (30, 29, 247), 0.7, (0.0, -0.08, 0.0)),
        Field("", (0, 37, 17), 0.6, (0.0, 0.0, -0.1)),
    )
    return combine(stack(fields), [1.0] * len(fields))


def describe(seed: int, person: int) -> tuple[str, int, int]:
    """Sex, age and Monk skin tone of a person."""
    rng = streams.rng(seed, person, "about")
    sex = "male" if rng.random() < 0.5 else "female"
    age = int(rng.integers(_AGE[0], _AGE[1] + 1))
    return sex, age, int(rng.integers(1, 11))


def _shape_values(seed: int, person: int, sex: str) -> dict[str, float]:
    rng = streams.rng(seed, person, "shape")
    male = 1.0 if sex == "male" else -1.0
    values: dict[str, float] = {}
    for field in SHAPE:
        values[field.name] = float(np.clip(rng.normal(), -2.0, 2.0))
    common = {name: float(np.clip(rng.normal(), -2.0, 2.0)) for name in sorted(_TOGETHER)}
    for name, parts in _TOGETHER.items():
        for part, share in parts.items():
            own = values[part] * float(np.sqrt(1.0 - share**2))
            values[part] = own + share * common[name]
    for field in SHAPE:
        values[field.name] = _SPREAD * values[field.name] + male * field.male
    for name, mean, shift, deviation in _OUTSIDE:
        values[name] = mean + male * shift + deviation * float(np.clip(rng.normal(), -2.0, 2.0))
    return values


def _skin_values(seed: int, person: int, sex: str, age: int, monk: int) -> dict[str, float]:
    rng = streams.rng(seed, person, "skin")
    years = (age - _AGE[0]) / (_AGE[1] - _AGE[0])
    low, high = _MELANIN[monk - 1], _MELANIN[monk]
    fair = max(0.0, 1.0 - monk / 6.0)
    smooth = 1.0 if sex == "male" else 0.8
    return {
        "melanin": low + (high - low) * float(rng.random()),
        "hemoglobin": 0.45 + 0.5 * float(rng.random()),
        "redness": float(rng.random()),
        "freckles": fair * float(rng.random()) ** 2 * 1.4,
        "spots": float(rng.random()) * (0.25 + 0.75 * years),
        "pores": smooth * (0.45 + 0.75 * float(rng.random())),
        "oil": 0.2 + 0.55 * float(rng.random()),
        "wrinkles": smooth * float(np.clip(years * 1.1 + 0.16 * rng.normal(), 0.0, 1.2)),
        "sag": smooth * float(np.clip(years * 1.1 - 0.25 + 0.15 * rng.normal(), 0.0, 1.0)),
        "eye_bags": smooth * float(np.clip(0.1 + 0.65 * years + 0.2 * rng.normal(), 0.0, 1.1)),
        "lip_color": float(rng.random()) * 0.5 + (0.0 if sex == "male" else 0.45),
    }


def _color_values(seed: int, person: int, sex: str, age: int, monk: int) -> dict[str, float]:
    """Eyes and hair: darker skin correlates with darker eyes and hair, and age with gray hair."""
    rng = streams.rng(seed, person, "colour")
    dark = float(np.clip((monk - 1) / 5.0, 0.0, 1.0))
    brown = max(float(rng.random()), dark * (0.65 + 0.35 * float(rng.random())))
    black = max(float(rng.random()) ** 0.8, dark * 0.9)
    gray = float(np.clip((age - 44) / 36.0 + 0.22 * rng.normal(), 0.0, 1.0))
    return {
        "iris_brown": brown,
        "iris_green": float(rng.random()),
        "iris_size": 0.95 + 0.1 * float(rng.random()),
        "hair_black": black,
        "hair_red": float(rng.random()) ** 3,
        "hair_gray": gray,
        "hair_volume": float(rng.random()),
        "parting": float(rng.uniform(-1.0, 1.0)),
        "hairline": float(rng.normal()) + (0.7 if sex == "male" else 0.1),
        "brow_thickness": float(rng.normal()) * 0.7 + (0.7 if sex == "male" else -0.8),
        "brow_density": 0.55 + 0.45 * float(rng.random()),
    }


# Hair styles with their weights for women and men.
HAIR_STYLES: tuple[tuple[str, float, float], ...] = (
    ("bald", 0.005, 0.09),
    ("cropped", 0.02, 0.22),
    ("short", 0.06, 0.21),
    ("swept", 0.04, 0.18),
    ("fade", 0.01, 0.14),
    ("fringe", 0.05, 0.10),
    ("medium", 0.22, 0.04),
    ("bangs", 0.14, 0.01),
    ("long", 0.26, 0.02),
    ("curly", 0.11, 0.07),
    ("afro", 0.05, 0.04),
    ("tied", 0.08, 0.02),
)

BEARDS: tuple[tuple[str, float], ...] = (
    ("none", 0.40),
    ("stubble", 0.28),
    ("full", 0.18),
    ("goatee", 0.08),
    ("mustache", 0.06),
)


def _choice(rng: np.random.Generator, names: list[str], weights: list[float]) -> str:
    edges = np.cumsum(weights)
    return names[int(np.searchsorted(edges, float(rng.random()) * edges[-1], side="right"))]


def draw(seed: int, person: int) -> Identity:
    """The person with this number; each group of parameters has its own random stream."""
    sex, age, monk = describe(seed, person)
    rng = streams.rng(seed, person, "style")
    column = 2 if sex == "male" else 1
    hair = _choice(rng, [row[0] for row in HAIR_STYLES], [float(r[column]) for r in HAIR_STYLES])
    beard = _choice(rng, [row[0] for row in BEARDS], [row[1] for row in BEARDS])
    glasses = bool(rng.random() < 0.16)
    values = _shape_values(seed, person, sex)
    values |= _skin_values(seed, person, sex, age, monk)
    values |= _color_values(seed, person, sex, age, monk)
    values["beard_density"] = float(rng.random()) if sex == "male" else 0.0
    return Identity(sex, age, monk, values, hair, beard if sex == "male" else "none", glasses)
