"""Checking the weight files of a card: digest, license, and the network against its contract."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from datagen.errors import WeightsError
from datagen.rights import Purpose, today, weight_terms
from datagen.rights.gate import decide_weights
from datagen.weights import WeightCard
from datagen.weights.digest import files_of
from datagen.weights.io_contract import Task
from datagen.weights.store import WeightStore

__all__ = ["check_card", "permitted"]

_RESEARCH = Purpose(use="research", redistribute=False)


def permitted(card: WeightCard) -> str:
    """Return in words what the images of a card's network may be used for."""
    if card.expires is not None and card.expires < today():
        return f"permits no purpose since {card.expires.isoformat()}, when its terms expired"
    stated = " (as its card states)" if card.permits is not None else ""
    names = ", ".join(weight_terms(card, _RESEARCH).purposes())
    return f"permits {names}{stated}" if names else f"permits no purpose{stated}"


def check_card(store: WeightStore, card: WeightCard, path: Path) -> str:
    """Read the files of a card anew and return what was found, in one line.

    Args:
        store: The store of the card and the cards that it needs.
        card: The card.
        path: Its file or folder on this machine.

    Raises:
        UserError: The files are not those of the card, nothing is permitted, or the network is
            not what the card's contract says.
    """
    digest = store.check(card, path, fresh=True)
    decision = decide_weights(card, _RESEARCH, today())
    if not decision.covered:
        raise WeightsError(
            f"{'; '.join(decision.reasons)}. State the terms that apply, with their grounds, in a "
            "card of your own"
        )
    _open(store, card, path)
    proved = _prove(card)
    unknown = "" if card.sha256 else " (the card has none to compare)"
    found = [f"sha256 {digest}{unknown}", permitted(card)]
    return "; ".join([*found, *filter(None, (decision.grounds, proved))])


def _prove(card: WeightCard) -> str:
    """Return how an embedder separates people; empty for other cards."""
    if card.embedder is None:
        return ""
    from datagen.networks.onnx.identity import IdentityNetwork
    from datagen.networks.onnx.separation import check_separation

    return check_separation(IdentityNetwork(card.id))


def _open(store: WeightStore, card: WeightCard, path: Path) -> None:
    """Compare the inside of the file or folder with the card's contract; downloads nothing."""
    if card.network is not None:
        _open_network(store, card)
    if card.form == "insightface":
        from datagen.networks.onnx.session import Session

        for file in files_of(card, path):
            Session(file, "cpu", 1)
    if card.form == "datagen":
        from datagen.networks.autoencoder.network import trained_config

        trained_config(card.id)
    if card.autoencoder is not None:
        from datagen.networks.diffusion.codec import open_codec

        open_codec(card.id, "cpu", "fp32")
    if card.diffusers is not None:
        from datagen.networks.diffusion.folder import autoencoder_folder, check_pipeline_folder

        pipeline = card.diffusers.loads.endswith("Pipeline")
        (check_pipeline_folder if pipeline else autoencoder_folder)(
            path, card, card.diffusers.loads
        )


def _open_network(store: WeightStore, card: WeightCard) -> None:
    from datagen.networks.onnx.card import weight_closure
    from datagen.networks.onnx.embed import open_embedder
    from datagen.networks.onnx.network import open_network

    others = [store.card(name) for name in weight_closure(card.id, get_args(Task))[1:]]
    open_network(card.id, "cpu", 1)
    if others and all(store.find(other) for other in others):
        open_embedder(card.id, "cpu", 1)
