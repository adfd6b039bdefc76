"""Sections of the gallery: each method and kind of degradation, with options and an example."""

from __future__ import annotations

import csv
import inspect
import re
import textwrap
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from datagen.degradations import DEGRADATIONS
from datagen.degradations.base import Degradation
from datagen.methods import METHODS

__all__ = ["degradation_sections", "first_line", "method_sections", "shown"]

# The networks behind the images of learned methods: see tests/support/small.
STANDS_IN = {
    "autoencoder_swap": "an autoencoder trained for a minute at 64 pixels on two identities",
    "diffusion_face": "a text-to-image pipeline trained for half a minute on tiny images",
    "diffusion_img2img": "a handmade pipeline whose denoiser smooths, adds grain and tints",
    "diffusion_inpaint": "a handmade pipeline whose denoiser smooths, adds grain and tints",
    "inswapper": "a handmade network that draws the donor's coarse face from the embedding",
    "onnx_edit": "a handmade network that dulls, roughens and wrinkles the skin",
    "onnx_swap": "a handmade network that draws the donor's coarse face from the embedding",
    "vae_reconstruct": "an autoencoder trained for twenty seconds on procedural faces",
}
# A card for each, for the example; docs/weights.md tells how to get the file.
WEIGHTS = {
    "autoencoder_swap": "my_training",
    "diffusion_face": "sd15",
    "diffusion_img2img": "sd15",
    "diffusion_inpaint": "sd15_inpaint",
    "gan_upsample": "esrgan_slim_x4",
    "inswapper": "inswapper_128",
    "onnx_edit": "gpen_bfr_512",
    "onnx_swap": "simswap_256",
    "vae_reconstruct": "taesd",
}
CEILINGS = Path(__file__).parents[1] / "docs" / "ceilings.csv"
"""Tables of benchmarks/ceilings.py, with the people before them."""
HARD = 0.65
EXAMPLES = {
    "any": "transform: {name: CLAHE, clip_limit: [1, 4]}",
}


def first_line(text: str | None) -> str:
    """Return the first line of a docstring."""
    return (text or "").strip().partition("\n")[0].replace("``", "`")


def shown(value: object) -> str:
    """Return a default as a reader of YAML knows it."""
    if value is PydanticUndefined:
        return "required"
    if isinstance(value, BaseModel):
        return shown(value.model_dump(mode="json"))
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {shown(one)}" for key, one in value.items()) + "}"
    if value is None or isinstance(value, bool):
        return {None: "none", True: "true", False: "false"}[value]
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(shown, value)) + "]"
    return str(value)


def method_sections() -> str:
    """Return the sections of docs/methods.md, one per method."""
    return "\n\n".join(_method(name) for name in METHODS)


def degradation_sections() -> str:
    """Return the sections of docs/degradations.md, one per kind."""
    return "\n\n".join(_degradation(name) for name in DEGRADATIONS)


def _method(name: str) -> str:
    method = METHODS.load(name)
    facts = [
        f"family {method.family}, version {method.version}",
        "uses a donor" if method.needs_donor else "no donor",
        *(["needs the 478-point mesh"] if method.needs_mesh else []),
        *([] if method.has_control else ["no control"]),
        f"smallest visible change {method.min_change:g} intensity levels",
    ]
    donor = ", donor: {strategy: random, match: [sex]}" if method.needs_donor else ""
    weights = f", weights: {WEIGHTS[name]}" if method.learned else ""
    drawn = ", ".join(f"`{key}`" for key in method.params.model_fields)
    lines = [
        *_head(name, method.__doc__),
        f"![{name}: real, donor, fake, mask, difference](images/methods/{name}.jpg)",
        "",
    ]
    if stand_in := STANDS_IN.get(name):
        lines += [f"*In the image {stand_in} takes the place of a real network.*", ""]
    lines += [
        f"Based on: {method.paper or 'no paper'}.",
        "",
        f"{'; '.join(facts).capitalize()}. Drawn and recorded in `method_params`: {drawn}.",
        "",
        *_example(
            f"methods=[{{use: {name}, share: 1{weights}{donor}}}]",
            more=["purpose={use: research, redistribute: false}"] if method.learned else [],
        ),
    ]
    if found := _ceilings(name):
        lines += [found, ""]
    if method.learned:
        lines += ["Its network comes by a [weight card](weights.md).", ""]
    return "\n".join([*lines, *_options(method.options)]).rstrip()


