"""Downloading a repository of the Hugging Face hub at a fixed commit, checked file by file."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import Any

from datagen.core.digests import sha256_file
from datagen.core.files import locked, move_into_place
from datagen.core.text import first_line
from datagen.errors import MissingExtraError, WeightsError
from datagen.weights.card import Hub, WeightCard
from datagen.weights.digest import digest_at
from datagen.weights.download import MAX_SIZE

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
        WeightsError: The hub cannot be reached or refuses (the partial folder is kept), or its
            files differ from the listing or the card (they are removed).
        MissingExtraError: ``huggingface_hub`` is not installed.
    """
    assert card.hub is not None
    try:
        from huggingface_hub import errors
    except ImportError:
        raise MissingExtraError("huggingface_hub", "diffusers", "downloading weights") from None
    part = path.with_name(f".{card.hub.revision[:16]}-{path.name}.part")
    advice = f"{start}Get it from the hub: {card.hub.repo} at {card.hub.revision}"
    try:
        with locked(part.with_suffix(".lock"), remove=True):
            if not path.exists():  # else another process was faster
                _judge(card, part, _fetch(card, card.hub, part, advice), advice)
                _settle(part, part / card.hub.subfolder, path)
    except errors.GatedRepoError:
        raise WeightsError(
            f"{advice}. Its authors require each user to accept their terms first: do so at "
            f"{card.homepage or 'the page of the repository'}, log in with 'hf auth login', and "
            "rerun"
        ) from None
    except (OSError, errors.HTTPError, errors.HFValidationError) as error:  # type: ignore[attr-defined]
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


def _fetch(card: WeightCard, hub: Hub, part: Path, advice: str) -> list[str]:
    """Download what is missing; return the names of files that differ from the hub's listing."""
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.utils import (  # type: ignore[attr-defined]
        filter_repo_objects,
        logging,
    )

    quiet: Any = logging.set_verbosity_error
    quiet()  # its retries would print many lines; the outcome is reported by this module
    endpoint = os.environ.get("HF_ENDPOINT")
    patterns = [f"{hub.subfolder}/{name}".lstrip("/") for name in hub.files or ("*",)]
    tree = HfApi(endpoint=endpoint).list_repo_tree(hub.repo, recursive=True, revision=hub.revision)
    listed: list[Any] = [entry for entry in tree if hasattr(entry, "blob_id")]
    wanted = filter_repo_objects(listed, allow_patterns=patterns, key=lambda entry: entry.path)
    size = sum(entry.size for entry in wanted)
    if size > (card.size or MAX_SIZE):
        said = f"the card says {card.size}" if card.size else f"{MAX_SIZE} are allowed"
        raise WeightsError(f"the hub lists {size} bytes, but {said}: refused. {advice}")
    snapshot_download(
        hub.repo,
        revision=hub.revision,
        allow_patterns=patterns,
        local_dir=part,
        endpoint=endpoint,
    )
    files = [(entry, part / entry.path) for entry in listed]
    return [entry.path for entry, file in files if file.is_file() and not _is(entry, file)]


def _is(entry: Any, file: Path) -> bool:
    """Compare a file with the hub's listing: large files by sha256, others by git's blob id."""
    if entry.lfs is not None:
        return bool(sha256_file(file) == entry.lfs.sha256)
    content = file.read_bytes()
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False)
    return bool(blob.hexdigest() == entry.blob_id)
