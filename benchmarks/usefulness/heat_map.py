"""The matrix trained on x tested on, as an image or as an HTML table."""

from __future__ import annotations

import html
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

from datagen.core.files import staged, write_atomically

__all__ = ["write_heat_map"]


def write_heat_map(table: pd.DataFrame, title: str, stem: Path) -> Path:
    """Write a table of AUCs, PNG where matplotlib is installed and HTML elsewhere.

    Args:
        table: Configurations by kinds, values from 0 to 1.
        title: Shown above.
        stem: Path without suffix.

    Returns:
        The path that was written.
    """
    if find_spec("matplotlib") is None:
        path = stem.with_name(f"{stem.name}.html")
        write_atomically(path, _page(table, title).encode())
        return path
    path = stem.with_name(f"{stem.name}.png")
    _draw(table, title, path)
    return path


def _draw(table: pd.DataFrame, title: str, path: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows, columns = table.shape
    figure = Figure(figsize=(3 + 0.75 * columns, 1.6 + 0.36 * rows), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots()
    values = table.to_numpy(float)
    axes.imshow(values, cmap="RdYlGn", vmin=0.3, vmax=1, aspect="auto")
    axes.set_xticks(range(columns), list(table.columns), rotation=45, ha="right")
    axes.set_yticks(range(rows), list(table.index))
    axes.set_title(title)
    axes.set_xlabel("tested on (+: color, scale and JPEG changed)")
    axes.set_ylabel("trained on")
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            ink = "white" if value < 0.4 or value > 0.9 else "black"
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=8, color=ink)
    with staged(path) as target:
        canvas.print_png(str(target))  # type: ignore[no-untyped-call]


def _page(table: pd.DataFrame, title: str) -> str:
    head = "".join(f"<th>{html.escape(str(name))}</th>" for name in table.columns)
    body = ""
    for name, row in zip(table.index, table.to_numpy(float), strict=True):
        cells = "".join(f'<td style="background:{_color(value)}">{value:.2f}</td>' for value in row)
        body += f"<tr><th>{html.escape(str(name))}</th>{cells}</tr>\n"
    return (
        f"<!doctype html><meta charset=utf-8><title>{html.escape(title)}</title>"
        f"<h1>{html.escape(title)}</h1><table><tr><th>trained on</th>{head}</tr>\n{body}</table>"
    )


def _color(value: float) -> str:
    if not np.isfinite(value):
        return "#ffffff"
    hue = 120 * min(max((value - 0.3) / 0.7, 0), 1)
    return f"hsl({hue:.0f} 70% 75%)"
