"""Batches of whole pairs, balanced, equal on all ranks, and resumable."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from datagen.core.arguments import found, maybe_whole, whole
from datagen.core.digests import digest_of
from datagen.errors import UserError
from datagen.loaders.balance import Groups
from datagen.loaders.pair_items import PairItems

__all__ = ["EpochReport", "PairBatchSampler"]

_MAX_EPOCH = 100_000  # the plans of earlier epochs are made again on resuming
_MAX_PAIRS = 100_000_000  # of an epoch, whose plan is kept in memory

_BALANCED = ("method", "degradation", "identity_id")


@dataclass(frozen=True, slots=True)
class EpochReport:
    """What an epoch has, over all ranks.

    Attributes:
        pairs: Number of pairs, repeated ones counted each time.
        unused: Pairs of the dataset that the epoch does not have.
        repeated: How many of its pairs had come before in it.
        counts: Number of pairs by value of ``method``, ``degradation`` and ``identity_id``.
    """

    pairs: int
    unused: int
    repeated: int
    counts: Mapping[str, Mapping[str, int]]

    @property
    def deviation(self) -> dict[str, int]:
        """For each balanced column: pairs of its most frequent value less those of its rarest."""
        return {
            name: max(found.values()) - min(found.values()) for name, found in self.counts.items()
        }


class PairBatchSampler:
    """Batches in which the real and the fake of a pair stand beside each other.

    For ``DataLoader(dataset, batch_sampler=...)``. In an epoch all methods have equally many pairs,
    or one more, and of each method all degradations as far as there are pairs. Of each of these
    groups the pairs that earlier epochs had least come first, so that no pair comes again before
    all others of its group have come as often; among them those of the identities that the epoch
    has least. ``report`` says how even that comes out.

    Each iteration gives the next epoch. All ranks have the same number of batches of the same size.

    Args:
        dataset: A ``PairDataset`` or ``ClipDataset`` of reals and fakes.
        batch_size: Images or clips of a batch on one rank, an even number.
        seed: Seed of all draws; give all ranks the same.
        rank: Number of this process.
        ranks: Number of processes.
        epoch_pairs: Pairs of an epoch, over all ranks. By default as many as there are without a
            pair coming twice: the number of methods times the pairs of the rarest. With more, the
            pairs of rare methods come again. What fills no batch on every rank is left out.

    Raises:
        UserError: An argument is not allowed, or there are too few pairs for a batch on each rank.
    """

    def __init__(
        self,
        dataset: PairItems,
        batch_size: int,
        *,
        seed: int,
        rank: int = 0,
        ranks: int = 1,
        epoch_pairs: int | None = None,
    ) -> None:
        if not isinstance(dataset, PairItems):
            raise UserError(
                f"dataset: must be a PairDataset or ClipDataset ({found(dataset)})", key="dataset"
            )
        self._dataset = dataset
        self._items = dataset.pair_items()
        if whole(batch_size, "batch_size", 2) % 2:
            raise UserError(
                f"batch_size: must be even, because pairs are kept together, found {batch_size}",
                key="batch_size",
            )
        self._seed = whole(seed, "seed", 0)
        self._ranks = whole(ranks, "ranks", 1)
        self._rank = whole(rank, "rank", 0)
        if self._rank >= self._ranks:
            raise UserError(f"rank: must be below ranks ({ranks}), found {rank}", key="rank")
        self._pairs_per_batch = int(batch_size) // 2
        self._values = {
            name: ["" if one is None else str(one) for one in dataset.selection.of_pairs(name)]
            for name in _BALANCED
        }
        self._groups = Groups(*(self._values[name] for name in _BALANCED))
        self._total = self._whole_batches(maybe_whole(epoch_pairs, "epoch_pairs", 1))
        ids = zip(
            *(dataset.selection.of_pairs(one) for one in ("release_id", "pair_id")), strict=True
        )
        self._dataset_digest = digest_of([list(one) for one in ids])
        self._epoch, self._next, self._placed = 0, 0, True
        self._forget()

    def __len__(self) -> int:
        """Return the number of batches of an epoch on this rank."""
        return self._total // (self._pairs_per_batch * self._ranks)

    def __iter__(self) -> Iterator[list[Any]]:
        """Iterate over the batches of the next epoch, or over what a loaded state left of one."""
        # A generator, because a DataLoader calls ``iter`` twice and uses the second: an epoch
        # begins with its first batch.
        if not self._placed:
            self._epoch, self._next = self._epoch + 1, 0
        self._placed = False
        pairs, start = self._pairs_of(self._epoch), self._next
        mine = pairs.reshape(len(self), self._ranks, self._pairs_per_batch)[:, self._rank]
        for number in range(start, len(self)):
            self._next = number + 1
            items = self._items[mine[number]].ravel().tolist()
            yield self._dataset.indices(items, self._epoch)

    def set_epoch(self, epoch: int) -> None:
        """Let the next ``iter`` give this epoch from its start.

        Args:
            epoch: Number of the epoch, from 0 to 100,000.
        """
        self._epoch, self._next, self._placed = _epoch(epoch), 0, True

    def state_dict(self, batches: int | None = None) -> dict[str, Any]:
        """Return where the training is, as plain values.

        Args:
            batches: How many batches of this epoch the training has finished. Needed with workers,
                for which a ``DataLoader`` asks for batches ahead of the training; by default those
                that were handed out.
        """
        done = maybe_whole(batches, "batches", 0)
        if done is not None and done > len(self):
            raise UserError(f"batches: an epoch has {len(self)}, found {batches}", key="batches")
        return {
            **self._setup(),
            "epoch": self._epoch,
            "batch": self._next if done is None else done,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Let the next ``iter`` begin with the batch after those that were finished.

        Args:
            state: From ``state_dict``, of any rank.

        Raises:
            UserError: It is of another dataset or was made with other arguments.
        """
        if not isinstance(state, Mapping):
            raise UserError(
                f"state: must be what state_dict returned ({found(state)})", key="state"
            )
        for key, own in self._setup().items():
            given = state.get(key)
            if not isinstance(given, str | int | np.integer) or given != own:
                raise UserError(
                    f"state: {key} differs ({found(given)}), here it is {own!r}: resume with the "
                    "same dataset and arguments",
                    key=key,
                )
        epoch, batch = (whole(state.get(key), f"state.{key}", 0) for key in ("epoch", "batch"))
        self.set_epoch(_epoch(epoch + batch // len(self), "state.epoch"))
        self._next = batch % len(self)

    def report(self, epoch: int | None = None) -> EpochReport:
        """Return how even an epoch is.

        Args:
            epoch: Number of the epoch; by default the current one.
        """
        pairs = self._pairs_of(self._epoch if epoch is None else _epoch(epoch))
        distinct = len(np.unique(pairs))
        counts = {}
        for name, values in self._values.items():
            times = Counter({value: 0 for value in sorted(set(values))})
            times.update(values[pair] for pair in pairs)
            counts[name] = dict(times)
        return EpochReport(len(pairs), len(self._items) - distinct, len(pairs) - distinct, counts)

    def _setup(self) -> dict[str, Any]:
        return {
            "dataset": self._dataset_digest,
            "seed": self._seed,
            "batch_size": 2 * self._pairs_per_batch,
            "ranks": self._ranks,
            "epoch_pairs": self._total,
        }

    def _whole_batches(self, asked: int | None) -> int:
        most = self._groups.smallest * len(self._groups.methods)
        wanted = most if asked is None else asked
        if wanted > _MAX_PAIRS:
            raise UserError(
                f"epoch_pairs: an epoch has at most {_MAX_PAIRS:,} pairs, found {wanted:,}",
                key="epoch_pairs",
            )
        step = self._pairs_per_batch * self._ranks
        if wanted < step:
            raise UserError(
                f"an epoch has {wanted} pairs ({len(self._groups.methods)} methods, the rarest of "
                f"{self._groups.smallest}), fewer than the {step} of one batch on each rank. Make "
                "batch_size smaller, or set epoch_pairs, with which rare pairs come again",
                key="batch_size" if asked is None else "epoch_pairs",
            )
        return wanted // step * step

    def _forget(self) -> None:
        self._planned = -1
        self._used = np.zeros(len(self._items), np.int64)
        self._pairs = self._used[:0]

    def _pairs_of(self, epoch: int) -> npt.NDArray[np.int64]:
        """Return the pairs of an epoch; what earlier ones used is counted again where needed."""
        if epoch < self._planned:
            self._forget()
        while self._planned < epoch:
            np.add.at(self._used, self._pairs, 1)
            self._planned += 1
            self._pairs = self._groups.epoch(self._total, self._planned, self._seed, self._used)
        return self._pairs


def _epoch(value: object, name: str = "epoch") -> int:
    epoch = whole(value, name, 0)
    if epoch > _MAX_EPOCH:
        raise UserError(
            f"{name}: at most {_MAX_EPOCH:,} epochs are planned, found {epoch:,}", key=name
        )
    return epoch
