"""Where the manifest has the value that was drawn from a range of a recipe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, NamedTuple, TypeAlias, Union, get_args, get_origin

from datagen.core.schema import Frozen

__all__ = ["Drawn", "Options", "Span", "severity_span", "spans_of"]

Drawn: TypeAlias = Callable[[Mapping[str, Any]], float | None]
"""From the params of one pair to the value; ``None``: this pair drew none."""


@dataclass(frozen=True, slots=True)
class Span:
    """A range of one entry of a recipe.

    Attributes:
        name: For a person, and one word.
        low, high: As they are now, defaults included.
        whole: Whether it holds whole numbers, both ends included.
        low_key, high_key: Options that set the ends; the same one for ``[low, high]``; ``None``
            for an end that no option sets.
        drawn: Where the value is.
    """

    name: str
    low: float
    high: float
    whole: bool
    low_key: str | None
    high_key: str | None
    drawn: Drawn

    def keys(self, low: float, high: float) -> dict[str, Any]:
        """Return what an entry of a recipe says to have these ends."""
        if self.low_key == self.high_key:
            return {str(self.low_key): [low, high]}
        ends = ((self.low_key, low), (self.high_key, high))
        return {key: value for key, value in ends if key is not None}


class Options(NamedTuple):
    """The options of one entry.

    Attributes:
        spans: Ranges whose drawn values are in the manifest.
        untold: Ranges whose are not, as one number.
        others: Choices and single numbers.
    """

    spans: list[Span]
    untold: list[str]
    others: list[str]


def spans_of(use: str, params: type[Frozen], config: Frozen) -> Options:
    """Sort the options of a method or of a kind of degradation.

    An option ``[low, high]`` belongs to the param of its own name unless a table says otherwise.
    A range with equal ends, or with none, is not there.

    Args:
        use: Its name.
        params: Model of what it draws.
        config: Its options, checked.
    """
    by_ends = [_by_ends(ends, config) for ends in _ENDS.get(use, ())]
    found = Options([span for span in by_ends if span.low < span.high], [], [])
    taken = {key for span in by_ends for key in (span.low_key, span.high_key)}
    for name, field in type(config).model_fields.items():
        if name in taken:
            continue
        number = _pair_of(field.annotation)
        value = getattr(config, name)
        if number is None:
            found.others.append(name)
        elif value is None or value[0] == value[1]:
            continue
        elif (drawn := _drawn(use, name, params)) is None:
            found.untold.append(name)
        else:
            whole = number is int
            found.spans.append(Span(name, value[0], value[1], whole, name, name, drawn))
    return found


def severity_span(low: int, high: int) -> Span:
    """Return the range of severities; its values are those of the manifest's own column."""
    return Span("severity", low, high, True, "severity", "severity", _at("severity"))


def _pair_of(annotation: Any) -> type | None:
    """Return ``int`` or ``float`` where an annotation is a pair of such."""
    parts = get_args(annotation)
    if get_origin(annotation) is tuple:
        if len(parts) != 2 or parts[1] is Ellipsis:
            return None
        kinds = {_bare(part) for part in parts}
        return kinds.pop() if kinds in ({int}, {float}) else None
    return next((pair for part in parts if (pair := _pair_of(part)) is not None), None)


def _bare(annotation: Any) -> Any:
    while hasattr(annotation, "__metadata__"):
        annotation = get_args(annotation)[0]
    return annotation


def _at(
    *path: str | int, unless: float | None = None, where: tuple[str, Any] | None = None
) -> Drawn:
    """Take the number at a path.

    Args:
        *path: Names and numbers of places.
        unless: The value of a pair for which nothing was drawn.
        where: A param and what it must be for the value to have been drawn.
    """

    def value(params: Mapping[str, Any]) -> float | None:
        if where is not None and params.get(where[0]) != where[1]:
            return None
        found: Any = params
        for part in path:
            found = found[part]
        return None if found == unless else float(found)

    return value


def _sharpened(params: Mapping[str, Any]) -> float | None:
    amount = float(params["alteration"]["sharpness"])
    return amount if amount > 0 else None


def _reduced(params: Mapping[str, Any]) -> float | None:
    amount = float(params["alteration"]["sharpness"])
    return 1 - amount if amount < 0 else None


def _turned(params: Mapping[str, Any]) -> float:
    return abs(float(params["degrees"]))


def _counted(name: str) -> Drawn:
    return lambda params: float(len(params[name]))


def _mean_quality(params: Mapping[str, Any]) -> float:
    passes = params.get("passes")
    found = [one["quality"] for one in passes] if passes is not None else params["quality"]
    return float(sum(found) / len(found))


def _things(name: str) -> Drawn:
    # Blocks per 256 pixels have a size of 0 and a number that comes from another option.
    return lambda params: float(params[name]) if params["size"] else None


_DRAWN: dict[str, dict[str, Drawn | None]] = {
    "self_blend": {
        "shift_x": _at("shift", 0),
        "shift_y": _at("shift", 1),
        "hue": _at("alteration", "hue", unless=0.0),
        "saturation": _at("alteration", "saturation", unless=1.0),
        "value": _at("alteration", "value", unless=1.0),
        "brightness": _at("alteration", "brightness", unless=0.0),
        "contrast": _at("alteration", "contrast", unless=1.0),
        "sharpen": _sharpened,
        "reduce": _reduced,
    },
    "blur": {"width": _at("width", where=("kernel", None))},
    "color": {"posterise": _at("bits")},
    "jpeg": {"quality": _mean_quality, "passes": _counted("passes")},
    "noise": {
        "variance": _at("variance", where=("kind", "gaussian")),
        "shot": _at("shot", where=("kind", "sensor")),
        "read": _at("read", where=("kind", "sensor")),
        "luma": _at("luma", where=("kind", "iso")),
        "chroma": _at("chroma", where=("kind", "iso")),
        "grain": _at("grain", where=("kind", "iso")),
    },
    "occlude": {"count": _things("count"), "size": _things("size")},
    "print_scan": {"turn": None},  # a product of two draws, as the next
    "rotate": {"degrees": _turned},
    "screen": {"turn": None},
    "webp": {"quality": _mean_quality, "passes": _counted("quality")},
}
"""Options whose value is not the number of their own name; ``None``: it is nowhere."""


class _Ends(NamedTuple):
    """A range that two options set, or one option and a number of the code."""

    param: str
    low: str | float
    high: str | float


_ENDS: dict[str, tuple[_Ends, ...]] = {
    "cross_blend": (
        _Ends("bend", 0.01, "bend"),
        _Ends("blur", 0.01, "blur"),
        _Ends("color", "color", 1.0),
    ),
    "morph": (_Ends("factor", "least", "most"),),
}


def _drawn(use: str, name: str, params: type[Frozen]) -> Drawn | None:
    known = _DRAWN.get(use, {})
    if name in known:
        return known[name]
    field = params.model_fields.get(name)
    return _at(name) if field and _is_number(field.annotation) else None


def _is_number(annotation: Any) -> bool:
    parts = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else [annotation]
    return set(parts) <= {int, float, NoneType}


def _by_ends(ends: _Ends, config: Frozen) -> Span:
    keys = [end if isinstance(end, str) else None for end in ends[1:]]
    low, high = (float(getattr(config, end)) if isinstance(end, str) else end for end in ends[1:])
    return Span(ends.param, low, high, False, keys[0], keys[1], _at(ends.param))
