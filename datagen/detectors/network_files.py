"""What a file that torch does not load really is, told by the names in its archive."""

from __future__ import annotations

import zipfile
from pathlib import Path

__all__ = ["why_it_does_not_load"]

_PICKLE = b"\x80"
_ONNX_OF_NO_ARCHIVE = b"\x08"  # the field of its version is the first one

_WEIGHTS = (
    "it was written by torch.save: it holds weights (a state dict) or a pickled module, but no "
    "network that can be run. Save the network with torch.jit.script(model).save('model.pt') or "
    "torch.onnx.export, or score with a callable that builds it and loads the weights"
)


def why_it_does_not_load(kind: str, path: Path) -> str:
    """Return what a file is instead of a network of its kind; empty where that is not known.

    Args:
        kind: ``torchscript`` or ``exported``.
        path: The file; nothing in it is unpickled.
    """
    if kind not in ("torchscript", "exported"):
        return ""
    try:
        with path.open("rb") as file:
            start = file.read(1)
        if not zipfile.is_zipfile(path):
            return _not_an_archive(start)
        with zipfile.ZipFile(path) as archive:
            names = [name.partition("/")[2] or name for name in archive.namelist()]
    except (OSError, zipfile.BadZipFile):
        return ""
    if "constants.pkl" in names or any(name.startswith("code/") for name in names):
        return "it is TorchScript: name it *.pt" if kind == "exported" else ""
    if any("exported_program" in name or name.startswith("models/") for name in names):
        return "it is a program of torch.export: name it *.pt2" if kind == "torchscript" else ""
    return _WEIGHTS if "data.pkl" in names else ""


def _not_an_archive(start: bytes) -> str:
    if start == _PICKLE:
        return _WEIGHTS
    return "it is an ONNX file: name it *.onnx" if start == _ONNX_OF_NO_ARCHIVE else ""
