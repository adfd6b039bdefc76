"""A release of clips as a map-style dataset, of whole clips or of windows of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from datagen.core.arguments import maybe_whole, whole
from datagen.core.media import VIDEO_TYPES
from datagen.core.rng import rng
from datagen.errors import MissingExtraError, UserError
from datagen.faces.forehead import landmarks_81
from datagen.loaders.frame_rows import COLUMNS, frame_rows
from datagen.loaders.items import (
    Transform,
    checked_kinds,
    checked_names,
    checked_transform,
    media_of,
    needed,
)
from datagen.loaders.pair_items import PairItems
from datagen.loaders.selection import CLIP_FACTS, Filter, check_media, opened, select
from datagen.release.clips import clip_of, masks_of
from datagen.release.pixels import original_bytes

__all__ = ["CLIP_FIELDS", "ClipDataset"]

CLIP_FIELDS = ("mask", "boundary", *COLUMNS, "other", "control")
"""What an item has only on request."""


class ClipDataset(PairItems):
    """The clips of one or several releases, in the protocol of ``torch.utils.data.Dataset``.

    An item is a dict as ``PairDataset`` has it, with ``clip``, ``(frames, height, width, 3)`` uint8
    RGB, instead of ``image``. It also has ``fps`` (frames per second), ``stride`` (step between
    its frames in the video), ``motion`` and ``start``, the number of its first frame in the clip.

    On request (``fields``) an item also has, all with the frames in front:

    * ``mask``, ``boundary``, ``other``, ``control`` and ``has_control`` as in ``PairDataset``;
    * ``landmarks``, ``(frames, 68, 2)`` and ``landmarks_81``: as in ``PairDataset``, per frame;
    * ``box``, ``(frames, 4)``, and ``pose``, ``(frames, 3)``: yaw, pitch and roll in degrees;
    * ``manipulated``, ``(frames,)`` bool: which frames of a fake are manipulated;
    * ``source_frame``, ``(frames,)``: number of each frame in the video.

    ``dataset[number, start]`` is a window that begins at frame ``start`` of the clip. A
    ``PairBatchSampler`` gives real and fake the same window, in each epoch another one where
    they are drawn; ``set_epoch`` does so for plain numbers.

    Only the frames of a window are converted to RGB, and none after it is decoded. What was asked
    of the frames' rows is kept in memory: about half a kilobyte per frame with landmarks.

    Args:
        releases: See ``PairDataset``.
        split: See ``PairDataset``.
        frames: Frames of a window; by default the whole clip.
        start: First frame of each window; ``None`` draws it.
        seed: Seed of the draws, required where ``start`` is ``None``.
        method: See ``PairDataset``.
        where: See ``PairDataset``.
        kinds: Kinds of clip that are items: ``"real"``, ``"fake"``, ``"control"``.
        fields: What items have on request.
        transform: See ``PairDataset``.

    Raises:
        ReleaseError: See ``PairDataset``; a release of images; a frames table is damaged.
        UserError: There is no such kind or field, or a clip is shorter than a window.
        MissingExtraError: PyAV is not installed, and the clips are video files.
    """

    def __init__(  # noqa: PLR0913 - those of PairDataset, and the window
        self,
        releases: object,
        split: str,
        *,
        frames: int | None = None,
        start: int | None = 0,
        seed: int | None = None,
        method: str | Sequence[str] | None = None,
        where: Mapping[str, Any] | None = None,
        kinds: str | Sequence[str] = ("real", "fake"),
        fields: str | Sequence[str] = (),
        transform: Transform | None = None,
    ) -> None:
        asked, extra = checked_kinds(kinds), checked_names(fields, "fields", CLIP_FIELDS)
        self._frames = maybe_whole(frames, "frames", 1)
        self._start = maybe_whole(start, "start", 0)
        self._seed = maybe_whole(seed, "seed", 0)
        if self._start is None and self._seed is None:
            raise UserError("seed: is required with start=None", key="seed")
        read = {what for kind in asked for what in needed(kind, extra)} - {"mask"}
        several = opened(releases)
        check_media(several, clips=True, reader="ClipDataset")
        chosen = select(several, Filter(split, method, where), sorted(read), CLIP_FACTS)
        super().__init__(chosen, asked, extra, checked_transform(transform))
        self._lengths = np.asarray(chosen.columns["frames"].to_numpy(), np.int64)[self._rows]
        self._check_windows()
        if any(one in VIDEO_TYPES for one in chosen.columns["media_type"].unique().to_pylist()):
            _check_av()
        names = list(dict.fromkeys(name for field in extra for name in COLUMNS.get(field, ())))
        self._table = frame_rows(chosen, self._rows, names) if names else None
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Draw the windows of plain numbers for this epoch.

        Call it before an iteration of a ``DataLoader``: workers that are kept
        (``persistent_workers``) do not hear of it, those with a ``PairBatchSampler`` need not.

        Args:
            epoch: Number of the epoch.
        """
        self._epoch = whole(epoch, "epoch", 0)

    def indices(self, numbers: Sequence[int], epoch: int) -> list[Any]:
        """Return numbers and starts of windows, which are equal for the items of a pair.

        Args:
            numbers: Numbers of the items.
            epoch: Number of the epoch.
        """
        return [(number, self._drawn(number, epoch)) for number in numbers]

    def _check_windows(self) -> None:
        first, frames = self._start or 0, self._frames
        shortest = int(np.argmin(self._lengths))
        length = int(self._lengths[shortest])
        if first + (frames or 1) > length:
            sample = self.selection.columns["sample_id"][int(self._rows[shortest])].as_py()
            asked = (f" of {frames} frames" if frames else "") + f" from frame {first}"
            raise UserError(
                f"frames: a window{asked} does not fit into {sample}, which has {length} "
                "frames. Make the window smaller, or choose longer clips with where=",
                key="frames",
                row=sample,
            )

    def _place(self, index: Any) -> tuple[int, int]:
        if not isinstance(index, tuple):
            number = self._number(index)
            return number, self._drawn(number, self._epoch)
        if len(index) != 2:
            raise UserError(f"index: must be a number or (number, start), found {index!r}")
        number, start = self._number(index[0]), whole(index[1], "start", 0)
        length = int(self._lengths[number])
        if start + (self._frames or 1) > length:
            raise IndexError(
                f"a window of {self._frames or 1} frames cannot start at {start}: the clip has "
                f"{length}"
            )
        return number, start

    def _drawn(self, number: int, epoch: int) -> int:
        if self._start is not None:
            return self._start
        pair = self.selection.columns["pair_id"][int(self._rows[number])].as_py()
        last = int(self._lengths[number]) - (self._frames or int(self._lengths[number]))
        return int(rng("clip-windows", self._seed or 0, epoch, pair).integers(last + 1))

    def _item(
        self,
        number: int,
        rows: Mapping[str, int],
        data: Mapping[tuple[str, int], bytes],
        start: int,
    ) -> dict[str, Any]:
        row = int(self._rows[number])
        facts = self.selection.facts(row)
        window = range(start, start + self._frames if self._frames else int(self._lengths[number]))

        def decode(what: str) -> npt.NDArray[np.uint8] | None:
            at = rows[what]
            if at < 0:
                return None
            own = facts if what in ("mask", facts["kind"]) else self.selection.facts(at)
            if what == "mask":
                return masks_of(data[what, at], own, window)
            return clip_of(original_bytes(data[what, at], own), own, window)

        item = media_of(facts, self.fields, decode, "clip")
        item["fps"] = facts["fps_num"] / facts["fps_den"]
        item |= {"stride": facts["stride"], "motion": facts["motion"], "start": start}
        return item | self._of_frames(row, window)

    def _of_frames(self, row: int, window: range) -> dict[str, Any]:
        if self._table is None:
            return {}
        of = self._table.of(row, window)
        item: dict[str, Any] = {}
        if "landmarks" in of:
            exact = of["landmarks"].astype(np.float64)
            points = np.round(exact, 2).astype(np.float32).reshape(-1, 68, 2)
            item["landmarks"] = points
            if "landmarks_81" in self.fields:
                item["landmarks_81"] = np.stack([landmarks_81(one) for one in points])
        if "yaw" in of:
            item["pose"] = np.stack([of[name] for name in COLUMNS["pose"]], axis=1)
        item |= {
            name: of[name].copy() for name in ("box", "manipulated", "source_frame") if name in of
        }
        return {name: value for name, value in item.items() if name in self.fields}


def _check_av() -> None:
    try:
        import av  # noqa: F401
    except ImportError:
        raise MissingExtraError("av", "video", "datagen.loaders.ClipDataset") from None
