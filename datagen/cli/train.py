"""``datagen train``: an autoencoder of the people of a recipe's sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Optional

import typer
from rich.progress import Progress

from datagen.cli.options import Address, Inline, PluginFiles, RecipeFile, Set, Workers
from datagen.cli.wiring import Job, console, engine_choice, index_of, load, progress_bar
from datagen.core.schema import parse
from datagen.core.yaml_io import read_yaml
from datagen.errors import RecipeError, ReleaseError
from datagen.faces.index import FaceIndex
from datagen.faces.indexing.cache import cache_folder
from datagen.networks.autoencoder.config import Shape
from datagen.recipe.schema import SplitName
from datagen.release import Folder
from datagen.release.record import lock_folder
from datagen.sources import Source
from datagen.training.aligned_faces import AlignedFaces, aligned_faces
from datagen.training.identities import Choice, choose_people
from datagen.training.interrupt import stop_on_signal
from datagen.training.outcome import Faces
from datagen.training.run import Pace, Watch, check_training, run_training
from datagen.training.setup import Setup, claim, faces_digest
from datagen.weights.card import WeightCard

NAME = "train"

INTERRUPTED = 130
_METHOD = "autoencoder_swap"
# The recipe's methods may name the very weights that are to be made; training needs none of them.
_NO_METHODS = "methods=[{use: self_blend, share: 1}]"


def command(
    recipe: RecipeFile,
    folder: Annotated[
        str, typer.Option("-o", "--out", metavar="FOLDER", help="New folder on this machine.")
    ],
    set_: Set = None,
    plugin: PluginFiles = None,
    name: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            metavar="ID",
            help="Id of the weights; default: what the recipe's autoencoder_swap asks for.",
        ),
    ] = None,
    split: Annotated[str, typer.Option(help="Whose people: train, val or test.")] = "train",
    people: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(metavar="A,B", help="Identities; default: those with most images."),
    ] = None,
    most: Annotated[int, typer.Option(min=2, help="How many people, when not named.")] = 2,
    least: Annotated[int, typer.Option(min=1, help="Fewest usable images of a person.")] = 8,
    size: Annotated[int, typer.Option(help="Side of the face: 64, 128 or 256 pixels.")] = 128,
    width: Annotated[int, typer.Option(help="Channels of the first layer, 4 to 256.")] = 64,
    steps: Annotated[int, typer.Option(min=1, help="In all, over all runs.")] = 50_000,
    batch: Annotated[
        int, typer.Option(min=1, help="Faces of each of the two people of a step.")
    ] = 16,
    rate: Annotated[float, typer.Option(help="Learning rate.")] = 1e-4,
    adversarial: Annotated[
        float, typer.Option(min=0, help="Weight of a PatchGAN loss; 0: none.")
    ] = 0.0,
    every: Annotated[int, typer.Option(min=1, help="Steps between checkpoints.")] = 1000,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    threads: Annotated[int, typer.Option(min=1, help="Cores for training.")] = 1,
    workers: Workers = None,
    address: Address = None,
    inline: Inline = False,
) -> None:
    """Train an autoencoder on people of one split. Run it again to go on.

    Exit 0: trained, weights and card are written. 130: stopped, a checkpoint is kept. 2: something
    must be changed first.
    """
    chosen = Choice(_split(split), _names(people), most, least)
    shape = parse(Shape, {"size": size, "width": width}, "--size, --width", RecipeError)
    pace = Pace(steps, every, _device(device), threads)
    wanted, out = name or _asked_name(recipe), _local(folder)
    check_training(device)
    job = load(recipe, [*(set_ or ()), _NO_METHODS], plugin)
    sources = tuple(job.loaded.sources())
    with (
        lock_folder(Folder(str(out)), cache_folder() / "locks"),
        engine_choice(inline, workers, address) as engine,
    ):
        index = index_of(job, sources, engine).index
        rows = choose_people(job.loaded, index, chosen)
        body = {
            "name": wanted,
            "seed": job.loaded.spec.seed,
            "split": split,
            "people": {person: len(own) for person, own in rows.items()},
            "faces": faces_digest(index, chain.from_iterable(rows.values())),
            "cards": _digests(job, rows),
            "shape": shape,
            "batch": batch,
            "rate": rate,
            "adversarial": adversarial,
            "purpose": job.loaded.spec.purpose,
        }
        setup = parse(Setup, body, "options of 'datagen train'", RecipeError)
        claim(out, setup)
        faces = Faces(index, tuple(chain(*rows.values())), job.loaded.cards, job.use)
        aligned = _read_faces(index, list(rows.values()), sources, size)
        card = _train(out, setup, aligned, faces, pace)
    typer.echo(_last_line(out, card, setup))


def _train(
    out: Path, setup: Setup, aligned: Sequence[AlignedFaces], faces: Faces, pace: Pace
) -> WeightCard:
    told = ", ".join(f"{person} ({count})" for person, count in setup.people.items())
    console.print(f"training on {told}", soft_wrap=True)
    with progress_bar("training") as bar, stop_on_signal() as stopped:
        watch = Watch(_teller(bar, pace.steps), stopped)
        card = run_training(out, setup, aligned, faces, pace, watch)
    if card is None:
        console.print(
            f"stopped: a checkpoint is in {out}; the same command goes on from it", soft_wrap=True
        )
        raise typer.Exit(INTERRUPTED)
    return card


def _teller(bar: Progress, steps: int) -> Any:
    task = bar.add_task("", total=steps, rate="")

    def tell(step: int, losses: Mapping[str, float]) -> None:
        shown = " ".join(f"{key} {value:.3f}" for key, value in losses.items() if value)
        bar.update(task, completed=step, rate=shown)

    return tell


def _read_faces(
    index: FaceIndex, people: Sequence[tuple[int, ...]], sources: Sequence[Source], size: int
) -> list[AlignedFaces]:
    total = sum(map(len, people))
    with progress_bar("reading faces") as bar:
        task = bar.add_task("", total=total, rate="")
        return aligned_faces(
            index, people, sources, size, lambda done: bar.update(task, completed=done)
        )


def _last_line(out: Path, card: WeightCard, setup: Setup) -> str:
    permits = card.permits
    allowed = [
        word
        for word in ("research", "commercial", "redistribute")
        if permits is not None and getattr(permits, word)
    ]
    return (
        f"{out / 'weights'}: {card.id}, {len(setup.people)} people, {(card.size or 0) / 1e6:.1f} "
        f"MB; permits: {', '.join(allowed) or 'nothing'}. To use it: cp -r {out / 'weights'}/. "
        '"$DATAGEN_WEIGHTS"'
    )


def _digests(job: Job, rows: Mapping[str, tuple[int, ...]]) -> dict[str, str]:
    used = {person.partition("/")[0] for person in rows}
    return {card.id: card.digest() for card in job.loaded.cards if card.id in used}


def _asked_name(recipe: Path) -> str:
    """Return the weights that the recipe's entry of the method names."""
    methods = read_yaml(recipe, RecipeError).get("methods")
    entries = methods if isinstance(methods, list) else []
    found = {
        entry["weights"]
        for entry in entries
        if isinstance(entry, dict) and entry.get("use") == _METHOD and "weights" in entry
    }
    if len(found) != 1:
        shown = ", ".join(sorted(map(str, found)))
        told = f"names several weights ({shown})" if found else f"has no {_METHOD} with weights"
        raise RecipeError(f"{recipe}: {told}: say --name ID, the id of the weights to make")
    return str(found.pop())


def _split(text: str) -> SplitName:
    for name in ("train", "val", "test"):
        if text == name:
            return name
    raise RecipeError(f"--split: want train, val or test (found {text!r})")


def _local(folder: str) -> Path:
    if "://" in folder:
        raise ReleaseError(f"-o {folder}: a training is kept on a local disk: name a folder there")
    return Path(folder)


def _device(text: str) -> str:
    if text not in ("cpu", "cuda"):
        raise RecipeError(f"--device: want cpu or cuda (found {text!r})")
    return text


def _names(text: str | None) -> tuple[str, ...]:
    names = tuple(part.strip() for part in (text or "").split(","))
    if text is not None and not all(names):
        raise RecipeError(f"--people: want names with commas between them (found {text!r})")
    return names if text is not None else ()
