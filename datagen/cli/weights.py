"""``datagen weights``: the cards of weight files, and the files themselves."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Optional

import typer

from datagen.cli.command import HELP_NAMES, Command, Group
from datagen.cli.next_step import next_step
from datagen.cli.options import Json
from datagen.core.progress import Progress
from datagen.core.terminal import echo, echo_json
from datagen.core.text_table import table_lines
from datagen.errors import CardError, UserError, WeightsError, one_per_line
from datagen.networks.card_row import CardRow, card_row
from datagen.networks.check_card import check_card, permitted
from datagen.weights.add import add_card
from datagen.weights.card import read_weight_card
from datagen.weights.store import WeightStore, weight_store
from datagen.weights.whereabouts import needed_cards, whereabouts

__all__ = ["NAME", "group"]

NAME = "weights"

group = typer.Typer(
    cls=Group,
    help="Manage the weight files of networks: list, pull, check, add.",
    no_args_is_help=True,
    context_settings=HELP_NAMES,
)

CardId = Annotated[str, typer.Argument(metavar="ID", help="Id of a weight card.")]


@group.command("list", cls=Command, context_settings=HELP_NAMES)
def list_cards(
    cards: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Argument(
            metavar="CARD", help="Cards to describe in full; by default a table of all."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """List the known weight cards: what they permit, and where each file is."""
    store, broken = weight_store(), []
    rows: list[CardRow] = []
    for card_id in cards or store.known():
        try:
            rows.append(card_row(store, card_id))
        except UserError as error:
            if cards:
                raise
            broken.append(f"{card_id}: {error}")
    if json:
        echo_json([asdict(row) for row in rows])
    elif cards:
        for row in rows:
            echo(f"{row.id}{' (your card)' if row.own else ''}")
            echo(*(f"  {line}" for line in (row.title, f"{row.license}: {row.permits}", row.how)))
    else:
        cells = [(row.id, row.purposes, row.brief) for row in rows]
        echo(*table_lines(("card", "permits", "file"), cells))
        next_step("'datagen weights list CARD' shows the license and how to get the file")
    if broken:
        raise CardError(one_per_line("these cards cannot be read:", broken))


@group.command(cls=Command, context_settings=HELP_NAMES)
def pull(card_id: CardId) -> None:
    """Download a weight file, check it, and show what it may be used for."""
    progress, store = Progress(), weight_store()
    card = store.card(card_id)
    path = store.find(card)
    if path is None:
        with progress.bar(f"downloading {card.id}") as bar:
            path = store.pull(card, True, bar)
    digest = store.check(card, path)
    echo(path, f"sha256 {digest}", f"{card.license}: {permitted(card)}")
    if not card.sha256:
        progress.warn(
            f"the card of {card.id} has no digest, so nothing was compared. Put this digest into "
            "a card of your own to pin these files"
        )
    for other in needed_cards(card):
        if store.find(store.card(other)) is None:
            progress.note(f"it needs {other}, which is not here: 'datagen weights pull {other}'")
    next_step(f"name {card.id} in a recipe: docs/weights.md")


@group.command(cls=Command, context_settings=HELP_NAMES)
def check(
    card_id: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(metavar="ID", help="One card; by default all whose files are here."),
    ] = None,
) -> None:
    """Read the weight files anew: digests, licenses, and networks against their contracts."""
    store, found, problems = weight_store(), 0, 0
    for name in [card_id] if card_id else store.known():
        try:
            line = _checked(store, name, required=bool(card_id))
        except UserError as error:
            if card_id:
                raise
            problems += 1
            Progress().warn(f"{name}: {error}", "bad", "red")
            continue
        if line:
            found += 1
            echo(f"ok   {name}: {line}")
    if problems:
        raise WeightsError(f"{problems} of {found + problems} weight files or cards are not usable")
    if not found:
        echo(f"no weight file of a known card is in {store.folder}")


@group.command(cls=Command, context_settings=HELP_NAMES)
def add(
    card: Annotated[Path, typer.Argument(metavar="CARD", help="A weight card of your own (YAML).")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace an existing card of that id.")
    ] = False,
) -> None:
    """Copy a weight card to DATAGEN_WEIGHTS/cards, where recipes find it by its id."""
    store = weight_store()
    terms = permitted(read_weight_card(card))  # before the card is in place
    added, place = add_card(store, card, replace)
    echo(place, f"{added.license}: {terms}", whereabouts(store, added))
    for other in needed_cards(added):
        if other not in store.known():
            Progress().warn(f"it needs {other!r}, but no weight card of that id is known")


def _checked(store: WeightStore, name: str, required: bool) -> str:
    """Return what was found of one card's files; empty if they are not on this machine."""
    card = store.card(name)
    path = store.find(card)
    if path is not None:
        return check_card(store, card, path)
    if required:
        how = whereabouts(store, card).removeprefix("not here: ")
        raise WeightsError(f"not in {store.folder}: {how}")
    return ""
