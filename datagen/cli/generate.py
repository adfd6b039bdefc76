"""``datagen generate``: from a recipe to a release."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, Optional

import typer
import yaml

from datagen.cli.options import Address, Inline, PluginFiles, RecipeFile, Set, Workers
from datagen.cli.wiring import (
    Job,
    console,
    engine_choice,
    find_all,
    index_of,
    load,
    progress_bar,
    purpose_words,
)
from datagen.core.versions import machine, pixel_libraries
from datagen.engine import Engine, Outcome
from datagen.errors import DatagenError, ReleaseError, RunError, UserError, one_per_line
from datagen.faces.indexing.build import BuiltIndex
from datagen.faces.indexing.cache import cache_folder
from datagen.generation.manifest_rows import index_reject_row
from datagen.generation.shard import MakeShard, ShardDone
from datagen.planning import Plan, ShardKey
from datagen.release import Folder
from datagen.release.documents.croissant import croissant_document
from datagen.release.documents.dataset_card import dataset_card
from datagen.release.record import (
    Plate,
    claim_folder,
    finish_release,
    lock_folder,
    withdraw_release,
)
from datagen.rights.attribution import attribution_document

NAME = "generate"

_SHOWN = 5
INTERRUPTED = 130


def command(
    recipe: RecipeFile,
    out: Annotated[
        str, typer.Option("-o", "--out", metavar="OUT", help="New folder, or s3://bucket/name.")
    ],
    set_: Set = None,
    plugin: PluginFiles = None,
    limit: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(
            min=1,
            help="Make the first N pairs (of a ladder: base pairs), in proportion from each split.",
        ),
    ] = None,
    workers: Workers = None,
    address: Address = None,
    inline: Inline = False,
) -> None:
    """Make the pairs of a recipe. Run it again to make what is missing.

    Exit 0: the release is whole. 1: the run fell short. 2: something must be changed first.
    """
    from datagen.engine.ray import stop_on_terminate

    stop_on_terminate()
    job = load(recipe, set_, plugin)
    folder = Folder(out)
    if out.startswith("memory://"):
        raise ReleaseError(f"{out} would end with this process: name a folder or a bucket")
    sources = tuple(job.loaded.sources())
    weights = find_all(job.loaded.weight_cards())
    libraries = pixel_libraries(bool(weights))
    with (
        lock_folder(folder, cache_folder() / "locks"),
        engine_choice(inline, workers, address) as engine,
    ):
        built = index_of(job, sources, engine)
        plan = Plan(job.loaded, built.index)
        task = MakeShard(
            job.loaded, sources, built.index.table, folder, job.plugins, weights, libraries
        )
        counts = {str(split): count for split, count in plan.planned(limit).items()}
        plate = _plate(job, built, counts, libraries)
        shards = list(plan.shards(limit))
        claim_folder(folder, plate, {shard.name: plan.size(shard) for shard in shards})
        run = _Run(task, plan, limit, folder)
        run.go(engine(), shards)
        rejects = [
            index_reject_row(reject.source, reject.image_id, reject.code, reject.detail)
            for reject in built.rejects
        ]
        commits = [run.done[shard].commit for shard in shards]
        finish_release(folder, plate, commits, rejects, counts)
    typer.echo(run.last_line())


@dataclass
class _Run:
    """One run over the shards: progress, the reject budget, failures."""

    task: MakeShard
    plan: Plan
    limit: int | None
    folder: Folder
    done: dict[ShardKey, ShardDone] = field(default_factory=dict)
    failed: dict[ShardKey, DatagenError] = field(default_factory=dict)
    seconds: float = 0.0

    def go(self, engine: Engine, shards: list[ShardKey]) -> None:
        """Run all shards.

        Raises:
            RunError: Shards failed, or more items were rejected than the recipe allows.
            typer.Exit: The user stopped it.
        """
        _ = self.task.content_digest  # once here, not once a worker
        withdraw_release(self.folder)
        started = time.monotonic()
        try:
            for outcome in self._watched(engine, shards):
                self._take(outcome)
                self._refuse_too_many_rejects()
        except KeyboardInterrupt:
            console.print(
                f"stopped: at least {len(self.done)} of {len(shards)} shards are in {self.folder}; "
                "the same command makes the others",
                soft_wrap=True,
            )
            raise typer.Exit(INTERRUPTED) from None
        finally:
            self.seconds = time.monotonic() - started
        if self.failed:
            raise self._failure(len(shards))

    def _watched(
        self, engine: Engine, shards: list[ShardKey]
    ) -> Iterator[Outcome[ShardKey, ShardDone]]:
        total = sum(self.plan.size(shard) for shard in shards)
        started = time.monotonic()
        with progress_bar("making pairs") as bar:
            task = bar.add_task("", total=total, rate="")
            for outcome in engine.run(self.task, shards):
                yield outcome
                made = self._made()
                rate = f"{made / max(time.monotonic() - started, 1e-3):.0f} pairs/s"
                size = self.plan.size(outcome.key)
                bar.update(task, advance=size, rate=rate if made else "")

    def _take(self, outcome: Outcome[ShardKey, ShardDone]) -> None:
        if outcome.error is not None:
            self.failed[outcome.key] = outcome.error
            if isinstance(outcome.error, UserError):
                raise outcome.error  # no shard can succeed until the user changes something
        elif outcome.result is not None:
            self.done[outcome.key] = outcome.result

    def _refuse_too_many_rejects(self) -> None:
        budget = self.plan.recipe.rejects
        planned = sum(self.plan.planned(self.limit).values())
        allowed = int(budget.max_share * planned)
        if budget.max_count is not None:
            allowed = min(allowed, budget.max_count)
        codes = self.rejects()
        if sum(codes.values()) > allowed:
            told = ", ".join(f"{count} {code}" for code, count in sorted(codes.items()))
            raise RunError(
                f"{sum(codes.values())} of {planned} planned pairs were rejected so far ({told}); "
                f"the recipe allows {allowed}. Look into {self.folder}/rejects, mend the cause, or "
                "raise rejects.max_share; there is no release.json"
            )

    def _failure(self, shards: int) -> RunError:
        shown = sorted(self.failed.items())
        lines = [f"shard {shard.name}: {error}" for shard, error in shown[:_SHOWN]]
        if len(shown) > _SHOWN:
            lines.append(f"and {len(shown) - _SHOWN} more")
        return RunError(
            one_per_line(f"{len(self.failed)} of {shards} shards failed:", lines)
            + f"\nThe other {len(self.done)} are in {self.folder}. Mend the cause and run the same "
            "command again: it makes the missing shards only."
        )

    def rejects(self) -> dict[str, int]:
        """Return the rejected items by code."""
        codes: dict[str, int] = {}
        for done in self.done.values():
            for code, count in done.commit.rejects.items():
                codes[code] = codes.get(code, 0) + count
        return codes

    def _made(self) -> int:
        return sum(done.commit.pairs for done in self.done.values() if done.made)

    def last_line(self) -> str:
        """Return the line that ends the run."""
        commits = [done.commit for done in self.done.values()]
        kept = sum(not done.made for done in self.done.values())
        codes = self.rejects()
        told = ", ".join(f"{count} {code}" for code, count in sorted(codes.items())) or "none"
        line = (
            f"{self.folder}: {sum(c.pairs for c in commits)} pairs and "
            f"{sum(c.controls for c in commits)} controls in {len(commits)} shards"
            f"{f' ({kept} were there already)' if kept else ''}; rejects: {told}; "
            f"{sum(c.media_bytes for c in commits) / 1e6:.1f} MB"
        )
        made = self._made()
        if made:
            line += f"; {made / self.seconds:.1f} pairs/s, {self.seconds:.1f} s"
        return line


def _plate(job: Job, built: BuiltIndex, counts: dict[str, int], libraries: dict[str, str]) -> Plate:
    loaded = job.loaded
    recipe = loaded.spec
    licenses = sorted(
        {card.license for card in loaded.cards}
        | {card.license for card in loaded.weight_cards()}
        | set(filter(None, built.index.column("license")))
    )
    body = recipe.model_dump(mode="json", by_alias=True, exclude_none=True)
    documents: dict[str, bytes] = {}
    for use, card in zip(body["sources"], loaded.cards, strict=True):
        use["card"] = f"rights/cards/{card.id}.yaml"
        documents[use["card"]] = _yaml(card.model_dump(mode="json", exclude_none=True))
    purpose = purpose_words(job)
    documents["rights/ATTRIBUTION.md"] = attribution_document(
        loaded.cards, job.weights, job.decisions, purpose
    )
    documents["croissant.json"] = croissant_document(recipe.name, recipe.version, licenses, counts)
    methods = {method.name: str(method.family) for method in loaded.methods}
    documents["README.md"] = dataset_card(
        recipe.name, recipe.version, purpose, counts, methods, licenses
    )
    return Plate(
        name=recipe.name,
        version=recipe.version,
        recipe_digest=loaded.digest,
        index_digest=built.index.digest,
        purpose=recipe.purpose.model_dump(mode="json"),
        recipe_yaml=_yaml(body).decode(),
        made_with={
            "libraries": libraries,
            "machine": machine(),
            "plugins": {plugin.name: plugin.digest for plugin in job.plugins},
            "analyzer": loaded.analyzer().version,
        },
        documents=documents,
    )


def _yaml(value: Any) -> bytes:
    text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=True)
    return text.encode()
