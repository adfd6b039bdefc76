"""What a source lists, screened by card and metadata before any image is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from datagen.core.spelling import folded
from datagen.core.text import counted
from datagen.errors import CardError, SourceError
from datagen.faces.indexing.minors import minors_of
from datagen.faces.indexing.select import Screened
from datagen.faces.indexing.spellings import doubtful_names, one_spelling, without_system_names
from datagen.rights import Purpose, needs_attribution
from datagen.rights.terms import License
from datagen.sources.age_columns import refuse_unread_ages
from datagen.sources.base import Record, Source, unique
from datagen.sources.listing import HIDDEN

__all__ = ["Listed", "list_source"]


@dataclass(frozen=True, slots=True)
class Listed:
    """The images of a source.

    Attributes:
        source: The source.
        screened: Its records, accepted or rejected.
        minors: All images of identities that are stated to be minors, also those that the
            options of the layout leave out.
        passed_over: What the source has and does not list: entries by kind.
        notes: Warnings about names.
        clips: Whether its videos are listed, not its images.
    """

    source: Source
    screened: Screened
    minors: tuple[Record, ...]
    passed_over: Mapping[str, int]
    notes: tuple[str, ...]
    clips: bool = False


def list_source(source: Source, purpose: Purpose, clips: bool = False) -> Listed:
    """Return the images of a source, or its videos.

    Args:
        source: The source.
        purpose: The purpose, which an image's own license must cover.
        clips: Whether its videos are meant.

    Raises:
        SourceError: The listing is invalid, or a column that looks like an age is not read.
        CardError: The license of an image is no SPDX expression.
    """
    card = source.card
    records, notes, passed_over = _named(source, clips)
    if not source.looks_for_ages:
        _refuse_unread_ages(source, records)
    known = {record.image_id for record in records}
    others = source.other_clips() if clips else source.others()
    left_out = [record for record in unique(others, card.id) if record.image_id not in known]
    ages = _with_labels(source, records, minors_of([*records, *left_out]))
    minors = [one for one in (*records, *left_out) if ages and folded(one.identity) in ages]
    licenses = {record.license for record in records if record.license is not None}
    terms = {license: _terms(source, purpose, license, records) for license in licenses}
    covers = {license: purpose.covered_by(own) for license, own in terms.items()}
    same = purpose.license(card.license).expression
    named = {
        license
        for license, own in terms.items()
        if needs_attribution(own, purpose) and own.expression != same
    }
    screened = Screened(card, records, covers, named, ages)
    return Listed(source, screened, tuple(minors), passed_over, notes, clips)


def _refuse_unread_ages(source: Source, records: Sequence[Record]) -> None:
    cells = dict.fromkeys(pair for record in records for pair in record.extra.items())
    refuse_unread_ages(
        ({name: cell} for name, cell in cells),
        (),
        getattr(source.config, "ignore", ()),
        f"source {source.card.id!r}",
        f"the layout {source.layout!r} must give it as the age of its records",
    )


def _named(source: Source, clips: bool) -> tuple[list[Record], tuple[str, ...], Mapping[str, int]]:
    """Return the records with one name for each identity, the warnings, and what is not taken."""
    card = source.card
    source.passed_over.clear()
    try:
        listed = source.clip_records() if clips else source.records()
        found = list(without_system_names(card, unique(listed, card.id)))
    except SourceError:
        if source.has_files and (bucket := source.missing_bucket()):
            raise source.error(
                f"there is no bucket {bucket!r}, or it may not be listed: check 'root'"
            ) from None
        raise
    records = [record for record in found if record is not None]
    passed_over = source.passed_over + Counter({HIDDEN: len(found) - len(records)})
    records, joined = one_spelling(card, records)
    return records, (*joined, *doubtful_names(card, records)), passed_over


def _terms(source: Source, purpose: Purpose, license: str, records: Sequence[Record]) -> License:
    try:
        return purpose.license(license)
    except CardError as error:
        images = [record.image_id for record in records if record.license == license]
        raise CardError(
            f"source {source.card.id!r}: {error} ({counted(len(images), 'image')}, the first is "
            f"{images[0]!r})"
        ) from None


def _with_labels(
    source: Source, records: Sequence[Record], ages: Mapping[str, float]
) -> dict[str, float]:
    """Add the images that a label gives to a minor where every image counts as an identity."""
    labels = {
        folded(label): ages[folded(record.identity)]
        for record in records
        if ages and (label := source.label_of(record)) and folded(record.identity) in ages
    }
    more = {
        folded(record.identity): labels[folded(label)]
        for record in records
        if labels and (label := source.label_of(record)) and folded(label) in labels
    }
    return {**more, **ages}
