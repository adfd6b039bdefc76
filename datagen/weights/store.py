"""Weight files on this machine: found by name, checked by size and digest, fetched if missing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from datagen.core.paths import weights_folder
from datagen.core.text import near, shortened
from datagen.errors import CardError, WeightsError
from datagen.weights.card import WeightCard, read_weight_card
from datagen.weights.catalog import shipped_card_path, shipped_weight_cards
from datagen.weights.digest import digest_at, files_of, size_at
from datagen.weights.download import OnProgress
from datagen.weights.pull import pull_weights

__all__ = ["WeightStore", "weight_store"]

_FOLDERS = ("insightface", "diffusers")
_FILES = ("onnx", "task", "safetensors")
_CARD_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")  # a recipe names cards, and a file is named so


def weight_store() -> WeightStore:
    """Return the store that the environment names: ``DATAGEN_WEIGHTS``."""
    return WeightStore(weights_folder())


@dataclass(frozen=True, slots=True)
class WeightStore:
    """A folder with weight files, and the user's cards in its folder ``cards``.

    Attributes:
        folder: The folder; it need not exist.
    """

    folder: Path

    @property
    def cards_folder(self) -> Path:
        """Folder of the user's own cards, which take precedence over the shipped ones."""
        return self.folder / "cards"

    def known(self) -> list[str]:
        """Return the ids of all cards, shipped ones and the user's own."""
        own = (path.stem for path in self.cards_folder.glob("*.yaml"))
        return sorted({*shipped_weight_cards(), *own})

    def is_own(self, card_id: str) -> bool:
        """Say whether the card of that id is the user's own."""
        return bool(_CARD_ID.fullmatch(card_id)) and self._own_path(card_id).exists()

    def card(self, card_id: str) -> WeightCard:
        """Return the card of that id, the user's own before the shipped one.

        Raises:
            CardError: There is no such card (the nearest ids are listed), or it is wrong.
        """
        if not _CARD_ID.fullmatch(card_id):
            raise CardError(
                f"{shortened(card_id)} is no id of a weight card: lower-case letters, digits, '-' "
                "and '_'. 'datagen weights list' shows all cards; a path is added with "
                "'datagen weights add CARD'"
            )
        for path in (self._own_path(card_id), shipped_card_path(card_id)):
            if path.exists():
                card = read_weight_card(path)
                if card.id != card_id:
                    raise CardError(
                        f"{path}: id is {card.id!r}, but the file is named {card_id!r}",
                        path=path,
                        key="id",
                    )
                return card
        raise CardError(
            f"no weight card {card_id!r}.{near(card_id, self.known())} 'datagen weights list' "
            "shows all cards; 'datagen weights add CARD' adds your own"
        )

    def _own_path(self, card_id: str) -> Path:
        return self.cards_folder / f"{card_id}.yaml"

    def find(self, card: WeightCard) -> Path | None:
        """Return the path of the card's file or folder if it exists; checks nothing.

        An insightface pack may also be in ``models``, where the library itself unpacks it.
        """
        places = [self.folder / card.file]
        if card.form == "insightface":
            places.insert(0, self.folder / "models" / card.file)
        for place in places:
            # An empty folder is not a pack.
            if place.exists() and (card.form != "insightface" or files_of(card, place)):
                return place
        return None

    def fetch(self, card: WeightCard) -> Path:
        """Return the path of the checked file or folder, after a download if it is missing.

        Raises:
            WeightsError: It is missing and cannot be downloaded, is incomplete, or its digest
                differs; the message says which file, from where, and under which license.
        """
        path = self.find(card)
        if path is None:
            return self.pull(card)
        check_weights(card, path)
        return path

    def pull(
        self, card: WeightCard, unseen: bool = False, on_progress: OnProgress | None = None
    ) -> Path:
        """Download the file or folder of a card; see ``pull_weights``."""
        return pull_weights(card, self.folder, unseen, on_progress)

    def digest(self, card: WeightCard) -> str:
        """Return the sha256 of the card's file or folder, see ``digest_at``; downloads nothing.

        Raises:
            WeightsError: It is missing.
        """
        path = self.find(card)
        if path is None:
            raise WeightsError(
                f"weight file {card.file!r} ({card.title}) is not in {self.folder} "
                "(DATAGEN_WEIGHTS names the folder), so it has no digest yet. "
                f"'datagen weights pull {card.id}' says how to get it"
            )
        return digest_at(card, path)

    def check(self, card: WeightCard, path: Path, fresh: bool = False) -> str:
        """Compare the file or folder at ``path`` with the card; see ``check_weights``."""
        return check_weights(card, path, fresh)


def check_weights(card: WeightCard, path: Path, fresh: bool = False) -> str:
    """Compare the file or folder at ``path`` with the card and return its digest.

    Args:
        card: What it must be.
        path: An existing file or folder.
        fresh: Read everything again instead of using remembered digests.

    Raises:
        WeightsError: Its kind, size or digest differs from the card.
    """
    if not (path.is_dir() or path.is_file()):  # a pipe would be waited for
        raise WeightsError(f"{path} is no regular file: remove it", path=path)
    kind = "folder" if path.is_dir() else "file"
    wanted = "folder" if card.form in _FOLDERS else "file" if card.form in _FILES else kind
    if kind != wanted:
        raise WeightsError(
            f"{path} is a {kind}; weights {card.id!r} of form {card.form!r} are a {wanted}. Move "
            f"it away and put the {wanted} there",
            path=path,
        )
    found = size_at(card, path)
    if card.size is not None and found != card.size:
        state = "is incomplete" if found < card.size else "is too long"
        raise WeightsError(
            f"{path} {state}: {found} bytes, but the card of {card.title} says {card.size}. "
            f"{_advice(card)}",
            path=path,
        )
    digest = digest_at(card, path, fresh)
    if card.sha256 and digest != card.sha256:
        raise WeightsError(
            f"{path} is not {card.title}: its sha256 is {digest}, but the card says "
            f"{card.sha256}. {_advice(card)}",
            path=path,
        )
    return digest


def _advice(card: WeightCard) -> str:
    return (
        f"Remove it and run 'datagen weights pull {card.id}', or point DATAGEN_WEIGHTS at the "
        "right folder"
    )
