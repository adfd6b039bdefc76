"""README.md as a package index shows it, where links to files of the repository lead nowhere.

With ``DATAGEN_REPOSITORY=https://host/owner/name`` while the package is built, they lead to the tag
of the version there, as GitHub writes such addresses. Without it, images are left out with their
captions, and links are plain words.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

VARIABLE = "DATAGEN_REPOSITORY"
_FENCE = re.compile(r"(^```.*?^```$)", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
_FIGURE = re.compile(r"^!\[[^\]]*\]\([^)]*\)\n(?:\n\*[^*\n]+\*\n)?", re.MULTILINE)
_EMPTY = re.compile(r"\n{3,}")


def long_description(text: str, repository: str, version: str) -> str:
    """Return a document whose links need no file beside it.

    Args:
        text: The document, whose relative links start at the top of the repository.
        repository: Address of the repository; empty where it has none.
        version: Version of the package.
    """

    def linked(match: re.Match[str]) -> str:
        image, words, target = match.groups()
        if "://" in target or target.startswith("#"):
            return match.group()
        if not repository:
            return words
        kind = "raw" if image else "blob"
        return f"{image}[{words}]({repository.rstrip('/')}/{kind}/v{version}/{target})"

    if not repository:
        text = _FIGURE.sub("", text)
    parts = [
        part if number % 2 else _LINK.sub(linked, part)
        for number, part in enumerate(_FENCE.split(text))
    ]
    return _EMPTY.sub("\n\n", "".join(parts))


class CustomMetadataHook(MetadataHookInterface):
    """Gives the package its long description."""

    def update(self, metadata: dict[str, Any]) -> None:
        """See base class."""
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        repository = os.environ.get(VARIABLE, "")
        shown = long_description(text, repository, str(metadata["version"]))
        metadata["readme"] = {"content-type": "text/markdown", "text": shown}
