"""Layout ``celeba``: CelebA (Liu et al., ICCV 2015) with its identity and attribute files."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import ClassVar

from datagen.core.schema import Frozen
from datagen.errors import SourceError
from datagen.sources.age_columns import IgnoredColumns
from datagen.sources.ages import Ages
from datagen.sources.base import Record, Source

__all__ = ["CelebA", "CelebAOptions"]

_IDENTITIES = "identity_CelebA.txt"
_ATTRIBUTES = "list_attr_celeba.txt"
_PARTITION = "list_eval_partition.txt"
_SPLITS = {"0": "train", "1": "val", "2": "test"}
_SEX = {"1": "male", "-1": "female"}


class CelebAOptions(IgnoredColumns):
    """Options of the layout ``celeba``.

    Attributes:
        in_the_wild: Whether to use the original photographs (``img_celeba``) instead of the
            aligned 178x218 images (``img_align_celeba``).
        ages: CSV table of ages (``image``, ``age``) by file name. The set's own attribute ``Young``
            is not an age and stays an extra column.
    """

    in_the_wild: bool = False
    ages: str = ""


class CelebA(Source):
    """CelebA, in its published folders ``Anno``, ``Eval`` and ``Img`` or all in one folder."""

    layout: ClassVar[str] = "celeba"
    options: ClassVar[type[Frozen]] = CelebAOptions

    def records(self) -> Iterator[Record]:
        """See base class."""
        ages = Ages(self, self.config.ages)
        folder = self._images()
        names, attributes = self._attributes()
        identities = self._column("Anno", _IDENTITIES)
        splits = self._column("Eval", _PARTITION)
        self._refuse_strangers(attributes, identities, _IDENTITIES)
        self._refuse_strangers(attributes, splits, _PARTITION)
        image = ""
        for image, line in attributes.items():
            values = dict(zip(names, line.split(), strict=True))
            image_id = image.rpartition(".")[0]
            yield Record(
                image_id=image_id,
                path=f"{folder}/{image}",
                identity=identities[image],
                age=ages.of((image, image_id), identities[image]),
                sex=self._lookup(_SEX, values.pop("Male"), _ATTRIBUTES, image),
                split=self._lookup(_SPLITS, splits[image], _PARTITION, image),
                extra=values,
            )
        ages.check_matched(image)

    def _images(self) -> str:
        name = "img_celeba" if self.config.in_the_wild else "img_align_celeba"
        folders = (
            f"Img/{name}",
            f"{name}/{name}",
            name,
        )  # the second: as unpacked from Kaggle's archive
        for folder in folders:
            if self.exists(folder):
                return folder
        raise self.error(f"no folder of images in {self.root!r}; looked for {', '.join(folders)}")

    def _lines(self, folder: str, name: str) -> list[str]:
        path = f"{folder}/{name}"
        if not self.exists(path):
            path = name
        if not self.exists(path):
            raise self.error(f"missing; expected it in {self.root!r} or {folder}/ below it", name)
        return self.read_text(path, name).splitlines()

    def _column(self, folder: str, name: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for row, line in enumerate(self._lines(folder, name)):
            cells = line.split()
            if not cells:
                continue
            if len(cells) != 2:
                raise self._wrong(name, row, f"expected a file name and a number, found {line!r}")
            self._refuse_second(cells[0], found, name, row)
            found[cells[0]] = cells[1]
        return found

    def _attributes(self) -> tuple[list[str], dict[str, str]]:
        lines = self._lines("Anno", _ATTRIBUTES)
        count = lines[0].strip() if lines else ""
        names = lines[1].split() if len(lines) > 1 else []
        if not re.fullmatch("[0-9]{1,9}", count) or "Male" not in names:
            raise self._wrong(
                _ATTRIBUTES, 0, "expected the number of images, then a line of names with 'Male'"
            )
        if twice := next((name for name, count in Counter(names).items() if count > 1), ""):
            raise self._wrong(_ATTRIBUTES, 1, f"the attribute {twice!r} is named twice")
        found: dict[str, str] = {}
        for row, line in enumerate(lines[2:], start=2):
            image, *values = line.split() or [""]
            if not image:
                continue
            if len(values) != len(names):
                raise self._wrong(
                    _ATTRIBUTES, row, f"expected {len(names)} values, found {len(values)}"
                )
            self._refuse_second(image, found, _ATTRIBUTES, row)
            found[image] = " ".join(values)
        if len(found) != int(count):
            raise self._wrong(
                _ATTRIBUTES, 0, f"the file announces {count} images but lists {len(found)}"
            )
        return names, found

    def _refuse_second(self, image: str, found: dict[str, str], name: str, row: int) -> None:
        if image in found:
            raise self._wrong(name, row, f"{image!r} is listed twice")

    def _refuse_strangers(self, ours: dict[str, str], theirs: dict[str, str], name: str) -> None:
        for image in ours.keys() ^ theirs.keys():
            here, there = (_ATTRIBUTES, name) if image in ours else (name, _ATTRIBUTES)
            raise self.error(
                f"{image!r} is in {here} but not in {there}: one of the files is truncated or from "
                "another release"
            )

    def _lookup(self, words: dict[str, str], value: str, name: str, image: str) -> str:
        if value not in words:
            raise self.error(
                f"expected one of {', '.join(words)}, found {value!r}", name, repr(image)
            )
        return words[value]

    def _wrong(self, name: str, row: int, what: str) -> SourceError:
        return self.error(what, name, f"line {row + 1}", row + 1)
