"""The record of how often the report part was opened, and for what."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from datagen.core.files import write_atomically

__all__ = ["note_opening"]


def note_opening(path: Path, people: str, trainings: Sequence[str]) -> str:
    """Record that the report part of some people is opened; return what to say about it.

    Opening it again for the same trainings, as a resumed run does, is no new opening.

    Args:
        path: The record, a JSON file.
        people: Whose report part.
        trainings: Keys of the trainings that are scored on it.
    """
    past = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    own = [entry for entry in past if entry["people"] == people]
    known = {key for entry in own for key in entry["trainings"]}
    if own and set(trainings) <= known:
        return f"report part of {people}: as opened on {own[-1]['at']}"
    now = datetime.now(UTC).isoformat(timespec="seconds")
    past.append({"people": people, "at": now, "trainings": sorted(trainings)})
    write_atomically(path, json.dumps(past, indent=1).encode())
    if not own:
        return f"report part of {people}: opened for the first time"
    return (
        f"report part of {people}: opened {len(own)} times before, first on {own[0]['at']}: what "
        "was chosen after that has seen it"
    )