def _ceilings(name: str) -> str:
    """Return what a detector of this method alone reaches, as a sentence."""
    with CEILINGS.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["method"] == name]
    if not rows:
        return ""
    shown = " and ".join(f"{float(row['ceiling']):.2f} on {row['people']}" for row in rows)
    hard = [row["people"] for row in rows if float(row["ceiling"]) < HARD]
    where = "" if len(hard) == len(rows) else f" on {' and '.join(hard)}"
    return (
        f"{f'**Hard**{where}: the' if hard else 'The'} [spectral "
        "baseline](detectors.md#the-baseline-detector), trained and tested on this method alone, "
        f"reaches an AUC of {shown}."
    )


def _degradation(name: str) -> str:
    kind = DEGRADATIONS.load(name)
    lines = _head(name, kind.__doc__)
    lines += [f"![{name}: {_picture(kind)}](images/degradations/{name}.jpg)", ""]
    more = f", {EXAMPLES[name]}" if name in EXAMPLES else ""
    more += ", severity: [1, 5]" if kind.levels else ""
    recipe = "quickstart-clips" if kind.clips_only else "quickstart"
    lines += _example(f"degradations=[{{use: {name}, share: 1{more}}}]", recipe)
    lines += _options(kind.options)
    ladder = [
        ", ".join(f"{key} {shown(value)}" for key, value in level.items()) for level in kind.levels
    ]
    if ladder:
        lines += ["Severity 1 to 5:", ""]
        lines += [f"{number}. {words}" for number, words in enumerate(ladder, 1)]
    return "\n".join(lines).rstrip()


def _picture(kind: type[Degradation]) -> str:
    if kind.clips_only:
        return "frames of a clip, and below them what is left at severity 3"
    return "the original image, then severity 1 to 5" if kind.levels else "five draws"


def _head(name: str, doc: str | None) -> list[str]:
    paragraphs = inspect.cleandoc(doc or "").replace("``", "`").split("\n\n")
    words = [" ".join(one.split()) for one in paragraphs if not one.startswith(("Args:", "Attr"))]
    return [f"### `{name}`", "", *(line for one in words for line in (one, ""))]


def _example(setting: str, recipe: str = "quickstart", more: Sequence[str] = ()) -> list[str]:
    command = f"datagen generate {recipe} -o out --limit 8"
    settings = " \\\n".join(f"  --set '{one}'" for one in (setting, *more))
    return ["```", f"{command} \\", settings, "```", ""]


def _options(options: type[BaseModel]) -> list[str]:
    """Return a definition list; the words are those of the classes' docstrings."""
    words: dict[str, str] = {}
    for one in reversed(options.__mro__):
        if issubclass(one, BaseModel) and one.__module__.startswith("datagen."):
            words |= _attributes(one.__doc__)
    lines: list[str] = []
    groups: dict[str, list[str]] = {}
    for key in options.model_fields:
        groups.setdefault(words.get(key, ""), []).append(key)
    for text, keys in groups.items():
        lines += [f"`{key}`: {_default(options.model_fields[key])}" for key in keys]
        lines += [f":   {text or 'See the recipe.'}", ""]
    return lines


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    return f"`{shown(field.get_default(call_default_factory=True))}`"


def _attributes(doc: str | None) -> dict[str, str]:
    """Return the texts of ``Attributes:`` by name; several names may share one."""
    _, _, section = inspect.cleandoc(doc or "").partition("Attributes:\n")
    body = textwrap.dedent(section.partition("\n\n")[0])
    found: dict[str, str] = {}
    for entry in re.split(r"\n(?=\S)", body.strip("\n")):
        names, colon, text = entry.partition(":")
        if colon:
            words = " ".join(text.replace("``", "`").split())
            found |= {name.strip(): words for name in names.split(",")}
    return found
