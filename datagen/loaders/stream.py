"""A release as a WebDataset pipeline: its tars are read from start to end.

Of a tar only the encoded images are taken, and only from plain members: WebDataset's own reader
unpacks compressed and sparse tars, of which a stranger's release may have one. What an item says
comes from the manifest, whose rows were checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt

from datagen.core.arguments import maybe_whole, whole
from datagen.core.rng import rng
from datagen.core.text import counted, reason
from datagen.errors import MissingExtraError, ReleaseError, UserError
from datagen.loaders.items import (
    FIELDS,
    Transform,
    build_item,
    checked_image,
    checked_kinds,
    checked_names,
    checked_transform,
    needed,
)
from datagen.loaders.selection import (
    Filter,
    Selection,
    check_media,
    check_not_empty,
    opened,
    select,
)
from datagen.release.folder import Folder
from datagen.release.pixels import decoded_mask
from datagen.release.rules import MAX_IMAGE_BYTES
from datagen.release.tar_members import members

__all__ = ["stream"]


@dataclass(frozen=True, slots=True)
class _Shard:
    """A tar with the pairs that are wanted of it.

    Attributes:
        folder: Its release.
        path: Name of the tar.
        control: Whether it holds controls.
        pairs: Their numbers in the selection, by id.
    """

    folder: Folder
    path: str
    control: bool
    pairs: Mapping[str, int]


def stream(  # noqa: PLR0913 - those of PairDataset, and the order
    releases: object,
    split: str,
    *,
    method: str | Sequence[str] | None = None,
    where: Mapping[str, Any] | None = None,
    kinds: str | Sequence[str] = ("real", "fake"),
    fields: str | Sequence[str] = (),
    transform: Transform | None = None,
    shuffle: int = 0,
    seed: int | None = None,
    epoch: int = 0,
) -> Any:
    """Return a ``webdataset.DataPipeline`` of the items that ``PairDataset`` has.

    The real and the fake of a pair follow each other; controls come after all pairs. The tars are
    divided among ranks and workers, so that these get different numbers of items: where ranks must
    have equally many batches, use ``PairBatchSampler``.

    Args:
        releases: See ``PairDataset``.
        split: See ``PairDataset``.
        method: See ``PairDataset``.
        where: See ``PairDataset``.
        kinds: See ``PairDataset``.
        fields: See ``PairDataset``, without ``control``, which lies in another tar.
        transform: See ``PairDataset``.
        shuffle: Pairs that are held back to be drawn from; the order of the tars is shuffled too.
            0 keeps the order.
        seed: Seed of the order, required with ``shuffle``.
        epoch: Number of the epoch: another one is another order. Make a new stream for each.

    Raises:
        ReleaseError: See ``PairDataset``; clips are read by ``ClipDataset``. When it is iterated:
            there are more workers than tars, or a tar does not hold the pairs that the manifest
            states.
        UserError: There is no such kind or field.
        MissingExtraError: ``webdataset`` is not installed.
    """
    asked = checked_kinds(kinds)
    extra = checked_names(fields, "fields", FIELDS)
    if "control" in extra or ("other" in extra and "control" in asked):
        raise UserError(
            "fields: a stream reads controls and pairs from different tars, so that no item has "
            "both. Add 'control' to kinds without 'other', or use PairDataset",
            key="fields",
        )
    apply = checked_transform(transform)
    if whole(shuffle, "shuffle", 0) and seed is None:
        raise UserError("seed: is required with shuffle", key="seed")
    try:
        import webdataset
    except ImportError:
        raise MissingExtraError("webdataset", "interop", "datagen.loaders.stream") from None
    several = opened(releases)
    check_media(several, clips=False, reader="stream")
    more = ["landmarks"] if any(name.startswith("landmarks") for name in extra) else []
    chosen = select(several, Filter(split, method, where), asked, more)
    check_not_empty(chosen, asked)
    shards = _shards(chosen, asked)
    random = rng("stream", maybe_whole(seed, "seed", 0) or 0, whole(epoch, "epoch", 0))
    stages: list[Any] = []
    if shuffle:
        shards = [shards[number] for number in random.permutation(len(shards))]
        order = int(random.integers(1 << 31))
        stages.append(webdataset.shuffle(shuffle, initial=shuffle, seed=order))
    source = _Own(tuple(shards)), _Samples(asked, extra)
    return webdataset.DataPipeline(*source, *stages, _Items(chosen, asked, extra, apply))


def _shards(chosen: Selection, kinds: Sequence[str]) -> list[_Shard]:
    """Return the tars that hold images of these kinds, those of controls last."""
    ids, tars = chosen.columns["pair_id"], chosen.columns["media_path"]
    found: dict[tuple[bool, int, str], dict[str, int]] = {}
    for kind in kinds:
        for pair in np.flatnonzero(chosen.rows[kind] >= 0).tolist():
            row = int(chosen.rows[kind][pair])
            tar = kind == "control", int(chosen.release[row]), tars[row].as_py()
            found.setdefault(tar, {})[ids[row].as_py()] = pair
    return [
        _Shard(chosen.folders[number], path, control, pairs)
        for (control, number, path), pairs in sorted(found.items(), key=lambda one: one[0])
    ]


@dataclass(frozen=True, slots=True)
class _Own:
    """Takes the tars of this rank and worker."""

    shards: tuple[_Shard, ...]

    def __call__(self) -> Iterator[_Shard]:
        from webdataset.utils import pytorch_worker_info

        every = self.shards
        rank, ranks, worker, workers = pytorch_worker_info()
        if ranks * workers > len(every):
            raise ReleaseError(
                f"{counted(ranks * workers, 'worker')} ({ranks} x {workers}) for "
                f"{counted(len(every), 'tar')}: some would have nothing to read. Use fewer "
                "workers, or make the release with smaller shards (shard_pairs)",
                path=str(every[0].folder),
                key="num_workers",
            )
        yield from every[rank::ranks][worker::workers]


@dataclass(frozen=True, slots=True)
class _Sample:
    """The encoded images of a pair in one tar.

    Attributes:
        where: Tar and id, for messages.
        pair: Its number in the selection.
        control: Whether it is of a tar of controls.
        images: Bytes by ``real``, ``fake``, ``control`` and ``mask``.
    """

    where: str
    pair: int
    control: bool
    images: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class _Samples:
    """Reads the samples of tars: all that are wanted, each once."""

    kinds: tuple[str, ...]
    fields: tuple[str, ...]

    def __call__(self, shards: Iterable[_Shard]) -> Iterator[_Sample]:
        for shard in shards:
            kinds = [kind for kind in self.kinds if (kind == "control") == shard.control]
            roles = {what for kind in kinds for what in needed(kind, self.fields)}
            path, seen = f"{shard.folder}/{shard.path}", set()
            for pair, found in groupby(_images_of(shard, roles), key=lambda one: one[0]):
                images = {}
                for _, role, data in found:
                    if pair in seen or role in images:
                        raise _broken(path, f"has two images '{role}' of {pair}", pair)
                    images[role] = data
                seen.add(pair)
                yield _Sample(f"{path}: {pair}", shard.pairs[pair], shard.control, images)
            if lacking := sorted(shard.pairs.keys() - seen):
                what = f"{counted(len(lacking), 'pair')} of the manifest missing"
                raise _broken(f"{path}:", f"{what}, such as {lacking[0]}", lacking[0])


def _images_of(shard: _Shard, roles: set[str]) -> Iterator[tuple[str, str, bytes]]:
    """Yield id, role and bytes of the images that are wanted of a tar."""
    path = f"{shard.folder}/{shard.path}"
    try:
        size = shard.folder.size(shard.path)
        with shard.folder.open(shard.path) as tar:
            for member in members(tar, size):
                if member.problem:
                    raise _broken(
                        path, f"cannot be read as a tar: {member.name!r} {member.problem}"
                    )
                pair, role = (*member.name.split("."), "")[:2]
                if pair not in shard.pairs or role not in roles:
                    continue
                if member.size > MAX_IMAGE_BYTES:
                    raise _broken(path, f"has an image of {member.size:,} bytes", pair)
                tar.seek(member.offset)
                yield pair, role, tar.read(member.size)
    except OSError as error:
        raise _broken(path, f"cannot be read: {reason(error)}") from error


def _broken(path: str, what: str, pair: str = "") -> ReleaseError:
    return ReleaseError(f"{path} {what}. Get the release again", path=path, row=pair or None)


@dataclass(frozen=True, slots=True)
class _Items:
    """Decodes samples into items."""

    selection: Selection
    kinds: tuple[str, ...]
    fields: tuple[str, ...]
    transform: Transform | None

    def __call__(self, samples: Iterable[_Sample]) -> Iterator[Any]:
        for sample in samples:
            for kind in self.kinds:
                if (kind == "control") == sample.control and self._row(sample, kind) >= 0:
                    item = self._item(sample, kind)
                    yield item if self.transform is None else self.transform(item)

    def _row(self, sample: _Sample, kind: str) -> int:
        return int(self.selection.rows[kind][sample.pair])

    def _item(self, sample: _Sample, kind: str) -> dict[str, Any]:
        facts = self.selection.facts(self._row(sample, kind))

        def decode(what: str) -> npt.NDArray[np.uint8]:
            if what not in sample.images:
                raise ReleaseError(f"{sample.where} has no {what}", path=sample.where)
            data = sample.images[what]
            if what == "mask":
                return decoded_mask(data, facts)
            return checked_image(data, self.selection.facts(self._row(sample, what)))

        return build_item(facts, self.fields, decode)
