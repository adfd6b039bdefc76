"""The contact sheet of a release: real, fake, mask and difference side by side, as plain HTML."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import pandas as pd

from datagen.core.arrays import Image
from datagen.core.text import near
from datagen.errors import ReleaseError
from datagen.release.reader import Release

__all__ = ["write_report"]

REPORT = "report/index.html"

# Differences are small numbers of gray levels: shown four times as strong.
_GAIN = 4
# Of the pairs of a method, so many are chosen among those with a control.
_CONTROL_EVERY = 3
_SHOWN = ("image_id", "donor_image_id", "split", "item", "attempt", "change", "mask_area")
_DEGRADATION = ("degradation", "severity", "change_released", "psnr")

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ font: 14px/1.4 system-ui, sans-serif; margin: 2rem; color: #222; background: #fff }}
table {{ border-collapse: collapse }}
td, th {{ padding: .4rem; vertical-align: top; text-align: left }}
tr + tr td {{ border-top: 1px solid #ddd }} img {{ width: 190px; display: block }}
td:last-child {{ min-width: 26rem }}
dl {{ margin: 0; display: grid; grid-template-columns: auto 1fr; gap: 0 .6rem; max-width: 34rem }}
dt {{ color: #666 }} dd {{ margin: 0; overflow-wrap: anywhere }} code {{ font-size: 12px }}
</style>
<h1>{title}</h1>
<p>{summary}</p>
<table><thead><tr><th>real<th>control<th>fake<th>mask<th>|fake - real| x {gain}<th>row</tr></thead>
<tbody>
{rows}
</tbody></table>
</html>
"""


def write_report(release: Release, count: int, method: str | None) -> str:
    """Write ``report/index.html`` and return its address.

    Args:
        release: A finished release.
        count: Most pairs to show; every method gets its part, spread over the release.
        method: Show this method only.

    Raises:
        ReleaseError: No such method in the release.
    """
    manifest = release.manifest
    fakes = manifest[manifest["kind"] == "fake"]
    methods = sorted(fakes["method"].unique())
    if method is not None and method not in methods:
        raise ReleaseError(
            f"{release.folder} has no pair of method {method!r}.{near(method, methods)} "
            f"It has: {', '.join(methods)}"
        )
    wanted = [method] if method is not None else methods
    controlled = set(manifest.loc[manifest["kind"] == "control", "pair_id"])
    chosen = list(_spread(fakes, wanted, count, controlled))
    others = {
        (row["pair_id"], row["kind"]): row
        for row in manifest[manifest["pair_id"].isin({r["pair_id"] for r in chosen})].to_dict(
            "records"
        )
    }
    counts = release.record["counts"]
    page = _PAGE.format(
        title=html.escape(f"{release.record['name']}, version {release.record['version']}"),
        summary=html.escape(
            f"{counts['pairs']} pairs, {counts['controls']} controls, "
            f"{sum(counts['rejects'].values())} rejects; {len(chosen)} pairs shown."
        ),
        gain=_GAIN,
        rows="\n".join(_row(release, fake, others) for fake in chosen),
    )
    release.folder.write(REPORT, page.encode())
    return f"{release.folder.address}/{REPORT}"


def _spread(
    fakes: pd.DataFrame, methods: list[str], count: int, controlled: set[str]
) -> Iterator[dict[str, Any]]:
    for number, name in enumerate(methods):
        share = count // len(methods) + (number < count % len(methods))
        rows = fakes[fakes["method"] == name]
        with_control = rows[rows["pair_id"].isin(controlled)]
        some = _evenly(with_control, max(1, share // _CONTROL_EVERY))
        rest = _evenly(rows.drop(some.index), share - len(some))
        for row in pd.concat([some, rest]).sort_index().to_dict("records"):
            yield {str(key): value for key, value in row.items()}


def _evenly(rows: pd.DataFrame, count: int) -> pd.DataFrame:
    places = np.unique(np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int))
    return rows.iloc[places]


def _row(release: Release, fake: dict[str, Any], others: dict[Any, Any]) -> str:
    real = others[fake["pair_id"], "real"]
    control = others.get((fake["pair_id"], "control"))
    difference = cv2.absdiff(release.image(real), release.image(fake))
    cells = [
        _embed(release.bytes_of(real), real["media_type"]),
        _embed(release.bytes_of(control), control["media_type"]) if control else "",
        _embed(release.bytes_of(fake), fake["media_type"]),
        _embed(release.mask_bytes(fake), "image/png"),
        _embed(_png(np.minimum(difference.astype(np.uint16) * _GAIN, 255).astype(np.uint8))),
        _facts(fake),
    ]
    return "<tr>" + "".join(f"<td>{cell}" for cell in cells) + "</tr>"


def _embed(data: bytes, media_type: str = "image/png") -> str:
    text = base64.b64encode(data).decode()
    return f'<img alt="" loading="lazy" src="data:{media_type};base64,{text}">'


def _png(image: Image) -> bytes:
    return cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes()


def _facts(row: dict[str, Any]) -> str:
    pairs = [("pair", row["pair_id"]), ("method", f"{row['method']} ({row['family']})")]
    pairs += [(name, _text(row[name])) for name in _SHOWN]
    if _text(row["degradation"]):
        pairs += [(name, _text(row[name])) for name in _DEGRADATION]
        pairs += [("damage", _operations(row["degradation_params"]))]
    pairs += [("encoder", _json(row["encoder"])), ("params", _json(row["method_params"]))]
    items = "".join(
        f"<dt>{html.escape(name)}<dd>{html.escape(text)}" for name, text in pairs if text
    )
    return f"<dl>{items}</dl>"


def _text(value: Any) -> str:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return ""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _json(text: str) -> str:
    return ", ".join(f"{key} {_brief(value)}" for key, value in json.loads(text).items())


def _operations(text: str) -> str:
    told = []
    for operation in json.loads(text)["operations"]:
        params = ", ".join(f"{key} {_brief(value)}" for key, value in operation["params"].items())
        told.append(f"{operation['use']} ({params})")
    return "; ".join(told)


def _brief(value: Any) -> str:
    shown = json.dumps(value)
    return shown if len(shown) <= 60 else shown[:57] + "..."
