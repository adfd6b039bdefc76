"""A training from a recipe: whose faces, the rights gate, the aligned faces, then the steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from datagen.core.progress import Bar, Progress
from datagen.core.schema import parse
from datagen.core.yaml_io import read_yaml
from datagen.engine import Engine
from datagen.errors import RecipeError, ReleaseError, RightsError
from datagen.faces.index import FaceIndex
from datagen.generation.prepare import Prepared, index_faces
from datagen.networks.autoencoder.config import Shape
from datagen.recipe import Recipe
from datagen.release import Folder
from datagen.release.lock import lock_folder
from datagen.rights import check_rights, restricting, today
from datagen.rights.terms import MAX_EXPRESSION
from datagen.sources import Source
from datagen.training.aligned_faces import AlignedFaces, aligned_faces
from datagen.training.identities import Choice, choose_identities
from datagen.training.interrupt import stop_on_signal
from datagen.training.outcome import Faces, license_expression
from datagen.training.run import Pace, Watch, run_training
from datagen.training.setup import Setup, claim, faces_digest
from datagen.weights.card import WeightCard
from datagen.weights.store import weight_store

__all__ = ["NO_METHODS", "Request", "asked_name", "learned_from", "local_folder", "train"]

_METHOD = "autoencoder_swap"

# The recipe's methods may name the very weights that are to be made; training needs none of them.
NO_METHODS = "methods=[{use: self_blend, share: 1}]"


@dataclass(frozen=True, slots=True)
class Request:
    """What to train, and for how long.

    Attributes:
        name: Id of the weights to make.
        choice: The identities to train on.
        shape: Size and width of the network.
        pace: Steps, checkpoints, device and threads.
        batch: Faces per step of each of its two identities.
        rate: Learning rate.
        adversarial: Weight of the adversarial loss; 0 turns it off.
        embedder: Id of the weight card for the identity loss; none by default.
        identity: Weight of the identity loss.
    """

    name: str
    choice: Choice
    shape: Shape
    pace: Pace
    batch: int
    rate: float
    adversarial: float
    embedder: str | None = None
    identity: float = 0.02


def train(
    prepared: Prepared,
    out: Path,
    request: Request,
    engine: Callable[[], Engine],
    progress: Progress,
) -> WeightCard | None:
    """Train an autoencoder; return the card of its weights, or ``None`` if it was stopped.

    Args:
        prepared: The recipe, which has passed the rights gate.
        out: Folder of the training; a checkpoint in it is continued.
        request: What to train.
        engine: Gives the engine for the face index.
        progress: Shows how far it is.

    Raises:
        UserError: Something must be changed first.
        RunError: The training failed.
    """
    _refuse_clips(prepared)
    networks = learned_from(prepared.recipe, _embedder(prepared, request))
    sources = prepared.recipe.sources()
    with lock_folder(Folder(str(out))):
        index = index_faces(prepared, sources, engine, progress).index
        rows = choose_identities(prepared.recipe, index, request.choice)
        setup = _setup(prepared, index, rows, request)
        flat = tuple(chain(*rows.values()))
        faces = Faces(index, flat, prepared.recipe.cards, prepared.purpose, networks)
        _refuse_uncovered(faces)
        claim(out, setup)
        aligned = _read_faces(index, list(rows.values()), sources, request.shape.size, progress)
        counts = ", ".join(f"{name} ({len(own)})" for name, own in rows.items())
        progress.note(f"training on {counts}")
        with progress.bar("training") as bar, stop_on_signal() as stopped:
            watch = Watch(_teller(bar, request.pace.steps), stopped)
            card = run_training(out, setup, aligned, faces, request.pace, watch)
    if card is None:
        progress.note(f"stopped: a checkpoint is in {out}; rerun the same command to continue")
    return card


def _refuse_clips(prepared: Prepared) -> None:
    """Refuse a recipe of clips: its faces are tracks, and the network learns from still images."""
    if prepared.recipe.spec.clip is not None:
        raise RecipeError(
            "clip: 'datagen train' reads still images, and this recipe makes clips. Add --set "
            "clip=null, and the encoding of images: --set 'encode={format: jpeg, quality: 90}'",
            key="clip",
        )


def _embedder(prepared: Prepared, request: Request) -> tuple[WeightCard, ...]:
    """Return the card of the identity loss, if it has one, after the rights gate."""
    if request.embedder is None:
        return ()
    from datagen.training.likeness import check_embedder

    check_embedder(request.embedder)
    card = weight_store().card(request.embedder)
    check_rights([], [card], prepared.purpose, today())
    weight_store().fetch(card)
    return (card,)


def learned_from(recipe: Recipe, embedder: Sequence[WeightCard] = ()) -> tuple[WeightCard, ...]:
    """Return the cards whose terms the trained network has, beside those of the faces.

    Args:
        recipe: The recipe; its analyzer aligns the faces, which counts where that is restricted.
        embedder: The card of the identity loss, if it has one.
    """
    finders = {card.id: card for card in recipe.analyzer_cards()}
    restricted = restricting(finders.values(), recipe.spec.purpose)
    return (*embedder, *(finders[name] for name in restricted))


def _refuse_uncovered(faces: Faces) -> None:
    """Refuse faces whose terms exclude each other: no recipe of this purpose could use the network.

    Raises:
        RightsError: The terms of all faces together do not cover the purpose.
    """
    terms = faces.terms()
    if len(license_expression(terms.licenses)) > MAX_EXPRESSION:
        raise RightsError(
            f"the {len(set(terms.licenses))} licenses of the faces together are longer than the "
            f"{MAX_EXPRESSION} characters of a license. Name identities of fewer licenses"
        )
    if not faces.purpose.covered_by(terms):
        raise RightsError(
            f"the purpose ({faces.purpose}) is not covered by a network that is trained on faces "
            f"of the licenses {', '.join(terms.licenses)} together. Name identities whose licenses "
            "may be combined (docs/sources.md, Licenses together), or set purpose.redistribute: "
            "false"
        )


def _setup(
    prepared: Prepared, index: FaceIndex, rows: Mapping[str, tuple[int, ...]], request: Request
) -> Setup:
    recipe = prepared.recipe
    used = {name.partition("/")[0] for name in rows}
    body = {
        "name": request.name,
        "seed": recipe.spec.seed,
        "split": request.choice.split,
        "people": {name: len(own) for name, own in rows.items()},
        "faces": faces_digest(index, chain.from_iterable(rows.values())),
        "cards": {card.id: card.digest() for card in recipe.cards if card.id in used},
        "shape": request.shape,
        "batch": request.batch,
        "rate": request.rate,
        "adversarial": request.adversarial,
        "purpose": prepared.purpose,
    }
    if request.embedder is not None:
        card = weight_store().card(request.embedder)
        digest = card.sha256 or weight_store().digest(card)
        loss = {"embedder": card.id, "sha256": digest, "weight": request.identity}
        body["identity"] = loss
    return parse(Setup, body, "options of 'datagen train'", RecipeError)


def _teller(bar: Bar, steps: int) -> Callable[[int, Mapping[str, float]], None]:
    def tell(step: int, losses: Mapping[str, float]) -> None:
        bar(step, steps, " ".join(f"{key} {value:.3f}" for key, value in losses.items() if value))

    return tell


def _read_faces(
    index: FaceIndex,
    identities: Sequence[tuple[int, ...]],
    sources: Sequence[Source],
    size: int,
    progress: Progress,
) -> list[AlignedFaces]:
    total = sum(map(len, identities))
    with progress.bar("reading faces") as bar:
        return aligned_faces(index, identities, sources, size, lambda done: bar(done, total))


def asked_name(recipe: Path) -> str:
    """Return the weights that the recipe's entry of the method names.

    Raises:
        RecipeError: It names none, or several.
    """
    methods = read_yaml(recipe, RecipeError).get("methods")
    entries = methods if isinstance(methods, list) else []
    found = {
        entry["weights"]
        for entry in entries
        if isinstance(entry, dict) and entry.get("use") == _METHOD and "weights" in entry
    }
    if len(found) != 1:
        shown = ", ".join(sorted(map(str, found)))
        what = f"names several weights ({shown})" if found else f"has no {_METHOD} with weights"
        raise RecipeError(
            f"{recipe} {what}: pass --name ID, the id of the weights to make", path=recipe
        )
    return str(found.pop())


def local_folder(folder: str) -> Path:
    """Return the path of a training's folder.

    Raises:
        ReleaseError: It is an address.
    """
    if "://" in folder:
        raise ReleaseError(f"-o {folder}: a training needs a folder on a local disk", path=folder)
    return Path(folder)
