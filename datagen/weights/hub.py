"""One repository of the Hugging Face hub at a fixed commit, checked file by file."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import Any

from datagen.errors import MissingExtraError, WeightsError
from datagen.hashing import sha256_file
from datagen.weights.card import Hub, WeightCard
from datagen.weights.digest import digest_at

__all__ = ["download_repository"]


def download_repository(card: WeightCard, path: Path, start: str) -> Path:
    """Fetch the files of ``card.hub`` to the folder ``path``; what came before a break is kept.

    Each file is compared with what the hub says of that commit (sha256, or git's blob id), the
    whole with the card's digest where it has one.

    Args:
        card: With ``hub`` and a revision.
        path: Where the folder shall lie.
        start: Beginning of each message: which file is missing, under which licence.

    Raises:
        WeightsError: The hub cannot be reached or refuses (what came is kept), or gives other
            files (what came is removed).
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
        wrong = _fetch(card.hub, part)
    except errors.GatedRepoError:
        raise WeightsError(
            f"{advice}. Its makers want each user to accept their terms first: do so at "
            f"{card.homepage or 'the page of the repository'}, log in with 'hf auth login', and "
            "run again"
        ) from None
    except (OSError, errors.HTTPError, errors.HFValidationError) as error:  # type: ignore[attr-defined]
        words = str(error).partition("\n")[0] or type(error).__name__
        raise WeightsError(
            f"{advice}. The download failed: {words}. What came is kept: run again to go on"
        ) from None
    made = part / card.hub.subfolder
    found = digest_at(card, made) if not wrong else ""
    if wrong or (card.sha256 and found != card.sha256):
        shutil.rmtree(part)
        what = f"other bytes of {', '.join(wrong)}" if wrong else f"files with digest {found}"
        wanted = "the hub itself lists" if wrong else f"the card says {card.sha256}"
        raise WeightsError(f"the hub gave {what}, {wanted}: refused and removed. {advice}")
    shutil.rmtree(part / ".cache", ignore_errors=True)
    made.rename(path)
    shutil.rmtree(part, ignore_errors=True)
    return path


def _fetch(hub: Hub, part: Path) -> list[str]:
    """Load what is missing and return the names of files that are not what the hub lists."""
    from huggingface_hub import HfApi, snapshot_download

    endpoint = os.environ.get("HF_ENDPOINT")
    patterns = [f"{hub.subfolder}/{name}".lstrip("/") for name in hub.files or ("*",)]
    part.parent.mkdir(parents=True, exist_ok=True)
    snapshot_download(
        hub.repo,
        revision=hub.revision,
        allow_patterns=patterns,
        local_dir=part,
        endpoint=endpoint,
    )
    listed = HfApi(endpoint=endpoint).list_repo_tree(
        hub.repo, recursive=True, revision=hub.revision
    )
    files = [(entry, part / entry.path) for entry in listed if hasattr(entry, "blob_id")]
    return [entry.path for entry, file in files if file.is_file() and not _is(entry, file)]


def _is(entry: Any, file: Path) -> bool:
    """Compare a file with the hub's listing: large ones by sha256, others by git's blob id."""
    if entry.lfs is not None:
        return bool(sha256_file(file) == entry.lfs.sha256)
    content = file.read_bytes()
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False)
    return bool(blob.hexdigest() == entry.blob_id)
