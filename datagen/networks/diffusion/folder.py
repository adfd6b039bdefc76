"""Folders in the format of diffusers, checked before anything in them is loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from datagen.core.json_io import parse_json, read_json
from datagen.errors import WeightsError
from datagen.weights import WeightCard

__all__ = ["autoencoder_folder", "check_pipeline_folder", "has_safety_checker", "weights_variant"]

# Pipelines with the same components: a folder saved for one loads as another.
_SAME_PARTS: Mapping[str, frozenset[str]] = {
    f"StableDiffusion{xl}{use}Pipeline": frozenset(
        f"StableDiffusion{xl}{other}Pipeline"
        for other in ("", "Img2Img", *(["Inpaint"] if use == "Inpaint" else []))
    )
    for xl in ("", "XL")
    for use in ("", "Img2Img", "Inpaint")
}
# Classes of any other library could be code inside the folder.
_LIBRARIES = ("diffusers", "transformers", "stable_diffusion", "stable_diffusion_xl")
_MAX_HEADER = 100 << 20  # bytes: the limit of safetensors itself
_PICKLED = ("*.bin", "*.ckpt", "*.pt", "*.pth", "*.pkl")


def check_pipeline_folder(folder: Path, card: WeightCard, loads: str) -> None:
    """Refuse a folder that is not a pipeline of class ``loads`` with safetensors weights.

    Raises:
        WeightsError: Names the file, what was found, what is expected and what to do.
    """
    index = folder / "model_index.json"
    content = _read_json(index, card)
    found, wanted = content.get("_class_name"), _SAME_PARTS.get(loads, frozenset()) | {loads}
    if not isinstance(found, str) or found not in wanted:  # a list names a file of code
        names = " or ".join(sorted(wanted))
        raise WeightsError(
            f"{index}: _class_name is {found!r}; card {card.id!r} needs {names}. "
            "Point the card's 'file' to another folder, or correct its diffusers.loads"
        )
    for name, (library, class_name) in _components(content, index):
        if library not in _LIBRARIES or not isinstance(class_name, str) or not _is_plain(name):
            raise WeightsError(
                f"{index}: {name[:80]} is of {str(library)[:80]!r}; only classes of "
                f"{', '.join(_LIBRARIES[:2])} are loaded, never code inside a folder"
            )
        if not (folder / name).is_dir():
            raise WeightsError(
                f"{folder / name}: no such folder, but {index.name} names it. The download of card "
                f"{card.id!r} is incomplete: get it again from {_origin(card)}"
            )
        if (folder / name / "config.json").exists():
            _check_safetensors(folder / name, card)


def autoencoder_folder(folder: Path, card: WeightCard, loads: str) -> Path:
    """Return the folder of the autoencoder: ``folder``, or ``vae`` in a pipeline's folder.

    Raises:
        WeightsError: As ``check_pipeline_folder``.
    """
    if (folder / "model_index.json").exists():
        folder = folder / "vae"
    config = folder / "config.json"
    found = _read_json(config, card).get("_class_name")
    if found != loads:
        raise WeightsError(
            f"{config}: _class_name is {found!r}; card {card.id!r} needs {loads}. Point the card's "
            "'file' to another folder, or correct its diffusers.loads"
        )
    _check_safetensors(folder, card)
    return folder


def weights_variant(folder: Path) -> str | None:
    """Return ``fp16`` if a component exists in no other form."""
    for part in {path.parent for path in folder.rglob("*.safetensors")}:
        if all(".fp16" in path.name for path in part.glob("*.safetensors")):
            return "fp16"
    return None


def has_safety_checker(folder: Path) -> bool:
    """Return whether the pipeline's folder has a safety checker."""
    path = folder / "model_index.json"
    found = dict(read_json(path, str(path), WeightsError)).get("safety_checker")
    return bool(found) and (not isinstance(found, list) or found[0] is not None)


def _is_plain(name: str) -> bool:
    """Say whether a component may be a folder of that name."""
    return name.replace("_", "").isalnum()


def _components(content: Mapping[str, Any], index: Path) -> Iterator[tuple[str, tuple[Any, Any]]]:
    for name, value in content.items():
        if name.startswith("_") or not isinstance(value, list):
            continue
        if len(value) != 2:
            found = str(value)[:80]
            raise WeightsError(f"{index}: {name[:80]} is {found}, expected [library, class]")
        if value[0] is not None:
            yield name, (value[0], value[1])


def _read_json(path: Path, card: WeightCard) -> dict[str, Any]:
    hint = f"The folder of card {card.id!r} is incomplete: get it again from {_origin(card)}"
    try:
        content = read_json(path, str(path), WeightsError)
    except WeightsError as error:
        raise WeightsError(f"{error}. {hint}", path=path) from None
    if not isinstance(content, dict):
        raise WeightsError(f"{path}: contains {type(content).__name__}, expected an object. {hint}")
    return content


def _check_safetensors(folder: Path, card: WeightCard) -> None:
    found = sorted(folder.glob("*.safetensors"))
    for path in found:
        if not _is_whole(path):
            raise WeightsError(
                f"{path}: is truncated, or not a safetensors file. Get the files of card "
                f"{card.id!r} again from {_origin(card)}"
            )
    if found:
        return
    pickled = sorted(path.name for pattern in _PICKLED for path in folder.glob(pattern))
    if pickled:
        raise WeightsError(
            f"{folder / pickled[0]}: pickled weights can run arbitrary code when they are opened "
            f"and are refused. Card {card.id!r} needs .safetensors files: get that form instead"
        )
    raise WeightsError(
        f"{folder}: contains no .safetensors file. The folder of card {card.id!r} is incomplete: "
        f"get it again from {_origin(card)}"
    )


def _is_whole(path: Path) -> bool:
    """Return whether the file has the size stated in its header; reads no tensor."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 0 < length <= min(path.stat().st_size - 8, _MAX_HEADER):
                return False
            header = parse_json(file.read(length), str(path), WeightsError)
        ends = [part["data_offsets"][1] for name, part in header.items() if name != "__metadata__"]
        return path.stat().st_size == 8 + length + max(ends, default=0)
    except (OSError, WeightsError, KeyError, TypeError, AttributeError, IndexError):
        return False


def _origin(card: WeightCard) -> str:
    if card.hub is not None:
        return f"{card.hub.repo} on the Hugging Face hub"
    return card.address or card.homepage or "its origin"
