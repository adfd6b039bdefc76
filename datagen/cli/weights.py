"""``datagen weights``: the cards of network files, and the files themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Optional, get_args

import typer

from datagen.cli.wiring import console, progress_bar
from datagen.errors import CardError, UserError, WeightsError
from datagen.rights import Purpose, today
from datagen.rights.gate import decide_weights, weight_terms
from datagen.weights import (
    WeightCard,
    known_weight_cards,
    load_weight_card,
    local_weights,
    weights_folder,
)
from datagen.weights.add import add_card
from datagen.weights.catalog import own_cards_folder
from datagen.weights.digest import files_of
from datagen.weights.io_contract import Task
from datagen.weights.pull import pull_weights
from datagen.weights.store import check_weights

__all__ = ["NAME", "group"]

NAME = "weights"
_RESEARCH = Purpose(use="research")

group = typer.Typer(help="Weight files of networks: list, pull, check, add.", no_args_is_help=True)

CardId = Annotated[str, typer.Argument(metavar="ID", help="Id of a weight card.")]


@group.command("list")
def list_cards() -> None:
    """List the known weight cards: license, what it permits, where the file is or comes from."""
    broken = []
    for card_id in known_weight_cards():
        try:
            card = load_weight_card(card_id)
            permits = _permits(card)
        except UserError as error:
            broken.append(f"{card_id}: {error}")
            continue
        own = " (your card)" if (own_cards_folder() / f"{card_id}.yaml").exists() else ""
        typer.echo(f"{card.id}{own}")
        typer.echo(f"  {card.title}")
        typer.echo(f"  {card.license}: {permits}")
        typer.echo(f"  {_whereabouts(card)}")
    if broken:
        raise CardError("these cards cannot be read:\n  - " + "\n  - ".join(broken))


@group.command()
def pull(card_id: CardId) -> None:
    """Fetch a weight file, check it, and say what it may be used for."""
    card = load_weight_card(card_id)
    path = local_weights(card)
    if path is None:
        with progress_bar(f"pulling {card.id}") as bar:
            task = bar.add_task("", total=None, rate="")
            path = pull_weights(
                card,
                weights_folder(),
                unseen=True,
                tell=lambda done, total: bar.update(task, completed=done, total=total),
            )
    digest = check_weights(card, path)
    typer.echo(f"{path}\nsha256 {digest}\n{card.license}: {_permits(card)}")
    if not card.sha256:
        console.print(
            f"[yellow]warning:[/] the card of {card.id} knows no digest, so nothing was compared. "
            "Put this one into a card of your own to hold on to these files",
            soft_wrap=True,
        )
    for other in _leans_on(card):
        if local_weights(load_weight_card(other)) is None:
            console.print(f"it leans on {other}, which is not here: 'datagen weights pull {other}'")


@group.command()
def check(
    card_id: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(metavar="[ID]", help="One card; by default all whose files are here."),
    ] = None,
) -> None:
    """Read the weight files anew: digests, licenses, and networks against their contracts."""
    found = problems = 0
    for name in [card_id] if card_id else known_weight_cards():
        try:
            line = _checked(load_weight_card(name), must=bool(card_id))
        except UserError as error:
            problems += 1
            console.print(
                f"[red]bad[/]  {name}: {str(error).replace('[', chr(92) + '[')}", soft_wrap=True
            )
            continue
        if line:
            found += 1
            typer.echo(f"ok   {name}: {line}")
    if problems:
        raise WeightsError(f"{problems} of {found + problems} weight files or cards are not usable")
    if not found:
        typer.echo(f"no weight file of a known card is in {weights_folder()}")


@group.command()
def add(
    card: Annotated[Path, typer.Argument(metavar="CARD", help="A weight card of your own (YAML).")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Take the place of a card that is there.")
    ] = False,
) -> None:
    """Copy a weight card to DATAGEN_WEIGHTS/cards, where recipes find it by its id."""
    added, place = add_card(card, replace)
    typer.echo(f"{place}\n{added.license}: {_permits(added)}\n{_whereabouts(added)}")
    for other in _leans_on(added):
        if other not in known_weight_cards():
            console.print(f"[yellow]warning:[/] it leans on {other!r}, a card that is not known")


def _permits(card: WeightCard) -> str:
    if card.expires is not None and card.expires < today():
        return f"permits no purpose since {card.expires.isoformat()}, when its terms expired"
    terms = weight_terms(card, _RESEARCH)
    stated = " (as its card states)" if card.permits is not None else ""
    named = ", ".join(terms.purposes())
    return f"permits {named}{stated}" if named else f"permits no purpose{stated}"


def _whereabouts(card: WeightCard) -> str:
    path = local_weights(card)
    if path is not None:
        return f"here: {path}"
    size = f" ({card.size / 1e6:.0f} MB)" if card.size else ""
    if card.hub is not None and card.hub.revision:
        return f"not here: 'datagen weights pull {card.id}' gets {card.hub.repo} from the hub"
    if card.address and card.form != "insightface":
        verb = "gets" if card.sha256 else "tells the digest of"
        return f"not here: 'datagen weights pull {card.id}' {verb} {card.address}{size}"
    place = weights_folder() / card.file
    return f"not here: get it from {card.homepage or 'its makers'}{size} and put it at {place}"


def _leans_on(card: WeightCard) -> list[str]:
    network = card.network
    return (
        [] if network is None else [name for name in (network.embedder, network.converter) if name]
    )


def _checked(card: WeightCard, must: bool) -> str:
    """Return what was found of one card's files; empty when they are not here."""
    path = local_weights(card)
    if path is None:
        if must:
            raise WeightsError(f"not in {weights_folder()}; {_whereabouts(card)}")
        return ""
    digest = check_weights(card, path, fresh=True)
    decision = decide_weights(card, _RESEARCH, today())
    if not decision.covered:
        raise WeightsError(
            f"{'; '.join(decision.reasons)}. State the terms that hold, with their grounds, in a "
            "card of your own"
        )
    _open(card, path)
    return "; ".join(_findings(card, digest))


def _findings(card: WeightCard, digest: str) -> Iterator[str]:
    yield f"sha256 {digest}" + ("" if card.sha256 else " (the card knows none to compare)")
    yield _permits(card)
    if grounds := decide_weights(card, _RESEARCH, today()).grounds:
        yield grounds


def _open(card: WeightCard, path: Path) -> None:
    """Compare the inside of the file or folder with the card's contract; fetches nothing."""
    if card.network is not None:
        _open_network(card)
    if card.form == "insightface":
        from datagen.networks.onnx.session import Session

        for file in files_of(card, path):
            Session(file, "cpu", 1)
    if card.form == "datagen":
        from datagen.networks.autoencoder.network import trained_config

        trained_config(card.id)
    if card.diffusers is not None:
        from datagen.networks.diffusion.folder import autoencoder_folder, check_pipeline_folder

        look = (
            check_pipeline_folder
            if card.diffusers.loads.endswith("Pipeline")
            else autoencoder_folder
        )
        look(path, card, card.diffusers.loads)


def _open_network(card: WeightCard) -> None:
    from datagen.networks.onnx.card import weight_closure
    from datagen.networks.onnx.embed import open_embedder
    from datagen.networks.onnx.network import open_network

    others = [load_weight_card(name) for name in weight_closure(card.id, get_args(Task))[1:]]
    open_network(card.id, "cpu", 1)
    if others and all(local_weights(other) for other in others):
        open_embedder(card.id, "cpu", 1)
