"""A run: from a recipe that passed the rights gate to a finished release."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from datagen.core.progress import Progress
from datagen.core.text import counted
from datagen.core.versions import pixel_libraries
from datagen.engine import Engine, Outcome
from datagen.engine.steps import hearing
from datagen.errors import (
    DatagenError,
    ReleaseError,
    RunError,
    SourceChangedError,
    UserError,
    one_per_line,
)
from datagen.faces.indexing.build import forget_changed
from datagen.generation.documents import release_info
from datagen.generation.manifest_rows import index_reject_row
from datagen.generation.prepare import Prepared, index_faces, note_limit
from datagen.generation.shard import MakeShard, ShardDone
from datagen.generation.shard_log import ShardLog
from datagen.planning import Plan, ShardKey
from datagen.recipe.schema import Rejects
from datagen.release import Folder
from datagen.release.commit import read_commits
from datagen.release.lock import lock_folder
from datagen.release.record import claim_folder, finish_release, withdraw_release
from datagen.weights.obtain import obtain_weights
from datagen.weights.store import weight_store

__all__ = ["RunSummary", "make_release"]

_LOG = logging.getLogger(__name__)
_SHOWN = 5


def make_release(
    prepared: Prepared,
    out: str,
    engine: Callable[[], Engine],
    limit: int | None,
    progress: Progress,
    include_plugins: bool = False,
) -> RunSummary:
    """Make a release, or what is missing of it.

    Args:
        prepared: The recipe.
        out: Path or address of the release's folder.
        engine: Gives the engine; called when there is something to run.
        limit: Make only the first pairs, see ``Plan.counts``.
        progress: Shows how far the run is.
        include_plugins: Whether the source of the plug-in files becomes a part of the release;
            their digests always are.

    Raises:
        UserError: Something must be changed first: the folder, the sources, the weight files.
        RunError: Shards failed, or more pairs were rejected than the recipe allows.
        KeyboardInterrupt: The user stopped the run; finished shards are kept.
    """
    folder = Folder(out)
    if out.startswith("memory://"):
        raise ReleaseError(f"{out} would vanish with this process: name a folder or a bucket")
    recipe = prepared.recipe
    sources = tuple(recipe.sources())
    weights = obtain_weights(weight_store(), recipe.weight_cards(), progress)
    libraries = pixel_libraries(bool(weights))
    with lock_folder(folder):
        built = index_faces(prepared, sources, engine, progress)
        plan = Plan(recipe, built.index)
        note_limit(plan, limit, progress)
        frames = built.index.frames if built.index.frames.num_rows else None
        task = MakeShard(recipe, sources, built.index.table, folder, weights, libraries, frames)
        planned = {str(split): count for split, count in plan.planned(limit).items()}
        info = release_info(prepared, built, planned, libraries, include_plugins)
        sizes = {shard: plan.size(shard) for shard in plan.shards(limit)}
        claim_folder(folder, info, {shard.name: size for shard, size in sizes.items()})
        run = _Run(task, sizes, recipe.spec.rejects, folder, progress)
        run.go(engine())
        rejects = [
            index_reject_row(reject.source, reject.image_id, reject.code, reject.detail)
            for reject in built.rejects
        ]
        commits = [run.done[shard].commit for shard in sizes]
        finish_release(folder, info, commits, rejects, planned)
    return run.summary()


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a run came to.

    Attributes:
        folder: Where the release is.
        pairs: Pairs of the release.
        controls: Controls of the release.
        shards: Shards of the release.
        reused: Shards that an earlier run had made.
        rejects: Rejected pairs by code.
        media_bytes: Size of images and masks.
        made: Pairs that this run made.
        seconds: Duration of the run.
    """

    folder: str
    pairs: int
    controls: int
    shards: int
    reused: int
    rejects: Mapping[str, int]
    media_bytes: int
    made: int
    seconds: float

    def __str__(self) -> str:
        """Return all of it in one line."""
        reused = f" ({self.reused} already there)" if self.reused else ""
        line = (
            f"{self.folder}: {counted(self.pairs, 'pair')} and "
            f"{counted(self.controls, 'control')} in {counted(self.shards, 'shard')}{reused}; "
            f"rejects: {_codes(self.rejects) or 'none'}; "
            f"{self.media_bytes / 1e6:.1f} MB"
        )
        if self.made:
            line += f"; {self.made / self.seconds:.1f} pairs/s, {self.seconds:.1f} s"
        return line


