"""What the commands share: from a recipe file to cards, rights, index and plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from datagen.engine import Engine, InlineEngine
from datagen.errors import RecipeError, WeightsError, one_per_line
from datagen.faces.indexing.build import BuiltIndex, FaceLimits, build_index
from datagen.recipe import Recipe, load_recipe
from datagen.recipe.plugins import Plugin, read_plugin
from datagen.rights import Decision, Purpose, check_rights, today
from datagen.sources import Source
from datagen.weights import WeightCard, find_weights, load_weight_card
from datagen.weights.pull import can_be_pulled
from datagen.weights.store import local_weights, weights_digest

__all__ = ["EngineChoice", "Job", "console", "index_of", "load", "progress_bar", "purpose_words"]

console = Console(stderr=True, highlight=False)


@dataclass(frozen=True, slots=True)
class Job:
    """A recipe that passed the rights gate.

    Attributes:
        weights: Cards of the weight files that its analyzer and methods load.
        decisions: What the gate said.
    """

    loaded: Recipe
    plugins: tuple[Plugin, ...]
    weights: tuple[WeightCard, ...]
    decisions: tuple[Decision, ...]
    purpose: Purpose


def load(path: Path, overrides: Sequence[str] | None, plugin_files: Sequence[Path] | None) -> Job:
    """Read plug-ins, recipe and cards, and ask the rights gate; touches no image."""
    plugins = tuple(read_plugin(file) for file in plugin_files or ())
    for plugin in plugins:
        plugin.load()
    loaded = load_recipe(path, overrides or ())
    purpose = loaded.spec.purpose
    analyzer = (load_weight_card(name) for name in loaded.analyzer().weights)
    cards = {card.id: card for card in (*analyzer, *loaded.weight_cards())}
    weights = tuple(cards.values())
    decisions = tuple(check_rights(loaded.cards, weights, purpose, today()))
    return Job(loaded, plugins, weights, decisions, purpose)


def find_all(cards: Iterable[WeightCard]) -> dict[str, str]:
    """Return the digest of every file of weights by card id, downloading what is missing.

    Raises:
        WeightsError: Files that nobody can fetch are missing (told all at once, before anything is
            fetched), or one cannot be had or is not what its card names.
    """
    asked = list(cards)
    problems = []
    for card in asked:
        if local_weights(card) is None and not can_be_pulled(card):
            try:
                find_weights(card)
            except WeightsError as error:
                problems.append(str(error))
    if problems:
        several = f"{len(problems)} weights must be put in place by hand:"
        raise WeightsError(one_per_line(several, problems) if len(problems) > 1 else problems[0])
    found: dict[str, str] = {}
    for card in asked:
        with console.status(f"weights {card.id}"):
            find_weights(card)
            found[card.id] = weights_digest(card)
    return found


def purpose_words(job: Job) -> str:
    """Return the purpose for documents."""
    main = "commercial use" if job.purpose.commercial else "research"
    return f"{main}, {'to be passed on' if job.purpose.redistribute else 'not to be passed on'}"


class EngineChoice:
    """The engine that the user asked for, started when it is first needed.

    Args:
        inline: One process.
        workers: See ``RayEngine``.
        address: See ``RayEngine``.

    Raises:
        RecipeError: The options contradict each other.
    """

    def __init__(self, inline: bool, workers: int | None, address: str | None) -> None:
        if inline and (address or (workers or 1) > 1):
            raise RecipeError("--inline is one process: leave out --workers and --address")
        self._inline = inline
        self._workers = workers
        self._address = address
        self._stack = ExitStack()
        self._engine: Engine | None = None

    def __call__(self) -> Engine:
        """Return the engine, started at the first call."""
        if self._engine is None:
            if self._inline:
                self._engine = InlineEngine()
            else:
                from datagen.engine.ray import RayEngine

                with console.status("starting Ray"):
                    self._engine = self._stack.enter_context(
                        RayEngine(self._workers, self._address)
                    )
        return self._engine

    def close(self) -> None:
        """Stop what was started."""
        self._stack.close()


@contextmanager
def engine_choice(inline: bool, workers: int | None, address: str | None) -> Iterator[EngineChoice]:
    """Give an ``EngineChoice`` and stop it at the end."""
    choice = EngineChoice(inline, workers, address)
    try:
        yield choice
    finally:
        choice.close()


def progress_bar(what: str) -> Progress:
    """Return a progress bar on stderr."""
    return Progress(
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )


def index_of(job: Job, sources: Sequence[Source], engine: Callable[[], Engine]) -> BuiltIndex:
    """Build the face index with a progress bar, and tell what came of it."""
    face = job.loaded.spec.face
    with ExitStack() as stack:
        bars: list[tuple[Progress, TaskID]] = []

        def tell(done: int, total: int) -> None:
            if not bars:  # only when there is something to wait for
                bar = stack.enter_context(progress_bar("analyzing images"))
                bars.append((bar, bar.add_task("", total=total, rate="")))
            bar, task = bars[0]
            bar.update(task, completed=done, total=total)

        built = build_index(
            sources,
            job.loaded.analyzer(),
            FaceLimits(face.min_side, face.max_yaw),
            job.purpose,
            engine,
            tell,
        )
    console.print(_index_line(built), soft_wrap=True)
    for warning in built.warnings:
        console.print(f"[yellow]warning:[/] {warning}", soft_wrap=True)
    return built


def _index_line(built: BuiltIndex) -> str:
    codes: dict[str, int] = {}
    for reject in built.rejects:
        codes[reject.code] = codes.get(reject.code, 0) + 1
    refused = ", ".join(f"{count} {code}" for code, count in sorted(codes.items())) or "none"
    return (
        f"index: {len(built.index)} faces of {len(set(built.index.column('identity')))} people; "
        f"{built.analyzed} images analyzed, {built.remembered} remembered; refused: {refused}"
    )
