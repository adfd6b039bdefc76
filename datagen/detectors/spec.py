"""The value of ``--detector``: which kind of detector it names, checked, with a digest."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, TypeAlias

from datagen.core.digests import digest_of, sha256_file
from datagen.core.onnx_file import check_onnx
from datagen.core.python_file import PythonFile
from datagen.core.text import near
from datagen.detectors.config import CONFIG, NETWORK_KEYS, DetectorConfig
from datagen.detectors.content import content_digest
from datagen.detectors.spec_hints import hint_of, near_files
from datagen.errors import DetectorError
from datagen.errors.redact import portable

__all__ = ["DetectorSpec", "Kind", "look_in", "read_spec"]

Kind: TypeAlias = Literal[
    "callable", "command", "onnx", "torchscript", "exported", "baseline", "baseline_network"
]

_SUFFIXES: dict[str, Kind] = {
    ".onnx": "onnx",
    ".pt": "torchscript",
    ".pt2": "exported",
    ".json": "baseline",
    ".safetensors": "baseline_network",
}
_CODE: tuple[Kind, ...] = ("torchscript", "exported")
"""Files that can run code when they are opened: torch keeps pickles in them."""

_NETWORKS: tuple[Kind, ...] = ("onnx", *_CODE)
_BASELINES: tuple[Kind, ...] = ("baseline", "baseline_network")

_COMMAND = "cmd:"
_FORMS = (
    "module:callable, model.onnx, model.pt (TorchScript), model.pt2 (torch.export), baseline.json "
    "or baseline.safetensors (of 'datagen baseline'), or 'cmd: program {paths} {scores}'"
)


@dataclass(frozen=True, slots=True)
class DetectorSpec:
    """A detector that can be opened in any process.

    Attributes:
        text: The spec as the user wrote it.
        kind: Kind of the detector.
        target: ``module:callable``, the command line, or the absolute path of the file.
        config: Input and output of the detector.
        folder: Working directory, in which modules and relative paths are looked up.
        content: Digest of the file or source, as far as it is known.
        files: Python files of ``--plugin``.
    """

    text: str
    kind: Kind
    target: str
    config: DetectorConfig
    folder: str
    content: str
    files: tuple[PythonFile, ...] = ()

    @property
    def digest(self) -> str:
        """64 hex digits: equal digests mean equal scores, as far as the files determine them."""
        return digest_of([self.kind, self.content, self.config.identity()])

    def record(self) -> dict[str, Any]:
        """Return what identifies the detector in the metadata of scores, without secrets."""
        config = self.config.model_dump(mode="json", exclude_defaults=True)
        return {
            "spec": portable(self.text),
            "kind": self.kind,
            "digest": self.digest,
            "config": config,
        }


def read_spec(
    text: str,
    config: DetectorConfig,
    files: Sequence[PythonFile] = (),
    allow_code: bool = False,
) -> DetectorSpec:
    """Find out which kind of detector ``text`` names.

    ``module:callable``, a command and the files of ``--plugin`` are code, and the user names them
    as such. A file of torch looks like data and is not: it needs ``allow_code``.

    Args:
        text: The spec; ``docs/detectors.md`` lists the forms.
        config: Content of ``--detector-config``.
        files: Files of ``--plugin``.
        allow_code: Whether a file that can run code may be opened.

    Raises:
        DetectorError: The file or module does not exist, the form is unknown, a key of the
            configuration does not apply to this kind of detector, or the file can run code.
    """
    text = text.strip()
    kind, target, content = _classified(text, files)
    if kind in _CODE and not allow_code:
        raise DetectorError(
            f"detector {text}: a {Path(target).suffix} file can run any code on this machine "
            "when it is opened, because torch keeps pickles in it. If you trust its origin, add "
            "--allow-code (in Python: allow_code=True); otherwise ask for an .onnx file, which "
            "never runs code",
            path=target,
        )
    _check_keys(kind, config, text)
    return DetectorSpec(text, kind, target, config, str(Path.cwd()), content, tuple(files))


def _classified(text: str, files: Sequence[PythonFile]) -> tuple[Kind, str, str]:
    if text.startswith(_COMMAND):
        return "command", *_command(text.removeprefix(_COMMAND).strip())
    suffix = Path(text).suffix.lower()
    if suffix in _SUFFIXES:
        path = _file(text)
        content = _onnx_digest(text, path) if suffix == ".onnx" else sha256_file(path)
        return _SUFFIXES[suffix], str(path), content
    module, colon, name = text.partition(":")
    if not (colon and name.isidentifier() and all(p.isidentifier() for p in module.split("."))):
        raise DetectorError(f"detector {text!r}: {hint_of(text)}expected {_FORMS}")
    return "callable", text, _source_digest(text, module, files)


def _file(text: str) -> Path:
    try:
        path = Path(text).expanduser().resolve()
        found = path.is_file()
    except (OSError, RuntimeError, ValueError):  # no such user, a circle of links, a null byte
        path, found = Path(text), False
    if not found:
        near_names = near_files(path)
        raise DetectorError(f"detector {text}: no such file.{near_names}", path=path)
    return path


def _onnx_digest(text: str, path: Path) -> str:
    """Return the digest of an ONNX file and of the files beside it that it keeps tensors in."""
    try:
        others = check_onnx(path)
        digest = sha256_file(path)
        return digest_of([digest, *map(sha256_file, others)]) if others else digest
    except (OSError, ValueError) as error:
        raise DetectorError(f"detector {text}: does not load: {error}", path=path) from None


def _command(command: str) -> tuple[str, str]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise DetectorError(f"detector 'cmd: {command}': {error}") from None
    missing = [mark for mark in ("{paths}", "{scores}") if mark not in command]
    if missing or not words:
        raise DetectorError(
            f"detector 'cmd: {command}': no {' and no '.join(missing) or 'program'} in it: the "
            "program reads the paths of images from the file {paths} and writes a CSV file "
            "'path,score' to {scores}"
        )
    if shutil.which(words[0]) is None:
        raise DetectorError(f"detector 'cmd: {command}': program {words[0]!r} not found")
    values = (word.rpartition("=")[2] for word in words[1:])  # --weights=net.bin
    names = [shutil.which(words[0]) or words[0], *words[1:], *values]
    return command, content_digest(command, names, Path.cwd())


def look_in(folder: str) -> None:
    """Put a folder on the module path, as ``python -m`` does."""
    if folder not in sys.path:
        sys.path.insert(0, folder)


def _source_digest(text: str, module: str, files: Sequence[PythonFile]) -> str:
    for file in files:
        if file.stem == module:
            named = content_digest(text, [Path(file.name).absolute()], Path.cwd())
            return digest_of([text, file.digest, named])
    look_in(str(Path.cwd()))
    try:
        found = find_spec(module)
    except Exception:  # noqa: BLE001  # finding a.b imports a, which is the user's
        found = None
    if found is None:
        meant = hint_of(text).capitalize()
        hint = f" {meant.strip()}" if meant else near(module, [file.stem for file in files])
        raise DetectorError(
            f"detector {text}: module {module!r} not found.{hint} It must be in this folder or "
            "installed; a single file can be given with --plugin FILE.py"
        )
    return content_digest(text, [found.origin] if found.origin else [], Path.cwd())


def _check_keys(kind: Kind, config: DetectorConfig, text: str) -> None:
    given = config.model_dump(exclude_defaults=True)
    if kind in _BASELINES and config.takes == "clips":
        raise DetectorError(
            f"{CONFIG}: takes: clips: {text!r} was trained on single images: name a 'pooling' of "
            "its scores of frames instead",
            key="takes",
        )
    if kind in _NETWORKS and config.takes == "clips" and config.layout is None:
        raise DetectorError(
            f"{CONFIG}: takes: clips: {text!r} is a network: add 'layout', the order of its axes: "
            "ncthw, ntchw or nthwc, where t is the frames",
            key="layout",
        )
    if kind in ("callable", "command"):
        own = ["size", "output_name"] if kind == "command" else []
        keys = [*NETWORK_KEYS, "device", *own]
        sees = "encoded files" if kind == "command" else "uint8 RGB images"
    elif kind in _BASELINES:
        keys = [key for key in DetectorConfig.model_fields if key not in ("takes", "pooling")]
        sees = "the images as they are"
    else:
        return
    for key in keys:
        if key in given:
            raise DetectorError(
                f"{CONFIG}: {key}: {text!r} is given {sees}; this key is for networks "
                "(.onnx, .pt, .pt2): remove it"
            )
