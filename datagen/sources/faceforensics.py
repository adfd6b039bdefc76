"""Layout ``faceforensics``: real frames or videos of FaceForensics++ (Rössler et al., 2019)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal, TypeAlias

from pydantic import Field

from datagen.core.json_io import parse_json
from datagen.core.schema import Frozen
from datagen.core.text import shortened
from datagen.errors import SourceError
from datagen.sources.age_columns import IgnoredColumns
from datagen.sources.ages import Ages
from datagen.sources.base import Record, Source, without_suffix

__all__ = ["FaceForensics", "FaceForensicsOptions"]

Sequence: TypeAlias = Literal["youtube", "actors"]

_SPLITS = ("train", "val", "test")


class FaceForensicsOptions(IgnoredColumns):
    """Options of the layout ``faceforensics``.

    Attributes:
        compression: H.264 compression level of the videos.
        sequences: Which videos to use: those from YouTube, those of actors (DeepFakeDetection).
        frames_per_video: Number of evenly spaced frames per video; all frames if there are fewer.
        splits: Folder of ``train.json``, ``val.json`` and ``test.json``, which list pairs of
            YouTube videos.
        ages: CSV table of ages (``identity``, ``age``) by number of the video or actor.
    """

    compression: Literal["raw", "c0", "c23", "c40"] = "c23"
    sequences: tuple[Sequence, ...] = Field(default=("youtube",), min_length=1)
    frames_per_video: int = Field(default=8, ge=1)
    splits: str = "splits"
    ages: str = ""


class FaceForensics(Source):
    """Original sequences of FaceForensics++; the manipulated ones are never listed."""

    layout: ClassVar[str] = "faceforensics"
    options: ClassVar[type[Frozen]] = FaceForensicsOptions

    def records(self) -> Iterator[Record]:
        """See base class."""
        ages = Ages(self, self.config.ages)
        splits = self._splits()
        identity = ""
        for sequence in self.config.sequences:
            for video, frames in sorted(self._videos(sequence).items()):
                identity = self._identity(sequence, video)
                for path in _spread(frames, self.config.frames_per_video):
                    yield self._record(sequence, video, path, ages, splits)
        ages.check_matched(identity)

    def others(self) -> Iterator[Record]:
        """See base class: the frames between the chosen ones, if there are ages."""
        if not self.config.ages:
            return
        ages = Ages(self, self.config.ages)
        for sequence in self.config.sequences:
            for video, frames in sorted(self._videos(sequence).items()):
                chosen = set(_spread(frames, self.config.frames_per_video))
                for path in frames:
                    if path not in chosen:
                        yield self._record(sequence, video, path, ages, {})

    def clip_records(self) -> Iterator[Record]:
        """See base class: ``original_sequences/<sequence>/<compression>/videos``."""
        ages = Ages(self, self.config.ages)
        splits = self._splits()
        identity = ""
        for sequence in self.config.sequences:
            folder = f"original_sequences/{sequence}/{self.config.compression}/videos"
            if not self.exists(folder):
                raise self.error(
                    f"no folder {folder} in {self.root!r}: set the options 'compression' and "
                    "'sequences' to what exists"
                )
            for path in self.find_videos(folder):
                video = without_suffix(path[len(folder) + 1 :])
                if "/" in video:
                    raise self.error(f"expected {folder}/<video>.mp4, found {path!r}")
                identity = self._identity(sequence, video)
                yield self._record(sequence, video, path, ages, splits, f"{sequence}/{video}")
        ages.check_matched(identity)

    def _record(
        self,
        sequence: Sequence,
        video: str,
        path: str,
        ages: Ages,
        splits: Mapping[str, str],
        image_id: str = "",
    ) -> Record:
        identity = self._identity(sequence, video)
        image_id = image_id or f"{sequence}/{video}/{without_suffix(path.rpartition('/')[2])}"
        return Record(
            image_id=image_id,
            path=path,
            identity=identity,
            age=ages.of((image_id, path), identity),
            split=splits.get(video) if sequence == "youtube" else None,
            extra={"sequence": sequence, "video": video, "compression": self.config.compression},
        )

    def _videos(self, sequence: Sequence) -> dict[str, list[str]]:
        top = f"original_sequences/{sequence}/{self.config.compression}"
        folder = next((f for f in (f"{top}/images", f"{top}/frames") if self.exists(f)), None)
        if folder is None:
            raise self.error(
                f"found neither {top}/images nor {top}/frames in {self.root!r}. Extract the frames "
                f"of each video to {top}/images/<video>/, or set the options 'compression' and "
                "'sequences' to what exists"
            )
        videos: dict[str, list[str]] = defaultdict(list)
        for path in self.find_images(folder):
            video, _, frame = path[len(folder) + 1 :].partition("/")
            if not frame or "/" in frame:
                raise self.error(f"expected {folder}/<video>/<frame>, found {path!r}")
            videos[video].append(path)
        return {video: sorted(frames, key=_frame_order) for video, frames in videos.items()}

    def _identity(self, sequence: Sequence, video: str) -> str:
        if sequence == "youtube":
            return video
        number = re.match(r"(\d+)__", video)
        if number is None:
            raise self.error(
                "expected the name of a video to start with the actor's number, as in "
                f"'03__hugging_happy', found {video!r}"
            )
        return number[1].zfill(2)

    def _splits(self) -> dict[str, str]:
        folder = self.config.splits
        found: dict[str, str] = {}
        present = [name for name in _SPLITS if self.exists(f"{folder}/{name}.json")]
        if not present and "splits" in self.config.model_fields_set:
            raise self.error(
                f"no train.json, val.json or test.json in {folder!r} below the root (option "
                "'splits')"
            )
        for name in present:
            for video in self._pairs(f"{folder}/{name}.json"):
                if found.setdefault(video, name) != name:
                    raise self.error(f"video {video!r} is in two splits, {found[video]} and {name}")
        return found

    def _pairs(self, path: str) -> Iterator[str]:
        where = f"source {self.card.id!r}: {path}"
        pairs: Any = parse_json(self.read_text(path, "split"), where, SourceError)
        if not isinstance(pairs, list):
            raise self.error("expected a list of pairs of video ids", path)
        for row, pair in enumerate(pairs):
            is_pair = isinstance(pair, list) and len(pair) == 2
            if not is_pair or not all(isinstance(video, str) for video in pair):
                raise self.error(
                    f"expected two video ids, found {shortened(pair)}", path, f"entry {row}"
                )
            yield from pair


def _frame_order(path: str) -> tuple[int, str]:
    digits = re.findall(r"\d+", without_suffix(path.rpartition("/")[2]))
    return (int(digits[-1]) if digits else -1, path)


def _spread(frames: list[str], count: int) -> Iterator[str]:
    """Yield the middle frame of ``count`` equal segments, which skips fades at both ends."""
    total = len(frames)
    if total <= count:
        yield from frames
        return
    for i in range(count):
        yield frames[(2 * i + 1) * total // (2 * count)]