@dataclass
class _Run:
    """One run over the shards: progress, the reject budget, failures."""

    task: MakeShard
    sizes: Mapping[ShardKey, int]
    budget: Rejects
    folder: Folder
    progress: Progress
    done: dict[ShardKey, ShardDone] = field(default_factory=dict)
    failed: dict[ShardKey, DatagenError] = field(default_factory=dict)
    seconds: float = 0.0

    def go(self, engine: Engine) -> None:
        """Run all shards; see ``make_release`` for what it raises."""
        _ = self.task.content_digest  # once here, not once per worker
        withdraw_release(self.folder)
        started = time.monotonic()
        try:
            for outcome in self._watched(engine):
                self._take(outcome)
                self._refuse_too_many_rejects()
        except KeyboardInterrupt:
            self.progress.note(
                f"stopped: {self._committed()} of {len(self.sizes)} shards are in "
                f"{self.folder}; rerun the same command to make the rest"
            )
            raise
        finally:
            self.seconds = time.monotonic() - started
        self._tell_of_replaced()
        self._tell_of_logs()
        changed = [error for error in self.failed.values() if isinstance(error, SourceChangedError)]
        forget_changed(self.task.sources, self.task.recipe.analyzer(), changed)
        if self.failed:
            raise self._failure()

    def _tell_of_replaced(self) -> None:
        if replaced := sum(done.replaced for done in self.done.values()):
            self.progress.note(
                f"{counted(replaced, 'finished shard')} in {self.folder} of the same recipe "
                f"{'was' if replaced == 1 else 'were'} made again: a plug-in, a source image, a "
                "weight file or a library is another one than before. Raise the 'version' of a "
                "plug-in when its output changes"
            )

    def _tell_of_logs(self) -> None:
        problems = [done.log_problem for done in self.done.values() if done.log_problem]
        if problems:
            self.progress.warn(
                f"the logs of {counted(len(problems), 'shard')} could not be written: "
                f"{problems[0]}. The release is complete without them"
            )

    def _watched(self, engine: Engine) -> Iterator[Outcome[ShardKey, ShardDone]]:
        total, finished, shown = sum(self.sizes.values()), 0, 0
        started = time.monotonic()

        def show(running: int) -> None:
            nonlocal shown
            shown = min(max(shown, finished + running), total)
            rate = f"{shown / max(time.monotonic() - started, 1e-3):.0f} pairs/s"
            bar(shown, total, rate if shown else "")

        with self.progress.bar("making pairs") as bar, hearing(show):
            bar(0, total)
            for outcome in engine.run(self.task, list(self.sizes)):
                yield outcome
                if outcome.result is not None and not outcome.result.made:
                    total -= self.sizes[outcome.key]  # was there: says nothing about the speed
                else:
                    finished += self.sizes[outcome.key]
                show(0)

    def _take(self, outcome: Outcome[ShardKey, ShardDone]) -> None:
        if outcome.error is not None:
            _LOG.error("shard %s failed: %s", outcome.key.name, outcome.error)
            log = ShardLog(self.folder, outcome.key.name)
            log.add("failed", error=str(outcome.error), attempts=outcome.attempts)
            log.flush()
            self.failed[outcome.key] = outcome.error
            if isinstance(outcome.error, UserError):
                raise outcome.error  # no shard can succeed until the user changes something
        elif outcome.result is not None:
            commit = outcome.result.commit
            _LOG.info(
                "shard %s: %s, rejects: %s, %s",
                commit.shard,
                counted(commit.pairs, "pair"),
                _codes(commit.rejects) or "none",
                f"attempt {outcome.attempts}" if outcome.result.made else "already there",
            )
            self.done[outcome.key] = outcome.result

    def _refuse_too_many_rejects(self) -> None:
        planned = sum(self.sizes.values())
        allowed = int(self.budget.max_share * planned)
        if self.budget.max_count is not None:
            allowed = min(allowed, self.budget.max_count)
        codes = self._rejects()
        if codes.total() > allowed:
            raise RunError(
                f"{codes.total()} of {planned} planned pairs were rejected so far "
                f"({_codes(codes)}); the recipe allows {allowed}. Look at "
                f"{self.folder}/rejects, then fix the cause or raise rejects.max_share; if you "
                "change what is made (methods, sources, seed), choose a new folder. No "
                "release.json was written"
            )

    def _failure(self) -> RunError:
        shown = sorted(self.failed.items())
        lines = [f"shard {shard.name}: {error}" for shard, error in shown[:_SHOWN]]
        if len(shown) > _SHOWN:
            lines.append(f"and {len(shown) - _SHOWN} more")
        head = f"the run did not complete: {len(shown)} of {len(self.sizes)} shards failed:"
        kept = len(self.done)
        others = f"{counted(kept, 'finished shard')} in {self.folder}. " if kept else ""
        return RunError(
            f"{one_per_line(head, lines)}\n{others}Fix the cause and rerun the same command: it "
            "makes only the missing shards."
        )

    def _committed(self) -> int:
        """Count the shards in the folder: those that workers have committed unseen, too."""
        names = {shard.name: shard for shard in self.sizes}
        try:
            found = read_commits(self.folder, list(names))
        except Exception:  # noqa: BLE001  # the storage must not hide that the run was stopped
            return len(self.done)
        return sum(self.task.shard_digest(names[name]) == one.digest for name, one in found.items())

    def _rejects(self) -> Counter[str]:
        codes: Counter[str] = Counter()
        for done in self.done.values():
            codes.update(done.commit.rejects)
        return codes

    def _made(self) -> int:
        return sum(done.commit.pairs for done in self.done.values() if done.made)

    def summary(self) -> RunSummary:
        """Return what the run came to."""
        commits = [done.commit for done in self.done.values()]
        return RunSummary(
            folder=str(self.folder),
            pairs=sum(commit.pairs for commit in commits),
            controls=sum(commit.controls for commit in commits),
            shards=len(commits),
            reused=sum(not done.made for done in self.done.values()),
            rejects=self._rejects(),
            media_bytes=sum(commit.media_bytes for commit in commits),
            made=self._made(),
            seconds=self.seconds,
        )


def _codes(codes: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {code}" for code, count in sorted(codes.items()))
