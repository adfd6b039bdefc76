"""Layout ``folder``: one folder per identity, with any images below it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from datagen.sources.base import Record, Source, without_suffix

__all__ = ["Folder"]


class Folder(Source):
    """One folder per identity; with ``identity: per_image``, folders have no meaning."""

    layout: ClassVar[str] = "folder"

    def records(self) -> Iterator[Record]:
        """See base class."""
        per_image = self.card.identity == "per_image"
        for path in self.find_images():
            identity, slash, _ = path.partition("/")
            if not slash and not per_image:
                raise self.error(
                    f"{path!r} is not in the folder of an identity; expected "
                    "<root>/<identity>/<image>, or 'identity: per_image' in the card"
                )
            image_id = without_suffix(path)
            yield Record(image_id=image_id, path=path, identity=image_id if per_image else identity)
