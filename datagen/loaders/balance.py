"""Which pairs one epoch has: methods equally often, degradations and identities as even as can be.

Pure functions over arrays with one entry per pair; the same arguments give the same pairs.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from datagen.core.rng import rng

__all__ = ["Groups", "quotas"]

Numbers = npt.NDArray[np.int64]


def quotas(total: int, groups: int, epoch: int) -> list[int]:
    """Return how many of ``total`` pairs each group gets: as many, or one more.

    Args:
        total: Pairs of the epoch.
        groups: Number of groups.
        epoch: Number of the epoch; those that get one more change with it.
    """
    each, more = divmod(total, groups)
    extra = {(epoch * more + number) % groups for number in range(more)}
    return [each + (number in extra) for number in range(groups)]


class Groups:
    """The pairs of a dataset by method and degradation.

    Args:
        methods: Method of each pair.
        degradations: Degradation of each pair.
        identities: Identity of each pair.
    """

    def __init__(
        self, methods: Sequence[str], degradations: Sequence[str], identities: Sequence[str]
    ) -> None:
        self.methods = sorted(set(methods))
        self._identities = identities
        cells: dict[str, dict[str, list[int]]] = {name: defaultdict(list) for name in self.methods}
        for pair, (method, degradation) in enumerate(zip(methods, degradations, strict=True)):
            cells[method][degradation].append(pair)
        self._cells = [
            {name: np.array(pairs, np.int64) for name, pairs in sorted(cells[method].items())}
            for method in self.methods
        ]

    @property
    def smallest(self) -> int:
        """Number of pairs of the rarest method."""
        return min(sum(map(len, cells.values())) for cells in self._cells)

    def epoch(self, total: int, epoch: int, seed: int, used: Numbers) -> Numbers:
        """Return the pairs of an epoch in random order.

        A pair comes twice only where its method has fewer pairs than its share.

        Args:
            total: Number of pairs of the epoch.
            epoch: Number of the epoch.
            seed: Seed of the draws.
            used: How often earlier epochs had each pair. Of each method and degradation, those that
                came least come first.
        """
        random = rng("pair-batches", seed, epoch)
        tie = random.permutation(len(used))
        counts, seen = Counter[str](), Counter[str]()
        chosen: list[Numbers] = []
        tight: list[tuple[Numbers, int]] = []
        shares = quotas(total, len(self.methods), epoch)
        for number in random.permutation(len(self.methods)):
            cells = self._cells[number]
            every = np.concatenate(list(cells.values()))
            rounds, share = divmod(shares[number], len(every))
            chosen += [every] * rounds
            for name, count in _even(cells, share, counts, random).items():
                pairs = cells[name]
                if count < len(pairs):
                    tight.append((pairs, count))
                else:
                    chosen.append(pairs)
        for pair in np.concatenate(chosen) if chosen else ():
            seen[self._identities[pair]] += 1
        for number in random.permutation(len(tight)):
            pairs, count = tight[number]
            chosen.append(self._least_seen(pairs, count, seen, used, tie))
        return random.permutation(np.concatenate(chosen))

    def _least_seen(
        self, pairs: Numbers, count: int, seen: Counter[str], used: Numbers, tie: Numbers
    ) -> Numbers:
        """Choose the pairs used least, of the identities that the epoch has least; count them."""
        queues: dict[tuple[int, str], list[tuple[int, int]]] = defaultdict(list)
        for pair in pairs:
            place = int(used[pair]), self._identities[pair]
            queues[place].append((int(tie[pair]), int(pair)))
        waiting = []
        for (before, identity), queue in queues.items():
            queue.sort(reverse=True)
            waiting.append((before, seen[identity], *queue.pop(), identity))
        heapq.heapify(waiting)
        found: list[int] = []
        while len(found) < count:
            before, known, _, pair, identity = waiting[0]
            if seen[identity] != known:  # chosen since, after fewer uses
                heapq.heapreplace(waiting, (before, seen[identity], *waiting[0][2:]))
                continue
            seen[identity] += 1
            found.append(pair)
            if queue := queues[before, identity]:
                heapq.heapreplace(waiting, (before, seen[identity], *queue.pop(), identity))
            else:
                heapq.heappop(waiting)
        return np.array(found, np.int64)


def _even(
    cells: dict[str, Numbers], share: int, counts: Counter[str], random: np.random.Generator
) -> dict[str, int]:
    """Return how many pairs of each degradation a method gets, and count them.

    Each gets as many as the others, or all that it has; where some get one more, these are the ones
    that the epoch has least.
    """
    found = {list(cells)[number]: 0 for number in random.permutation(len(cells))}
    left = share
    while left:
        open_ = [name for name in found if found[name] < len(cells[name])]
        level = min(left // len(open_), min(len(cells[name]) - found[name] for name in open_))
        if level == 0:
            open_ = sorted(open_, key=lambda name: counts[name] + found[name])[:left]
            level = 1
        for name in open_:
            found[name] += level
        left -= level * len(open_)
    counts.update(found)
    return found
