"""Downloading a repository of the Hugging Face hub at a fixed commit, checked file by file."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

from datagen.core.files import locked, move_into_place
from datagen.core.text import first_line
from datagen.errors import MissingExtraError, WeightsError
from datagen.weights.card import WeightCard
from datagen.weights.digest import digest_at
from datagen.weights.hub_process import GatedError, HubError, fetch_watched

__all__ = ["download_repository"]


def download_repository(card: WeightCard, path: Path, start: str) -> Path:
    """Download the files of ``card.hub`` to the folder ``path``; a partial download is kept.

    Each file is compared with the hub's listing of that commit (sha256, or git's blob id), and
    the folder with the card's digest if it has one.

    Args:
        card: A card with ``hub`` and a revision.
        path: Path of the folder.
        start: Beginning of each message: which file is missing, under which license.

    Raises:
        WeightsError: The hub cannot be reached, refuses or is too slow (the partial folder is
            kept), or its files differ from the listing or the card (they are removed).
        MissingExtraError: ``huggingface_hub`` is not installed.
    """
    assert card.hub is not None
    if find_spec("huggingface_hub") is None:
        raise MissingExtraError("huggingface_hub", "diffusers", "downloading weights")
    part = path.with_name(f".{card.hub.revision[:16]}-{path.name}.part")
    advice = f"{start}Get it from the hub: {card.hub.repo} at {card.hub.revision}"
    try:
        with locked(part.with_suffix(".lock"), remove=True):
            if not path.exists():  # else another process was faster
                _judge(card, part, fetch_watched(card, part, advice), advice)
                _settle(part, part / card.hub.subfolder, path)
    except GatedError:
        raise WeightsError(
            f"{advice}. Its authors require each user to accept their terms first: do so at "
            f"{card.homepage or 'the page of the repository'}, log in with 'hf auth login', and "
            "rerun"
        ) from None
    except (OSError, HubError) as error:
        words = first_line(error)
        kept = (
            "The partial folder is kept: rerun to resume"
            if part.exists()
            else f"Nothing was received. Check that {path.parent} can be written, and rerun"
        )
        raise WeightsError(f"{advice}. The download failed: {words}. {kept}") from None
    return path


def _judge(card: WeightCard, part: Path, wrong: list[str], advice: str) -> None:
    """Refuse and remove files that differ from the hub's listing or the card."""
    assert card.hub is not None
    what = f"{', '.join(wrong)} with other bytes than it lists" if wrong else ""
    if not wrong and card.sha256:
        found = digest_at(card, part / card.hub.subfolder)
        if found != card.sha256:
            what = f"files with digest {found}, but the card says {card.sha256}"
    if what:
        shutil.rmtree(part)
        raise WeightsError(f"the hub returned {what}: refused and removed. {advice}")


def _settle(part: Path, made: Path, path: Path) -> None:
    """Move the folder to its place without the notes of the downloader."""
    shutil.rmtree(part / ".cache", ignore_errors=True)
    move_into_place(made, path)
    shutil.rmtree(part, ignore_errors=True)
