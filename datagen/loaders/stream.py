"""A release as a WebDataset pipeline: its tars are read from start to end."""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from datagen.core.arguments import maybe_whole, whole
from datagen.core.json_io import parse_json
from datagen.core.rng import rng
from datagen.core.text import counted
from datagen.errors import MissingExtraError, ReleaseError, UserError
from datagen.loaders.items import (
    FIELDS,
    KINDS,
    Transform,
    build_item,
    checked_image,
    checked_names,
)
from datagen.loaders.selection import Filter, Selection, opened, select
from datagen.release.folder import Folder
from datagen.release.pixels import decoded_mask

__all__ = ["stream"]

_NEEDED = (
    *("release_id", "pair_id", "split", "identity_id", "method", "family", "degradation"),
    *("severity", "media_type", "width", "height"),
)


@dataclass(frozen=True, slots=True)
class _Shard:
    """A tar with the pairs that are wanted of it.

    Attributes:
        folder: Its release.
        path: Name of the tar.
        control: Whether it holds controls.
        pairs: Their ids.
    """

    folder: Folder
    path: str
    control: bool
    pairs: frozenset[str]


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
        ReleaseError: See ``PairDataset``. When it is iterated: there are more workers than tars, or
            a tar does not hold the pairs that the manifest states.
        UserError: There is no such kind or field.
        MissingExtraError: ``webdataset`` is not installed.
    """
    asked = checked_names(kinds, "kinds", KINDS)
    extra = checked_names(fields, "fields", FIELDS)
    if "control" in extra or ("other" in extra and "control" in asked):
        raise UserError(
            "fields: a stream reads controls and pairs from different tars, so that no item has "
            "both. Add 'control' to kinds without 'other', or use PairDataset",
            key="fields",
        )
    if whole(shuffle, "shuffle", 0) and seed is None:
        raise UserError("seed: is required with shuffle", key="seed")
    try:
        import webdataset
    except ImportError:
        raise MissingExtraError("webdataset", "interop", "datagen.loaders.stream") from None
    several = opened(releases)
    shards = _shards(select(several, Filter(split, method, where), asked), asked)
    random = rng("stream", maybe_whole(seed, "seed", 0) or 0, whole(epoch, "epoch", 0))
    stages: list[Any] = []
    if shuffle:
        shards = [shards[number] for number in random.permutation(len(shards))]
        order = int(random.integers(1 << 31))
        stages.append(webdataset.shuffle(shuffle, initial=shuffle, seed=order))
    source = _Own(tuple(shards)), _Samples()
    return webdataset.DataPipeline(*source, *stages, _Items(asked, extra, transform))


def _shards(chosen: Selection, kinds: Sequence[str]) -> list[_Shard]:
    """Return the tars that hold images of these kinds, those of controls last."""
    ids, tars = chosen.columns["pair_id"], chosen.columns["media_path"]
    found: dict[tuple[bool, int, str], set[str]] = {}
    for kind in kinds:
        for row in chosen.rows[kind][chosen.rows[kind] >= 0].tolist():
            tar = kind == "control", int(chosen.release[row]), tars[row].as_py()
            found.setdefault(tar, set()).add(ids[row].as_py())
    return [
        _Shard(chosen.folders[number], path, control, frozenset(pairs))
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


class _Samples:
    """Reads the samples of tars: all that are wanted, each once."""

    def __call__(self, shards: Iterable[_Shard]) -> Iterator[dict[str, Any]]:
        for shard in shards:
            seen = set()
            for sample in _samples_of(shard):
                if sample["__key__"] in shard.pairs:
                    seen.add(sample["__key__"])
                    yield {**sample, "__control__": shard.control}
            if lacking := sorted(shard.pairs - seen):
                path = f"{shard.folder}/{shard.path}"
                raise ReleaseError(
                    f"{path}: {counted(len(lacking), 'pair')} of the manifest missing, such as "
                    f"{lacking[0]}. Get the release again",
                    path=path,
                    row=lacking[0],
                )


def _samples_of(shard: _Shard) -> Iterator[dict[str, Any]]:
    from webdataset.tariterators import group_by_keys, tar_file_expander

    path = f"{shard.folder}/{shard.path}"
    try:
        with shard.folder.open(shard.path) as tar:
            yield from group_by_keys(tar_file_expander([{"url": path, "stream": tar}]))
    except (tarfile.TarError, OSError, ValueError) as error:
        raise ReleaseError(
            f"{path}: cannot be read as a tar: {error.args[0] if error.args else error}. Get the "
            "release again",
            path=path,
        ) from error


@dataclass(frozen=True, slots=True)
class _Items:
    """Decodes samples into items."""

    kinds: tuple[str, ...]
    fields: tuple[str, ...]
    transform: Transform | None

    def __call__(self, samples: Iterable[dict[str, Any]]) -> Iterator[Any]:
        for sample in samples:
            facts = _facts_of(sample)
            for kind in self.kinds:
                if (kind == "control") == sample["__control__"]:
                    item = _item_of(sample, facts, kind, self.fields)
                    yield item if self.transform is None else self.transform(item)


def _facts_of(sample: Mapping[str, Any]) -> dict[str, Any]:
    where = f"{sample['__url__']}: {sample['__key__']}.json"
    facts = parse_json(sample.get("json", b""), where, ReleaseError)
    lacking = [key for key in _NEEDED if key not in facts] if isinstance(facts, dict) else ["keys"]
    if lacking:
        raise ReleaseError(f"{where}: lacks {', '.join(lacking)}", path=sample["__url__"])
    return dict(facts)


def _item_of(
    sample: Mapping[str, Any], facts: Mapping[str, Any], kind: str, fields: Sequence[str]
) -> dict[str, Any]:
    points = facts.get(f"landmarks_{'fake' if kind == 'fake' else 'real'}")
    known = isinstance(points, list) and len(points) == 136 and set(points) != {-1}
    own = {**facts, "kind": kind, "label": int(kind == "fake")}
    own["sample_id"] = f"{facts['pair_id']}-{kind}"
    own["landmarks"] = points if known else None

    def decode(what: str) -> npt.NDArray[np.uint8]:
        name = next((name for name in sample if name.startswith(f"{what}.")), "")
        if not name:
            raise ReleaseError(
                f"{sample['__url__']}: {sample['__key__']} has no {what}", path=sample["__url__"]
            )
        if what == "mask":
            return decoded_mask(sample[name], own)
        stated = {**own, "sample_id": f"{facts['pair_id']}-{what}"}
        return checked_image(sample[name], {**stated, "sha256": facts.get(f"sha256_{what}")})

    return build_item(own, fields, decode)
