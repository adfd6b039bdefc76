"""Any face analyzer with the embeddings of a weight card's network."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np

from datagen.core.arrays import Image
from datagen.core.digests import digest_of
from datagen.errors import ItemError
from datagen.faces.analyzers import Analyzer, Detection
from datagen.faces.analyzers.base import SamePerson
from datagen.networks.onnx.identity import IdentityNetwork, embedder_card, open_identity
from datagen.sources import Record
from datagen.weights.store import weight_store

__all__ = ["WithIdentity"]

_VERSION = 1  # raised when the same landmarks give another embedding


class WithIdentity(Analyzer):
    """An analyzer whose faces carry the embedding of an embedder, instead of its own if any.

    Args:
        analyzer: Finds the faces.
        card_id: Id of a weight card with a section ``embedder``.

    Raises:
        CardError: The card is missing, or is none of an embedder.
    """

    name: ClassVar[str] = "with_identity"

    def __init__(self, analyzer: Analyzer, card_id: str) -> None:
        card, how = embedder_card(card_id)
        self._analyzer = analyzer
        self._card_id = card_id
        self._network: IdentityNetwork | None = None
        self.name = analyzer.name  # type: ignore[misc]
        self.weights = (*analyzer.weights, card_id)  # type: ignore[misc]
        self.gives_mesh = analyzer.gives_mesh  # type: ignore[misc]
        self.gives_embedding = True  # type: ignore[misc]
        digest = card.sha256 or weight_store().digest(card)
        key = digest_of([_VERSION, digest, how.model_dump(mode="json")])[:16]
        self._key = f"{card_id}-{key}"
        self.same_person = SamePerson(how.match, self._key)  # type: ignore[misc]

    @property
    def version(self) -> str:
        """See base class."""
        return f"{self._analyzer.version}+{self._key}"

    def open(self) -> None:
        """See base class."""
        self._analyzer.open()
        self._network = open_identity(self._card_id)

    def analyze(self, image: Image, record: Record) -> list[Detection]:
        """See base class."""
        return [self._embedded(image, one) for one in self._analyzer.analyze(image, record)]

    def _embedded(self, image: Image, found: Detection) -> Detection:
        assert self._network is not None
        try:
            embedding = self._network.face(image, found.landmarks)
        except ItemError:  # its points coincide: the face is of no use, and is refused as such
            return replace(found, embedding=np.zeros(self._network.contract.length, np.float32))
        return replace(found, embedding=embedding)
