"""Collect the facts of a pair's manifest rows: encoder settings, licenses, weights."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from datagen.core.rng import rng
from datagen.errors import EngineError
from datagen.faces.index import Face
from datagen.generation.encoding import Encoding, draw_clip_encoding, draw_encoding
from datagen.generation.manifest_rows import PairRecord
from datagen.generation.pair import Pair
from datagen.planning import Item
from datagen.recipe import Recipe
from datagen.recipe.clips import ClipEncode
from datagen.release.names import release_id
from datagen.rights import Purpose, Terms, combine, restricting, source_terms, weight_terms
from datagen.video.encode import ClipEncoding
from datagen.weights.store import weight_store

__all__ = ["Recorder"]


class Recorder:
    """Makes the records of a recipe's pairs.

    Args:
        recipe: The recipe.
        weights: Digests of the weight files that the driver found, by card id.

    Raises:
        EngineError: A weight file of this worker differs from the driver's.
    """

    def __init__(self, recipe: Recipe, weights: Mapping[str, str]) -> None:
        self._purpose = recipe.spec.purpose
        self._spec = recipe.spec
        self._digest = recipe.digest
        self._release = release_id(recipe.spec.name, recipe.spec.version, recipe.digest)
        self._cards = {card.id: card for card in recipe.cards}
        self._networks = _network_terms(weights, self._purpose)
        self._finders = tuple(restricting(recipe.analyzer_cards(), self._purpose).values())
        self._source_terms = lru_cache(maxsize=1024)(self._terms_of)

    def record(self, pair: Pair, degradation: str | None) -> PairRecord:
        """Return the record of a pair.

        Args:
            pair: The pair as it is released.
            degradation: Name of its degradation; ``None`` if it has none.
        """
        method, donor = pair.method, pair.donor
        enhancer = method.enhancer_id()
        embedder = self._spec.face.embedder  # chose donors, and its figures are in the rows
        networks = [*method.weight_ids(), *([embedder] if embedder else [])]
        return PairRecord(
            pair=pair,
            degradation=degradation,
            encoding=self._encoding(pair.item),
            # Crop and landmarks, which every row has, are what the analyzer made of the target.
            target_terms=self._measured(self._face_terms(pair.target)),
            donor_terms=None if donor is None else self._face_terms(donor),
            weights=dict(self._networks[name] for name in networks),
            enhancer=None if enhancer is None else self._networks[enhancer],
            recipe_digest=self._digest,
            release=self._release,
        )

    def _encoding(self, item: Item) -> Encoding | ClipEncoding:
        ranges = self._spec.encode
        draws = rng(self._spec.seed, item.split, item.base, "encode")
        if isinstance(ranges, ClipEncode):
            return draw_clip_encoding(draws, ranges)
        return draw_encoding(draws, ranges.format, ranges.quality, ranges.subsampling)

    def _measured(self, terms: Terms) -> Terms:
        return combine([terms, *self._finders]) if self._finders else terms

    def _face_terms(self, face: Face) -> Terms:
        return self._source_terms(face.source, face.license, face.attribution)

    def _terms_of(self, source: str, license: str | None, attribution: str | None) -> Terms:
        return source_terms(self._cards[source], license, attribution, self._purpose)


def _network_terms(weights: Mapping[str, str], purpose: Purpose) -> dict[str, tuple[str, Terms]]:
    """Return ``id@sha256`` and the terms of each network, by the id of its card."""
    found = {}
    for name, expected in weights.items():
        card = weight_store().card(name)
        digest = weight_store().digest(card)
        if digest != expected:
            raise EngineError(
                f"the weight file of {name!r} on a worker differs from the driver's: sha256 "
                f"{digest}, expected {expected}. Give every node the same files under "
                "DATAGEN_WEIGHTS"
            )
        found[name] = f"{name}@{digest}", weight_terms(card, purpose)
    return found
