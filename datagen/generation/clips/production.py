"""Make the clip pairs of a shard and write them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from datagen.core.images import encode_png
from datagen.faces.clip_reader import ClipReader
from datagen.faces.reader import FaceReader
from datagen.generation.clips.degrading import ClipDegrader
from datagen.generation.clips.pair import ClipPair
from datagen.generation.clips.rows import clip_rows, frame_rows
from datagen.generation.clips.starter import ClipStarter
from datagen.generation.manifest_rows import check_purposes
from datagen.generation.production import Ingredients, Production
from datagen.methods.batched import BatchedMethod
from datagen.planning import Item
from datagen.release import MediaFile, ShardWriter, StoredFile
from datagen.video.encode import ClipEncoding, encode_clip, encode_masks

__all__ = ["ClipProduction"]


class ClipProduction(Production[ClipPair]):
    """Everything that makes the clip pairs of one recipe; built once per worker process."""

    def __init__(self, given: Ingredients) -> None:
        super().__init__(given)
        spec = given.recipe.spec
        if spec.clip is None:
            raise ValueError("the recipe makes images: it has no 'clip'")
        face = spec.face
        stills = FaceReader(given.sources, face.size, face.margin)
        clips = ClipReader(given.sources, stills, face.size, face.margin, spec.clip.crop)
        self._starter = ClipStarter(given.recipe, self.index, stills, clips)
        self._degrader = ClipDegrader(given.recipe.degradations, spec.seed, face.size)
        self._proven: set[str] = set()

    def maker(self, items: Sequence[Item]) -> Callable[[Item], ClipPair]:
        """See base class."""
        for number in {item.method for item in items}:
            method = self.methods[number]
            if isinstance(method, BatchedMethod):
                method.open()
        return self._made

    def _made(self, item: Item) -> ClipPair:
        draft = self._starter.start(item)
        pair = draft.make(prove=draft.method.name not in self._proven)
        self._proven.add(draft.method.name)
        return pair

    def degraded(self, pair: ClipPair) -> ClipPair:
        """See base class."""
        return self._degrader.degrade(pair)

    def degradation_of(self, item: Item) -> str | None:
        """See base class."""
        return self._degrader.name_for(item)

    def write(self, pair: ClipPair, writer: ShardWriter) -> None:
        """See base class."""
        record = self.recorder.record(pair.middle(), self.degradation_of(pair.item))
        encoding, pair_id, rate = record.encoding, pair.item.pair_id, pair.clock.fps
        if not isinstance(encoding, ClipEncoding):
            raise TypeError(f"clips cannot be encoded as {encoding.media_type}")
        suffix = encoding.suffix.removeprefix(".")
        clips: dict[str, StoredFile] = {}
        if encoding.format == "frames":
            mask = writer.add_frames(pair_id, "mask", "png", [*map(encode_png, pair.masks)])
            for kind, frames in pair.images.items():
                data = [*map(encode_png, frames)]
                clips[kind] = writer.add_frames(pair_id, kind, suffix, data)
        else:
            masks = encode_masks(pair.masks, rate)
            mask = writer.add_image(pair_id, MediaFile("mask", "mkv", masks))
            for kind, frames in pair.images.items():
                file = MediaFile(kind, suffix, encode_clip(frames, rate, encoding))
                clips[kind] = writer.add_image(pair_id, file)
        rows = clip_rows(record, pair, mask, clips)
        check_purposes(rows, self.purpose)
        writer.add_rows(rows, list(frame_rows(pair)))
