"""Every error that the package raises on purpose, sorted by what the caller must do.

* DatagenError                 exit 1
  - UserError                  exit 2: the user must change something before a rerun makes sense
    - RecipeError              a recipe, a method's options, an unknown name
    - CardError                a source card or a weight card
    - RightsError              license, consent or weights do not cover the purpose
    - SourceError              a source's folder, table or listing does not have the stated layout
    - ReleaseError             a release folder is missing, incomplete or something else
    - MissingExtraError        an optional package is not installed
    - WeightsError             a weight file is missing or is not the one its card names
    - DeviceError              a GPU was asked for and there is none, or it is too small
    - EngineError              the cluster cannot be reached or runs another datagen
    - ContractError            a plug-in broke the rules of its base class: never retried
    - DetectorError            a detector's spec, configuration or file is wrong
    - ScoresError              a scores file is missing, malformed or of another release
  - RunError                   exit 1: the run did not complete; a rerun may succeed
  - SourceChangedError         a source file is gone or differs from the one that was indexed:
                               the shard fails, uncommitted
  - ItemError                  one item cannot be made: a row in ``rejects/``, the shard continues
  - ImageError                 an image file that cannot be used: a row of the index's rejects
    - VideoError               the same of a video file

Any other exception inside a shard is a bug or a machine failure: the engine retries the shard,
then reports it. All errors survive pickling, because they come back from Ray workers.

Each error carries three optional attributes for programs, which the message does not depend on:
``path`` (the file or folder), ``key`` (the dotted key in it) and ``row`` (the row of a table).
Neither they nor the message ever hold a password, key or token: see ``redact``.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from datagen.errors.redact import redacted

__all__ = [
    "CardError",
    "ContractError",
    "DatagenError",
    "DetectorError",
    "DeviceError",
    "EngineError",
    "ImageError",
    "ItemError",
    "MissingExtraError",
    "RecipeError",
    "ReleaseError",
    "RightsError",
    "RunError",
    "ScoresError",
    "SourceChangedError",
    "SourceError",
    "UserError",
    "VideoError",
    "WeightsError",
]


class DatagenError(Exception):
    """Base class of all errors of this package: catch it to catch them all and nothing else.

    Args:
        args: The message. ``str(error)`` is what was written here, whatever the keywords say.
        path: File or folder that the error is about.
        key: Dotted key in that file, e.g. ``methods[0].options.parts``.
        row: Row of a table: its number, counted from 1 below the header, or its id.
    """

    exit_code = 1

    def __init__(
        self,
        *args: object,
        path: str | os.PathLike[str] | None = None,
        key: str | None = None,
        row: int | str | None = None,
    ) -> None:
        super().__init__(*(redacted(part) if isinstance(part, str) else part for part in args))
        self.path = None if path is None else redacted(os.fspath(path))
        self.key = None if key is None else redacted(key)
        self.row = row


class UserError(DatagenError):
    """The user must change something before a rerun makes sense."""

    exit_code = 2


class RecipeError(UserError):
    """The recipe is wrong; the message says which key, what was found and what is allowed."""


class CardError(UserError):
    """A card is wrong; the message says which file and key."""


class RightsError(UserError):
    """A license, a consent or a weight file does not cover the purpose of the recipe."""


class SourceError(UserError):
    """The files of a source do not have the layout that its card states."""


class ReleaseError(UserError):
    """A release folder is missing, incomplete, or holds something else."""


class MissingExtraError(UserError):
    """An optional package is needed and absent.

    Args:
        package: What could not be imported.
        extra: The extra of ``datagen`` that brings it.
        reason: What needs it, as the start of a sentence.
    """

    def __init__(self, package: str, extra: str, reason: str) -> None:
        super().__init__(
            f"{reason} needs the package {package!r}, which is not installed. "
            f"Install it with: pip install 'datagen[{extra}]'"
        )
        self._parts = (package, extra, reason)

    def __reduce__(self) -> tuple[Any, ...]:
        """Rebuild from the parts: the default would call with the finished message."""
        return type(self), self._parts, self.__dict__


class WeightsError(UserError):
    """A weight file is missing, or is not the file that its card names."""


class DeviceError(UserError):
    """The requested device does not exist on this machine, or is too small."""


class EngineError(UserError):
    """The cluster cannot be reached, has no CPUs, or runs another version of datagen."""


class ContractError(UserError):
    """A plug-in broke the contract of its base class; its code must be fixed.

    The message names the plug-in, the rule and the pair. The shard is not retried.
    """


class DetectorError(UserError):
    """A detector's spec, configuration or file is wrong; the message says which and what to do."""


class ScoresError(UserError):
    """A scores file is missing, malformed, or belongs to another release or split."""


class RunError(DatagenError):
    """The run did not complete the requested release; the message says what is missing."""


class SourceChangedError(DatagenError):
    """A source file is gone, or its bytes differ from those that were indexed.

    ``key`` is the id of the source and ``row`` that of the image.
    """


class ItemError(DatagenError):
    """This item cannot be made; a normal and deterministic outcome.

    Args:
        code: Short stable identifier, a column of ``rejects/``, e.g. ``no_donor``.
        detail: Explanation for the reader.
        where: ``path``, ``key`` and ``row`` as in ``DatagenError``.
    """

    def __init__(self, code: str, detail: str = "", **where: Any) -> None:
        super().__init__(code, detail, **where)
        self.code = code
        self.detail = redacted(detail)

    def __str__(self) -> str:
        """Code and detail in one line."""
        return f"{self.code}: {self.detail}" if self.detail else self.code


class ImageError(DatagenError):
    """An image that cannot be used as a face source (truncated, CMYK, animated, ...)."""


class VideoError(ImageError):
    """A video that cannot be used as a face source (truncated, interlaced, HDR, ...)."""


def one_per_line(head: str, problems: Sequence[str]) -> str:
    """Return ``head`` followed by the problems, one per line."""
    return head + "".join(f"\n  - {problem}" for problem in problems)
