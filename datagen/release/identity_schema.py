"""The columns of a release whose recipe names an embedder: whom each fake resembles."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from datagen.release.grammar import Between, Rule
from datagen.release.schema import Column

__all__ = [
    "IDENTITY_COLUMNS",
    "IDENTITY_NAMES",
    "IDENTITY_RULES",
    "identity_schema_document",
]

_F32 = pa.float32()
_MEASURED = "before degradation, by the embedder that `face.embedder` names"

IDENTITY_COLUMNS: tuple[Column, ...] = (
    Column(
        "identity",
        "similarity_target",
        _F32,
        f"cosine similarity of the fake's face to the target's, {_MEASURED} (fakes); null: where "
        "the face lies is unknown",
        nullable=True,
    ),
    Column(
        "identity",
        "similarity_donor",
        _F32,
        f"cosine similarity of the fake's face to the donor's, {_MEASURED} (fakes with a donor)",
        nullable=True,
    ),
)
IDENTITY_NAMES = tuple(column.name for column in IDENTITY_COLUMNS)
IDENTITY_RULES: Mapping[str, Rule] = dict.fromkeys(IDENTITY_NAMES, Between(-1.001, 1.001))


def identity_schema_document() -> str:
    """Return the part of ``manifests/SCHEMA.md`` on similarities."""
    lines = [
        "",
        "## Identity",
        "",
        "A release whose recipe names an embedder (`face.embedder`) has these columns too, and its "
        "JSON members have them as keys (-2: unknown). `made.with.embedder` in `release.json` "
        "names the card and the digest of its file. They are measured on the crops that the method "
        "saw, of a clip on its middle frame. Which of the two is larger says whom a fake resembles "
        "more; a threshold for `the same person` holds only for photographs (docs/weights.md).",
        "",
        "| column | type | may be null | meaning |",
        "| --- | --- | --- | --- |",
    ]
    for column in IDENTITY_COLUMNS:
        lines.append(f"| `{column.name}` | {column.type} | yes | {column.description} |")
    return "\n".join(lines) + "\n"
