"""Which numbers of a split the evaluation will be able to judge: those of enough identities."""

from __future__ import annotations

from collections.abc import Iterator

from datagen.core.text import counted, first_of
from datagen.evaluation.metrics.intervals import MIN_CLUSTERS
from datagen.planning.plan import Plan
from datagen.recipe import SplitName

__all__ = ["evaluated_split", "thin_groups", "unjudged"]

CONTROLS = "controls"
_LOOKED_AT = 20_000  # pairs: a second; what is rarer is not judged here
_SHOWN = 5


def evaluated_split(plan: Plan, limit: int | None) -> SplitName | None:
    """Return the split that detectors are evaluated on: test, else val; ``None`` without pairs."""
    counts = plan.counts(limit)
    return next((split for split in ("test", "val") if counts.get(split)), None)


def thin_groups(plan: Plan, split: SplitName, pairs: int) -> dict[str, int]:
    """Return the identities of methods, and of all controls, that have too few of them.

    Args:
        plan: The plan.
        split: Name of the split.
        pairs: Number of its base pairs.
    """
    names = [use.use for use in plan.recipe.methods]
    methods = {names[n]: count for n, count in plan.method_counts(split, pairs).items()}
    wanted = [name for name, count in methods.items() if count]
    if plan.control_count(split, pairs):
        wanted.append(CONTROLS)
    seen: dict[str, set[object]] = {name: set() for name in wanted}
    open_ = set(wanted)
    for base in range(min(pairs, _LOOKED_AT)):
        item = plan.item(split, base * plan.levels)
        identity = plan.identities[item.target].key
        for name in (names[item.method], *((CONTROLS,) if item.control else ())):
            seen[name].add(identity)
            if len(seen[name]) >= MIN_CLUSTERS:
                open_.discard(name)
        if not open_:
            return {}
    return {name: len(seen[name]) for name in wanted if name in open_ and pairs <= _LOOKED_AT}


def unjudged(plan: Plan, limit: int | None) -> Iterator[str]:
    """Yield a warning about what the evaluation cannot judge, and what to change."""
    split = evaluated_split(plan, limit)
    if split is None:
        return
    pairs = plan.counts(limit)[split]
    people = len({plan.identities[row].key for row in plan.targets(split)})
    if people < MIN_CLUSTERS:
        share = f" or raise split.shares.{split}" if plan.recipe.split.origin == "hash" else ""
        yield (
            f"split {split!r}: {counted(people, 'identity', 'identities')}, and an evaluation "
            f"judges nothing on fewer than {MIN_CLUSTERS}. Add identities{share}"
        )
        return
    thin = thin_groups(plan, split, pairs)
    if not thin:
        return
    listed = [f"{name} ({count})" for name, count in thin.items()]
    more = f"splits.{split}" if pairs == plan.recipe.splits[split] else "the limit"
    rare = set(thin) - {CONTROLS}
    # Where all methods are rare, other shares only move the trouble.
    counts = plan.method_counts(split, pairs).values()
    methods = ["the methods' shares"] if 0 < len(rare) < sum(map(bool, counts)) else []
    ways = [more, *methods, *([CONTROLS] if CONTROLS in thin else [])]
    yield (
        f"split {split!r}: fewer than {MIN_CLUSTERS} identities of {first_of(listed, _SHOWN)}: "
        f"an evaluation cannot judge them. Raise {' or '.join(ways)}"
    )
