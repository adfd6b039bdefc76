"""Which of several outputs is the answer: chosen by name or place, never silently."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from datagen.core.text import near
from datagen.detectors.config import CONFIG, DetectorConfig
from datagen.errors import DetectorError

__all__ = ["as_numbers", "choose", "output_of"]

_SHOWN = 8
_LONGEST = 80


def output_of(raw: object, count: int, config: DetectorConfig, network: bool = False) -> object:
    """Return the answers for a batch, of which a detector may give several.

    A mapping, a dataclass and a tuple of arrays hold several outputs; so does a list of arrays
    with one row per image each. Other lists hold the answers of the images.

    Args:
        raw: What the detector returned.
        count: Number of images in the batch.
        config: Names the output, where there are several.
        network: Whether every list holds outputs.

    Raises:
        DetectorError: There are several and none is named, or none has the name.
    """
    outputs = _outputs(raw, count, config, network)
    if outputs is None:
        if config.output_name is not None:
            raise DetectorError(
                f"{CONFIG}: output_name: the detector gives one output, which has no name: "
                "remove the key"
            )
        return as_numbers(raw)
    shapes = {name: _shape(value) for name, value in outputs.items()}
    return as_numbers(outputs[choose(shapes, config)])


def choose(outputs: Mapping[Any, str], config: DetectorConfig) -> Any:
    """Return the name or place of the output that holds the answers.

    Args:
        outputs: What is told of each output, by name or place.
        config: Names the output, where there are several.

    Raises:
        DetectorError: There are several and none is named, or none has the name.
    """
    names, wanted = list(outputs), config.output_name
    if wanted is None and len(names) == 1:
        return names[0]
    told = [f"{str(name)[:_LONGEST]} {outputs[name]}".rstrip() for name in names[:_SHOWN]]
    shown = ", ".join(told) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
    if wanted is None:
        what = f"{len(names)} outputs: {shown}" if names else "no output"
        example = f", e.g. output_name: {str(names[0])[:_LONGEST]}" if names else ""
        raise DetectorError(
            f"the detector gives {what}. Name the one with the scores in {CONFIG}{example}"
        )
    if wanted in outputs:
        return wanted
    if isinstance(wanted, int) and wanted < len(names):
        return names[wanted]
    hint = near(str(wanted), [str(name)[:_LONGEST] for name in names])
    raise DetectorError(
        f"{CONFIG}: output_name: the detector gives no output {wanted!r}.{hint} It gives: {shown}"
    )


def as_numbers(raw: object) -> object:
    """Return a tensor of torch, or several in a list, as arrays; anything else as it is."""
    if isinstance(raw, list | tuple) and any(hasattr(one, "detach") for one in raw):
        return [as_numbers(one) for one in raw]
    tensor: Any = raw
    if not hasattr(tensor, "detach"):
        return raw
    tensor = tensor.detach().cpu()
    try:
        return tensor.numpy()
    except TypeError:  # bfloat16, which NumPy does not have
        return tensor.float().numpy()


def _outputs(raw: Any, count: int, config: DetectorConfig, network: bool) -> dict[Any, Any] | None:
    """Return the outputs by name or place; ``None`` where the answers are given as they are."""
    if isinstance(raw, Mapping):
        return dict(raw)
    if dataclasses.is_dataclass(raw) and not isinstance(raw, type):
        return {one.name: getattr(raw, one.name) for one in dataclasses.fields(raw)}
    if not isinstance(raw, list | tuple) or not raw:
        return None
    named = getattr(raw, "_fields", None)
    if isinstance(named, tuple) and len(named) == len(raw):
        return dict(zip(named, raw, strict=True))
    if network or config.output_name is not None or _holds_outputs(raw, count):
        return dict(enumerate(raw))
    return None


def _holds_outputs(raw: list[Any] | tuple[Any, ...], count: int) -> bool:
    lengths = [len(one) for one in raw if _has_rows(one)]
    if isinstance(raw, tuple):
        return bool(lengths) or any(isinstance(one, Mapping) for one in raw)
    return len(lengths) == len(raw) != count and all(length == count for length in lengths)


def _has_rows(value: Any) -> bool:
    return hasattr(value, "shape") and hasattr(value, "dtype") and len(value.shape) > 0


def _shape(value: Any) -> str:
    if hasattr(value, "shape"):
        return str(tuple(value.shape)).replace(" ", "")[:_LONGEST]
    return f"({type(value).__name__})" if not np.isscalar(value) else ""
