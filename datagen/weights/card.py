"""Weight cards: address, digest, size, licence and citation of one file of weights."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from pydantic import Field

from datagen.errors import CardError
from datagen.model import Frozen, parse
from datagen.registry import near
from datagen.yaml import read_yaml

__all__ = ["WeightCard", "load_weight_card", "shipped_weight_cards"]

_FOLDER = Path(__file__).parent / "cards"


class WeightCard(Frozen):
    """One file of weights.

    Attributes:
        file: Its name under ``DATAGEN_WEIGHTS``.
        address: Where to download it; empty when nobody may pass it on and the user must.
        sha256: 64 hex digits; empty only when it is not known for certain.
        size: Bytes.
        licence: SPDX expression of the weights, or ``unknown``.
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    title: str
    file: str = Field(pattern=r"^[^/\\]+$")
    address: str = ""
    sha256: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")
    size: int | None = Field(default=None, gt=0)
    licence: str = Field(min_length=1)
    citation: str = ""
    homepage: str = ""


def shipped_weight_cards() -> list[str]:
    """Return the ids of the cards that the package ships."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


@lru_cache(maxsize=64)
def load_weight_card(card_id: str) -> WeightCard:
    """Read a shipped card.

    Raises:
        CardError: No card of that id (with the near ones), or a wrong one.
    """
    path = _FOLDER / f"{card_id}.yaml"
    if not path.exists():
        known = shipped_weight_cards()
        raise CardError(f"no weight card {card_id!r}.{near(card_id, known)}")
    card = parse(WeightCard, read_yaml(path, CardError), str(path), CardError)
    if card.id != card_id:
        raise CardError(f"{path}: id is {card.id!r}, the file's name says {card_id!r}")
    return card
