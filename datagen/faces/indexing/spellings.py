"""Who is who: one identity in several spellings is one; names that may be mistakes are told."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from datagen.core.spelling import folded, spelling
from datagen.core.system_files import is_hidden
from datagen.core.text import counted, first_of
from datagen.sources import Record, SourceCard
from datagen.sources.cells import says_nothing

__all__ = ["doubtful_names", "one_spelling", "without_system_names"]

_SHOWN = 5
_ROUNDED = re.compile(r"\d(?:[.,]\d+)?E\+?\d+", re.IGNORECASE)  # 1.23457E+17


def without_system_names(card: SourceCard, records: Iterable[Record]) -> Iterator[Record | None]:
    """Yield the records; ``None`` for one whose identity is a folder that a system has made."""
    for record in records:
        no_person = card.identity == "known" and is_hidden(record.identity)
        yield None if no_person else record


def one_spelling(card: SourceCard, records: Sequence[Record]) -> tuple[list[Record], list[str]]:
    """Return the records with one name for each identity, and a warning that names the joined.

    Names that differ in Unicode form, blanks or invisible characters alone are one identity. A
    name that occurs in one spelling is kept as it is, so that its split stays the same.

    Args:
        card: Their source's card; where every image counts alone, nothing is joined.
        records: The records of the source.
    """
    spelled: dict[str, set[str]] = defaultdict(set)
    if card.identity == "known":
        for name in {record.identity for record in records}:
            spelled[spelling(name)].add(name)
    joined = {form: names for form, names in spelled.items() if len(names) > 1}
    if not joined:
        return list(records), []
    forms = {name: form for form, names in joined.items() for name in names}
    shown = [" and ".join(map(ascii, sorted(names))) for _, names in sorted(joined.items())]
    return [
        replace(record, identity=forms.get(record.identity, record.identity)) for record in records
    ], [
        f"source {card.id!r}: {counted(len(joined), 'identity', 'identities')} in several "
        f"spellings that differ in Unicode form or blanks alone count as one each: "
        f"{first_of(shown, _SHOWN, '; ')}"
    ]


def doubtful_names(card: SourceCard, records: Sequence[Record]) -> Iterator[str]:
    """Yield a warning for each kind of names that may not mean what they say.

    Args:
        card: Their source's card.
        records: The records, after ``one_spelling``.
    """
    if card.identity != "known":
        return
    images = Counter(record.identity for record in records)
    cases: dict[str, list[str]] = defaultdict(list)
    for name in images:
        cases[folded(name)].append(name)
    alike = [" and ".join(map(repr, sorted(names))) for names in cases.values() if len(names) > 1]
    if alike:
        yield (
            f"source {card.id!r}: names that differ in case or width alone count as different "
            f"people, who may be in two splits: {first_of(sorted(alike), _SHOWN, '; ')}. If they "
            "are one, write them alike"
        )
    empty = [
        f"{name!r} ({counted(images[name], 'image')})" for name in images if says_nothing(name)
    ]
    if empty:
        yield (
            f"source {card.id!r}: {first_of(sorted(empty), _SHOWN)} is taken for the name of one "
            "identity. If it means that the identity is not known, remove these rows"
        )
    rounded = sorted(name for name in images if _ROUNDED.fullmatch(name))
    if rounded:
        yield (
            f"source {card.id!r}: {first_of(rounded, _SHOWN)}: a spreadsheet has rounded these "
            "names, and different people may have become one. Export the column as text"
        )
