"""Layout ``folder``: one folder per identity, with any images or videos below it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from datagen.core.spelling import folded
from datagen.sources.base import Record, Source, without_suffix

__all__ = ["Folder"]

_SPLITS = frozenset(
    ("train", "training", "val", "valid", "validation", "dev", "test", "testing", "eval")
)


class Folder(Source):
    """One folder per identity; with ``identity: per_image``, folders have no meaning."""

    layout: ClassVar[str] = "folder"

    def records(self) -> Iterator[Record]:
        """See base class."""
        return self._records(self.find_images(), "image")

    def clip_records(self) -> Iterator[Record]:
        """See base class."""
        return self._records(self.find_videos(), "video")

    def _records(self, paths: list[str], what: str) -> Iterator[Record]:
        per_image = self.card.identity == "per_image"
        if not per_image:
            self._refuse_splits(paths)
        for path in paths:
            identity, slash, _ = path.partition("/")
            if not slash and not per_image:
                raise self.error(
                    f"{path!r} is not in the folder of an identity; expected "
                    f"<root>/<identity>/<{what}>, or 'identity: per_image' in the card"
                )
            image_id = without_suffix(path)
            yield Record(image_id=image_id, path=path, identity=image_id if per_image else identity)

    def _refuse_splits(self, paths: list[str]) -> None:
        """Refuse a tree that is sorted by split: each split would count as one person."""
        folders = {path.partition("/")[0] for path in paths}
        if folders and all(folded(name) in _SPLITS for name in folders):
            raise self.error(
                f"all folders are named like splits, not people: {', '.join(sorted(folders))}. "
                "Let 'root' be the folder that holds one folder per person, or list the images "
                "with their identities and splits in a table (layout: table)"
            )
