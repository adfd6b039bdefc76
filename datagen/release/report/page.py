"""The report of a release: a page with its figures and chosen pairs, or with all of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pandas as pd

from datagen.core.html import inlined, render_html
from datagen.core.text import near
from datagen.errors import ReleaseError
from datagen.release.likeness import likeness_by_method
from datagen.release.pairs import ReleasedPair
from datagen.release.reader import Release
from datagen.release.report.choice import choose, evenly, shares
from datagen.release.report.clip_sheet import clip_views
from datagen.release.report.figures import (
    KINDS,
    by_method,
    by_split,
    counts_of,
    distributions,
    facts_of_rows,
    rights_of,
)
from datagen.release.report.histogram import HEIGHT, WIDTH, histogram
from datagen.release.report.look import SHEET_ROWS, Look, look_at
from datagen.release.report.pair_view import GAIN, check_sizes, facts_of, image_view

__all__ = ["MOST_PAIRS", "PAGE", "PAGE_BYTES", "write_report"]

PAGE = "report/index.html"
"""The page with the figures."""

MOST_PAIRS = 600
"""The most pairs on the page with the figures."""

PAGE_BYTES = 60_000_000
"""No page is as large as this."""

_PACKAGE = "datagen.release.report"
_FOLDER = "report/all"
_PAIRS, _CLIP_PAIRS = 120, 24  # shown by default: making a pair of clips takes a second
_OF_A_PAGE, _CLIPS_OF_A_PAGE = 200, 24
_FOR_PAIRS = 50_000_000  # bytes; the rest is for figures, sheets and facts
_LOOKED_AT, _CLIPS_LOOKED_AT = 240, 48


@dataclass(frozen=True, slots=True)
class _Page:
    """A page with pairs of the whole release.

    Attributes:
        name: Name of the file in its folder.
        first, last: Numbers of its pairs, from 1.
        splits: The splits of its pairs.
    """

    name: str
    first: int
    last: int
    splits: str


def write_report(
    release: Release, count: int | None = None, method: str | None = None, every: bool = False
) -> str:
    """Write ``report/index.html`` and return its address.

    Args:
        release: A finished release.
        count: Maximum number of pairs on the page, divided evenly among the methods: those that
            change least and most, and others spread over the release. Fewer are shown where the
            page would become too large.
        method: Show this method only.
        every: Also write pages with every pair, which the first page links; otherwise those of
            an earlier report are removed.

    Raises:
        ReleaseError: The release has no such method, or is damaged.
    """
    rows = facts_of_rows(release)
    fakes = _of_fakes(release, rows, method)
    if method is not None:
        rows = rows[rows["method"] == method]
    pages = _write_all(release, method) if every else []
    _remove_others(release, {page.name for page in pages})
    usual = _CLIP_PAIRS if release.has_clips else _PAIRS
    controls = set(rows.loc[rows["kind"] == "control", "pair_id"])
    chosen = choose(fakes, usual if count is None else min(count, MOST_PAIRS), controls)
    views = _views(release, _in_order(release, chosen), chosen)
    values = _figures(release, rows, fakes, method)
    text = _rendered(release, "report.html.j2", pairs=views, pages=pages, method=method, **values)
    while len(text) >= PAGE_BYTES and views:
        views = views[: len(views) // 2]
        text = _rendered(
            release, "report.html.j2", pairs=views, pages=pages, method=method, **values
        )
    release.folder.write(PAGE, text)
    return f"{release.folder.address}/{PAGE}"


def _of_fakes(release: Release, rows: pd.DataFrame, method: str | None) -> pd.DataFrame:
    fakes = rows[rows["kind"] == "fake"]
    methods = sorted(map(str, fakes["method"].unique()))
    if method is not None and method not in methods:
        raise ReleaseError(
            f"{release.folder}: the release has no pair of method {method!r}."
            f"{near(method, methods)} It has: {', '.join(methods)}",
            path=release.folder.address,
            key="method",
        )
    fakes = fakes if method is None else fakes[fakes["method"] == method]
    return fakes.assign(method=fakes["method"].astype(str))


def _figures(
    release: Release, rows: pd.DataFrame, fakes: pd.DataFrame, method: str | None
) -> dict[str, Any]:
    """Return what the template shows beside the pairs."""
    look = _look(release, fakes)
    measured = {
        **distributions(rows),
        ("Brightness", "8-bit levels"): look.brightness,
        ("Sharpness", "8-bit levels"): look.sharpness,
    }
    drawn = (histogram(*title, values) for title, values in measured.items())
    return {
        "kinds": KINDS,
        "rights": rights_of(release, method),
        "counts": counts_of(rows, release.splits),
        "splits": by_split(rows, release.splits),
        "methods": by_method(rows),
        "likeness": likeness_by_method(fakes),
        "histograms": [one for one in drawn if one is not None],
        "width": WIDTH,
        "height": HEIGHT,
        "look": look,
        "sheet_rows": SHEET_ROWS,
        "totals": {
            "pairs": len(fakes),
            "controls": int((rows["kind"] == "control").sum()),
            "images": len(rows),
            "bytes": int(rows["media_size"].sum()),
        },
    }


def _look(release: Release, fakes: pd.DataFrame) -> Look:
    """Look at pairs of each method, spread over the release."""
    most = _CLIPS_LOOKED_AT if release.has_clips else _LOOKED_AT
    sizes = {str(name): int(n) for name, n in fakes["method"].value_counts().sort_index().items()}
    wanted: list[str] = []
    for name, share in shares(sizes, most).items():
        wanted += list(evenly(fakes[fakes["method"] == name], share)["pair_id"])
    return look_at(map(_checked, release.pairs(where={"pair_id": wanted})))


def _checked(pair: ReleasedPair) -> ReleasedPair:
    check_sizes(pair)
    return pair


def _in_order(release: Release, chosen: Iterable[str]) -> list[ReleasedPair]:
    """Return pairs, which hold their rows and no image."""
    wanted = list(chosen)
    found = {pair.pair_id: pair for pair in release.pairs(where={"pair_id": wanted})}
    return [found[pair_id] for pair_id in wanted]


def _views(
    release: Release, pairs: Sequence[ReleasedPair], reasons: dict[str, str]
) -> list[dict[str, Any]]:
    """Return what is shown of pairs: as many as fit, smaller where the space is short."""
    found = []
    left = _FOR_PAIRS
    for number, pair in enumerate(pairs):
        row = pair.row
        if release.has_clips:
            check_sizes(pair)
            view: Any = clip_views(release, pair.rows, GAIN)
        else:
            view = image_view(pair, left // (len(pairs) - number))
        left -= view.size
        if left < 0:
            break
        found.append(
            {
                "view": view,
                "facts": facts_of(row),
                "pair_id": pair.pair_id,
                "method": pair.method,
                "split": pair.split,
                "degradation": row["degradation"] or "none",
                "severity": row["severity"],
                "change": row["change_released"],
                "control": "control" in pair.rows,
                "reason": reasons.get(pair.pair_id, ""),
            }
        )
    return found


def _write_all(release: Release, method: str | None) -> list[_Page]:
    """Write every pair, a page at a time, and return the pages."""
    most = _CLIPS_OF_A_PAGE if release.has_clips else _OF_A_PAGE
    pages: list[_Page] = []
    waiting = _with_next(_filled(release, release.pairs(method=method), most))
    for number, (views, last) in enumerate(waiting, 1):
        first = pages[-1].last + 1 if pages else 1
        splits = ", ".join(dict.fromkeys(view["split"] for view in views))
        page = _Page(_name(number), first, first + len(views) - 1, splits)
        text = _rendered(
            release,
            "pairs.html.j2",
            pairs=views,
            page=page,
            before=_name(number - 1) if number > 1 else None,
            after=None if last else _name(number + 1),
            method=method,
        )
        release.folder.write(f"{_FOLDER}/{page.name}", text)
        pages.append(page)
    return pages


def _remove_others(release: Release, names: Collection[str]) -> None:
    """Remove the pages of an earlier report: of other pairs, or of a method, or more of them."""
    written = {f"{_FOLDER}/{name}" for name in names}
    for name in release.folder.names(_FOLDER):
        if name not in written:
            release.folder.remove(name)


def _filled(
    release: Release, pairs: Iterator[ReleasedPair], most: int
) -> Iterator[list[dict[str, Any]]]:
    """Yield what is shown of some pairs, then of the next ones: fewer where they do not fit."""
    waiting = list(islice(pairs, most))
    while waiting:
        views = _views(release, waiting, {})
        if not views:
            raise ReleaseError(
                f"{release.folder}: pair {waiting[0].pair_id} is too large to be shown",
                path=release.folder.address,
                row=waiting[0].pair_id,
            )
        yield views
        waiting = waiting[len(views) :]
        waiting += islice(pairs, most - len(waiting))


def _with_next(groups: Iterator[Any]) -> Iterator[tuple[Any, bool]]:
    """Yield each value, and whether it is the last one."""
    previous = next(groups, None)
    while previous is not None:
        following = next(groups, None)
        yield previous, following is None
        previous = following


def _name(number: int) -> str:
    return f"{number:05}.html"


def _rendered(release: Release, template: str, **values: Any) -> bytes:
    script = "clips.js" if release.has_clips else "images.js"
    return render_html(
        _PACKAGE,
        template,
        record=release.record,
        clips=release.has_clips,
        gain=GAIN,
        style=inlined(_PACKAGE, "report.css", "pairs.css"),
        script=inlined(_PACKAGE, "filters.js", script),
        **values,
    ).encode()
