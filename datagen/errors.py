"""Every error that the package raises on purpose, sorted by what the caller must do.

* DatagenError                 exit 1
  - UserError                  exit 2: the user must change something; nothing was started
    - RecipeError              a recipe, a method's options, a name that is not known
    - CardError                a source card or a weight card
    - RightsError              license, consent or weights do not cover the purpose
    - SourceError              a source's folder, table or listing is not as its layout says
    - ReleaseError             a release folder is missing, foreign or not whole
    - MissingExtraError        an optional package is not installed
    - WeightsError             a weight file is missing or is not the one its card names
    - DeviceError              a GPU was asked for and there is none, or it is too small
    - EngineError              the cluster cannot be reached or runs another datagen
  - RunError                   exit 1: the run fell short; running again may mend it
  - SourceChangedError         a source file is gone or is not the one that was indexed: the
                               shard fails, uncommitted
  - ItemError                  one item cannot be made: a row in ``rejects/``, the shard goes on
  - ImageError                 an image file that cannot be used: a row of the index's rejects

Any other exception inside a shard is a bug or the machine: the engine tries the shard again,
then names it. All errors survive pickling, because they come back from Ray workers.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = [
    "CardError",
    "DatagenError",
    "DeviceError",
    "EngineError",
    "ImageError",
    "ItemError",
    "MissingExtraError",
    "RecipeError",
    "ReleaseError",
    "RightsError",
    "RunError",
    "SourceChangedError",
    "SourceError",
    "UserError",
    "WeightsError",
]


class DatagenError(Exception):
    """Base class, so that a caller can catch everything of ours and nothing else."""

    exit_code = 1


class UserError(DatagenError):
    """The user must change something before it makes sense to run again."""

    exit_code = 2


class RecipeError(UserError):
    """The recipe is wrong; the message says which key, what was found and what is allowed."""


class CardError(UserError):
    """A card is wrong; the message says which file and key."""


class RightsError(UserError):
    """A license, a consent or a weight file does not cover the purpose of the recipe."""


class SourceError(UserError):
    """The files of a source are not laid out as its card says."""


class ReleaseError(UserError):
    """A release folder is missing, belongs to something else, or is not whole."""


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
        self._args = (package, extra, reason)

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str, str]]:
        """Rebuild from the parts: the default would call with the finished message."""
        return type(self), self._args


class WeightsError(UserError):
    """A weight file is missing, or is not the file that its card names."""


class DeviceError(UserError):
    """A device was asked for that this machine does not have, or that is too small."""


class EngineError(UserError):
    """The cluster cannot be reached, has no CPUs, or runs another version of datagen."""


class RunError(DatagenError):
    """The run fell short of the release that was asked for."""


class SourceChangedError(DatagenError):
    """A source file is gone, or its bytes are not those that the index has seen."""


class ItemError(DatagenError):
    """This item cannot be made; a normal and deterministic outcome.

    Args:
        code: Short stable identifier, a column of ``rejects/``, e.g. ``no_donor``.
        detail: Text for a person.
    """

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail

    def __str__(self) -> str:
        """Code and detail in one line."""
        return f"{self.code}: {self.detail}" if self.detail else self.code


class ImageError(DatagenError):
    """An image that cannot be used as a face source (truncated, CMYK, animated, ...)."""


def one_per_line(head: str, problems: Sequence[str]) -> str:
    """Return ``head`` followed by all problems, each on a line of its own."""
    return head + "".join(f"\n  - {problem}" for problem in problems)
