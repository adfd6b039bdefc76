"""What somebody may have meant by a detector spec that has none of the forms."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

from datagen.core.text import near

__all__ = ["hint_of", "near_files"]

_WEIGHTS = (".pth", ".ckpt", ".bin", ".pkl", ".h5", ".keras", ".pb", ".tflite")
_PYTHON = re.compile(r"(?P<file>.+\.py)(?:::?(?P<name>\w+))?")
_MODULE = re.compile(r"(?P<folder>.*[/\\])(?P<module>\w+):(?P<name>\w+)")
_DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")


def hint_of(text: str) -> str:
    """Return what is meant by a spec that is none, as the begin of a message, or an empty text."""
    if "{paths}" in text or "{scores}" in text:
        return "a program begins with 'cmd: '; "
    if found := _PYTHON.fullmatch(text):
        return f"did you mean {_module(found['file'], found['name'])}? "
    if found := _MODULE.fullmatch(text):
        return f"did you mean {_module(found['folder'] + found['module'] + '.py', found['name'])}? "
    if text.lower().endswith(_WEIGHTS):
        return (
            "this looks like weights without their network: save the whole network as TorchScript "
            "(model.pt) or ONNX, or score with a callable that builds it and loads them; "
        )
    if text.lower().endswith((".jit", ".ts", ".torchscript")):
        return "a TorchScript file is named *.pt; "
    module, _, rest = text.partition(":")
    if rest and all(one.isidentifier() for one in rest.split(".")) and "." in rest:
        return f"name a function or class of the module itself, without a dot: '{module}:name'; "
    if _DOTTED.fullmatch(text):
        module, _, name = text.rpartition(".")
        return f"did you mean '{module}:{name}'? "
    if text.isidentifier():
        return f"name the function or class as well, such as '{text}:score'; "
    return ""


def near_files(path: Path) -> str:
    """Return a hint at files beside a missing one that have a similar name."""
    with contextlib.suppress(OSError, ValueError):
        names = [one.name for one in path.parent.iterdir() if one.is_file()]
        return near(path.name, names)
    return ""


def _module(file: str, name: str | None) -> str:
    """Return how the function of a Python file is named, wherever the file lies."""
    parts = re.split(r"[/\\]", file)
    module = parts[-1].removesuffix(".py")
    spec = f"'{module}:{name or 'score'}'"
    elsewhere = len(parts) > 1 and parts[:-1] != ["."]
    return f"{spec} with --plugin {file}" if elsewhere else spec
