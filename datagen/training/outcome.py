"""Result of a training: a folder of weights, and a weight card with the terms of its faces."""

from __future__ import annotations

import csv
import datetime as dt
import io
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from datagen.core.files import move_into_place, write_atomically
from datagen.core.terminal import plain
from datagen.core.text import first_of
from datagen.faces.index import Face, FaceIndex
from datagen.networks.autoencoder.config import FACES, AutoencoderConfig, TrainedIdentity
from datagen.networks.autoencoder.network import save_autoencoder
from datagen.rights import Purpose, Terms, combine, source_terms, weight_terms
from datagen.sources import SourceCard
from datagen.training.setup import Setup
from datagen.weights.card import Permits, WeightCard
from datagen.weights.digest import digest_at, size_at

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

__all__ = ["Faces", "license_expression", "write_outcome"]

_COLUMNS = ("source", "identity", "split", "face", "sha256", "license", "attribution")
_NAMED = 20
_MAX_TITLE = 2000
_MAX_CITATION = 10_000  # characters, as in a card


@dataclass(frozen=True, slots=True)
class Faces:
    """Training faces, with the cards of their sources and the purpose.

    Attributes:
        index: The face index.
        rows: Rows of the index, in the order of the decoders.
        cards: Cards of the sources.
        purpose: Purpose of the recipe.
        networks: Cards of networks that the training learns from.
    """

    index: FaceIndex
    rows: tuple[int, ...]
    cards: tuple[SourceCard, ...]
    purpose: Purpose
    networks: tuple[WeightCard, ...] = ()

    def each(self) -> list[Face]:
        """Return the faces."""
        return [self.index.face(row) for row in self.rows]

    def used_cards(self) -> list[SourceCard]:
        """Return the cards of the sources of the faces."""
        names = {face.source for face in self.each()}
        return [card for card in self.cards if card.id in names]

    def terms(self) -> Terms:
        """Return the terms of a work made from all the faces and with the networks."""
        cards = {card.id: card for card in self.cards}
        of_faces = (
            source_terms(cards[face.source], face.license, face.attribution, self.purpose)
            for face in self.each()
        )
        return combine([*of_faces, *(weight_terms(card, self.purpose) for card in self.networks)])

    def expires(self) -> str:
        """Return the last day of the first consent to expire, ISO 8601, or an empty string."""
        days = [card.consent.expires for card in self.used_cards() if card.consent.expires]
        return min(days).isoformat() if days else ""


def write_outcome(
    folder: Path, setup: Setup, faces: Faces, steps: int, tensors: Mapping[str, Tensor]
) -> WeightCard:
    """Write ``weights/NAME`` and ``weights/cards/NAME.yaml``, replacing existing ones.

    The files contain no time stamps: equal trainings write equal bytes.
    """
    top = folder / "weights"
    (top / "cards").mkdir(parents=True, exist_ok=True)
    config = AutoencoderConfig(
        shape=setup.shape,
        people=tuple(
            TrainedIdentity(identity=name, split=setup.split, faces=count)
            for name, count in setup.people.items()
        ),
        steps=steps,
        cards={card.id: card.digest() for card in faces.used_cards()},
        expires=faces.expires(),
        settings=setup.digest(),
    )
    with tempfile.TemporaryDirectory(dir=top, prefix=".part-") as part:
        fresh = Path(part) / setup.name
        fresh.mkdir()
        save_autoencoder(fresh, config, tensors)
        (fresh / FACES).write_bytes(_faces_table(faces.each(), setup.split))
        place = top / setup.name
        card = _card(setup, faces, steps, fresh)
        shutil.rmtree(place, ignore_errors=True)
        move_into_place(fresh, place)
    body = card.model_dump(mode="json", exclude_defaults=True)
    text = yaml.safe_dump(body, sort_keys=False, allow_unicode=True, width=100)
    write_atomically(top / "cards" / f"{setup.name}.yaml", text.encode())
    return card


def _faces_table(faces: Sequence[Face], split: str) -> bytes:
    """Return the list of training faces as CSV, so that a withdrawn one can be found."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for face in faces:
        named = (face.license or "", face.attribution or "")
        writer.writerow([face.source, face.identity, split, face.face_id, face.sha256, *named])
    return text.getvalue().encode()


def _card(setup: Setup, faces: Faces, steps: int, place: Path) -> WeightCard:
    terms, used = faces.terms(), faces.used_cards()
    described = ", ".join(f"{card.id!r} (digest {card.digest()[:16]})" for card in used)
    expires = faces.expires()
    until = f" The first of their consents expires on {expires}." if expires else ""
    count = len(setup.people)
    titles = plain(first_of([card.title for card in used], _NAMED), one_line=True)
    bare = WeightCard(
        id=setup.name,
        title=f"Autoencoder of {count} identities of {titles}"[:_MAX_TITLE],
        file=setup.name,
        form="datagen",
        license=license_expression(terms.licenses),
        permits=Permits(
            research=terms.research is True,
            commercial=terms.commercial is True,
            redistribute=terms.redistribute is True,
            grounds=(
                f"The terms of the {len(faces.rows)} faces that it was trained on, license and "
                f"consent together, as stated by the source cards {described}{_learned_from(faces)}"
                f": what holds for all of them holds for the network and its images.{until}"
            ),
        ),
        expires=dt.date.fromisoformat(expires) if expires else None,
        citation=_named(terms.attribution),
        notes=(
            f"Trained by 'datagen train': size {setup.shape.size}, width {setup.shape.width}, "
            f"{steps} steps, identities of split {setup.split!r}. {FACES} in its folder lists "
            f"every face, so that a withdrawal can be traced.{until}"
        ),
    )
    return bare.model_copy(
        update={"sha256": digest_at(bare, place, fresh=True), "size": size_at(bare, place)}
    )


def _learned_from(faces: Faces) -> str:
    named = [f"{card.id!r} ({card.license})" for card in faces.networks]
    return f", and the licenses of the networks {', '.join(named)}" if named else ""


def license_expression(licenses: Sequence[str]) -> str:
    """Return one SPDX expression for something that is under all of these licenses."""
    parts = [f"({name})" if " OR " in name else name for name in sorted(set(licenses))]
    return " AND ".join(parts)


def _named(attribution: Sequence[str]) -> str:
    shown = " ".join(attribution[:_NAMED])
    more = len(attribution) - _NAMED
    named = f"{shown} And {more} more, named in {FACES}." if more > 0 else shown
    return named if len(named) <= _MAX_CITATION else f"Named in {FACES}."
