"""What stands on a release beside its shards: recipe, cards, attribution and descriptions.

Whoever receives a release reads no credentials in it, and no place on the disk of who made it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from datagen.core.versions import machine
from datagen.errors.redact import is_absolute, portable
from datagen.faces.indexing.build import BuiltIndex
from datagen.faces.tracks.smooth import SMOOTHING
from datagen.generation.prepare import Prepared
from datagen.recipe import Recipe
from datagen.recipe.clips import ClipEncode
from datagen.recipe.plugins import plugin_file
from datagen.release.documents.croissant import About, release_croissant
from datagen.release.documents.dataset_card import dataset_card
from datagen.release.names import release_id
from datagen.release.record import ReleaseInfo
from datagen.rights.attribution import attribution_document
from datagen.weights.store import weight_store

__all__ = ["release_info"]


def release_info(
    prepared: Prepared,
    built: BuiltIndex,
    planned: Mapping[str, int],
    libraries: Mapping[str, str],
    include_plugins: bool = False,
) -> ReleaseInfo:
    """Return the small files of a release.

    Args:
        prepared: The recipe.
        built: The face index.
        planned: Planned pairs by split.
        libraries: Versions of the libraries that the pixels depend on.
        include_plugins: Whether the source of the plug-in files is one of them.
    """
    recipe = prepared.recipe
    spec = recipe.spec
    body = spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    documents: dict[str, bytes] = {}
    for use, card in zip(body["sources"], recipe.cards, strict=True):
        use["card"] = f"rights/cards/{card.id}.yaml"
        if is_absolute(use.get("root", "")):
            use["root"] = f"${{{re.sub('[^A-Z0-9]', '_', card.id.upper())}_ROOT}}"
        documents[use["card"]] = _yaml(card.model_dump(mode="json", exclude_none=True))
    purpose, licenses = prepared.purpose.words, _licenses(prepared, built)
    passed_over = {source: dict(passed) for source, passed in sorted(built.passed_over.items())}
    attribution = attribution_document(recipe.cards, prepared.weights, prepared.decisions, purpose)
    documents["rights/ATTRIBUTION.md"] = portable(attribution.decode()).encode()
    about = About(
        release_id(spec.name, spec.version, recipe.digest),
        spec.name,
        spec.version,
        licenses,
        spec.purpose.model_dump(mode="json"),
        planned,
        _clips(prepared),
        spec.face.embedder is not None,
    )
    documents["croissant.json"] = release_croissant(about)
    methods = {method.name: str(method.family) for method in recipe.methods}
    documents["README.md"] = dataset_card(about, purpose, methods, [c.id for c in recipe.cards])
    if include_plugins:
        for plugin in recipe.plugins:
            name = plugin_file(Path(plugin.name).name, plugin.digest)
            documents[name] = plugin.text.encode()
    return ReleaseInfo(
        name=spec.name,
        version=spec.version,
        recipe_digest=recipe.digest,
        index_digest=built.index.digest,
        purpose=spec.purpose.model_dump(mode="json"),
        recipe_yaml=_yaml(body).decode(),
        made_with={
            "libraries": dict(libraries),
            "machine": machine(),
            "plugins": {Path(plugin.name).name: plugin.digest for plugin in recipe.plugins},
            "analyzer": recipe.analyzer().version,
            **_embedder(recipe),
            **({"smoothing": SMOOTHING} if built.index.frames.num_rows else {}),
            **({"not_listed": passed_over} if passed_over else {}),
        },
        documents=documents,
    )


def _embedder(recipe: Recipe) -> dict[str, str]:
    name = recipe.spec.face.embedder
    if name is None:
        return {}
    return {"embedder": f"{name}@{weight_store().digest(weight_store().card(name))}"}


def _clips(prepared: Prepared) -> str | None:
    """Return the media type of the release's clips, ``None`` for images."""
    encode = prepared.recipe.spec.encode
    if not isinstance(encode, ClipEncode):
        return None
    return {"mp4": "video/mp4", "mkv": "video/x-matroska", "frames": "image/png"}[encode.format]


def _licenses(prepared: Prepared, built: BuiltIndex) -> list[str]:
    sources = {card.license for card in prepared.recipe.cards}
    weights = {card.license for card in prepared.weights}
    return sorted(sources | weights | set(filter(None, built.index.column("license"))))


def _yaml(value: Any) -> bytes:
    text: str = yaml.safe_dump(portable(value), sort_keys=False, allow_unicode=True)
    return text.encode()
