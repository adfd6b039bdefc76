"""``datagen train``: an autoencoder of identities of a recipe's sources."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Optional, TypeAlias, get_args

import typer

from datagen.cli.exit_codes import INTERRUPTED
from datagen.cli.options import Address, AllowOutside, Inline, PluginFiles, RecipeFile, Set, Workers
from datagen.core.progress import Progress
from datagen.core.schema import parse
from datagen.core.terminal import echo
from datagen.engine.choice import engine_choice
from datagen.errors import RecipeError
from datagen.generation.prepare import prepare
from datagen.networks.autoencoder.config import Shape
from datagen.recipe import SplitName, load_recipe
from datagen.recipe.shipped import find_recipe
from datagen.training.identities import Choice
from datagen.training.run import Pace, check_training
from datagen.training.start import NO_METHODS, Request, asked_name, local_folder, train
from datagen.weights.card import WeightCard

NAME = "train"


Name: TypeAlias = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        metavar="ID",
        help="Id of the weights; default: the one named by the recipe's autoencoder_swap.",
    ),
]
EmbedderCard: TypeAlias = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        metavar="ID", help="Weight card of an embedder: swapped faces are pulled to the donor."
    ),
]


class Device(StrEnum):
    """Where to train."""

    cpu = "cpu"
    cuda = "cuda"


def command(
    recipe: RecipeFile,
    folder: Annotated[
        str,
        typer.Option("-o", "--out", metavar="FOLDER", help="New folder, on a local disk."),
    ],
    set_: Set = None,
    plugin: PluginFiles = None,
    allow_outside: AllowOutside = False,
    name: Name = None,
    split: Annotated[
        str, typer.Option(help="Split whose identities to train on: train, val or test.")
    ] = "train",
    identities: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            metavar="A,B", help="Identities to train on; default: those with the most images."
        ),
    ] = None,
    max_identities: Annotated[
        int, typer.Option(min=2, help="Number of identities if they are not named.")
    ] = 2,
    min_images: Annotated[
        int, typer.Option(min=1, help="Usable images that an identity must have.")
    ] = 8,
    size: Annotated[int, typer.Option(help="Side of the face: 64, 128 or 256 pixels.")] = 128,
    width: Annotated[int, typer.Option(help="Channels of the first layer, 4 to 256.")] = 64,
    steps: Annotated[int, typer.Option(min=1, help="Steps in total, over all runs.")] = 50_000,
    batch: Annotated[
        int, typer.Option(min=1, help="Faces per step of each of its two identities.")
    ] = 16,
    rate: Annotated[float, typer.Option(help="Learning rate.")] = 1e-4,
    adversarial: Annotated[
        float, typer.Option(min=0, help="Weight of the PatchGAN loss; 0 turns it off.")
    ] = 0.0,
    embedder: EmbedderCard = None,
    identity: Annotated[float, typer.Option(help="Weight of the identity loss.")] = 0.02,
    every: Annotated[int, typer.Option(min=1, help="Steps between checkpoints.")] = 1000,
    device: Annotated[Device, typer.Option(help="Where to train.")] = Device.cpu,
    threads: Annotated[int, typer.Option(min=1, help="CPU cores for training.")] = 1,
    workers: Workers = None,
    address: Address = None,
    inline: Inline = False,
) -> None:
    """Train an autoencoder on identities of one split. Rerun it to continue.

    Exit 0: trained; weights and card are written. 130: stopped; a checkpoint is kept. 2: you must
    change something first.
    """
    progress = Progress()
    out = local_folder(folder)
    request = Request(
        name or asked_name(find_recipe(recipe)),
        Choice(_split(split), _names(identities), max_identities, min_images),
        parse(Shape, {"size": size, "width": width}, "--size, --width", RecipeError),
        Pace(steps, every, device.value, threads),
        batch,
        rate,
        adversarial,
        embedder,
        identity,
    )
    check_training(device.value)
    changes = [*(set_ or ()), NO_METHODS]
    prepared = prepare(load_recipe(recipe, changes, plugin or (), allow_outside=allow_outside))
    with engine_choice(inline, workers, address, progress) as engine:
        card = train(prepared, out, request, engine, progress)
    if card is None:
        raise typer.Exit(INTERRUPTED)
    echo(_last_line(out / "weights", card))


def _split(text: str) -> SplitName:
    for name in get_args(SplitName):
        if text == name:
            return name  # type: ignore[no-any-return]
    raise RecipeError(f"--split: expected train, val or test (found {text!r})")


def _names(text: str | None) -> tuple[str, ...]:
    names = tuple(part.strip() for part in (text or "").split(","))
    if text is not None and not all(names):
        raise RecipeError(f"--identities: expected names separated by commas (found {text!r})")
    return names if text is not None else ()


def _last_line(weights: Path, card: WeightCard) -> str:
    granted = ("research", "commercial", "redistribute")
    allowed = [word for word in granted if getattr(card.permits, word, False)]
    return (
        f"{weights}: {card.id}, {(card.size or 0) / 1e6:.1f} MB; permits: "
        f'{", ".join(allowed) or "nothing"}. To use it: cp -r {weights}/. "$DATAGEN_WEIGHTS"'
    )
