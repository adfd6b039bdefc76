"""The diagrams of the documents, drawn as SVG: read offline, on a light page and on a dark one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT, GAP, ROW = 142, 50, 40, 68
MARGIN = 18
COLORS = {  # fill and border
    "step": ("#eef1fb", "#5c6bc0"),
    "gate": ("#fff4d6", "#b7860b"),
    "image": ("#f3f4f6", "#6b7280"),
    "fake": ("#fdece3", "#c4521a"),
    "release": ("#e6f4ea", "#2e7d32"),
}


@dataclass(frozen=True)
class Box:
    """A box of a diagram.

    Attributes:
        text: What it says; a line each.
        column, row: Its place in the grid.
        kind: Its color.
        wide: Columns that it covers.
    """

    text: str
    column: float
    row: float
    kind: str = "step"
    wide: int = 1

    @property
    def left(self) -> float:
        """Left end."""
        return MARGIN + self.column * (WIDTH + GAP)

    @property
    def right(self) -> float:
        """Right end."""
        return self.left + self.wide * WIDTH + (self.wide - 1) * GAP

    @property
    def middle(self) -> tuple[float, float]:
        """Where its text stands."""
        return (self.left + self.right) / 2, MARGIN + self.row * ROW + HEIGHT / 2


@dataclass(frozen=True)
class Diagram:
    """Boxes and arrows between them.

    Attributes:
        title: What it shows, for those who don't see it.
        boxes: The boxes by name.
        arrows: Names of the boxes from which and to which arrows lead. An arrow leads right, left
            or, to a box that is neither, down and around.
    """

    title: str
    boxes: dict[str, Box]
    arrows: Sequence[tuple[str, str]]

    def svg(self) -> str:
        """Return the drawing. Its background is its own, so that any page may be around it."""
        right = max(box.right for box in self.boxes.values()) + MARGIN
        bottom = max(box.middle[1] for box in self.boxes.values()) + HEIGHT / 2 + MARGIN
        size = f"{right:g} {bottom:g}"
        lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" width="{right:g}" '
            f'height="{bottom:g}" role="img" font-family="system-ui, sans-serif" font-size="15">',
            f"<title>{escape(self.title)}</title>",
            '<defs><marker id="end" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
            'markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8Z" fill="#5b6675"/></marker>'
            "</defs>",
            f'<rect x=".5" y=".5" width="{right - 1:g}" height="{bottom - 1:g}" rx="10" '
            'fill="#fff" stroke="#d5dae1"/>',
            *(_arrow(self.boxes[one], self.boxes[other]) for one, other in self.arrows),
            *(line for box in self.boxes.values() for line in _drawn(box)),
            "</svg>",
        ]
        return "\n".join(lines) + "\n"


def _arrow(one: Box, other: Box) -> str:
    (x, y), (to_x, to_y) = one.middle, other.middle
    if other.left >= one.right:
        start, end = one.right, other.left
        half = (start + end) / 2
        path = f"M{start:g} {y:g}C{half:g} {y:g} {half:g} {to_y:g} {end:g} {to_y:g}"
    elif other.right <= one.left and y == to_y:
        path = f"M{one.left:g} {y:g}H{other.right:g}"
    else:
        turn = y + HEIGHT / 2 + 14
        path = f"M{x:g} {y + HEIGHT / 2:g}V{turn:g}H{to_x:g}V{to_y - HEIGHT / 2:g}"
    return (
        f'<path d="{path}" fill="none" stroke="#5b6675" stroke-width="1.5" marker-end="url(#end)"/>'
    )


def _drawn(box: Box) -> Iterator[str]:
    fill, border = COLORS[box.kind]
    x, y = box.middle
    yield (
        f'<rect x="{box.left:g}" y="{y - HEIGHT / 2:g}" width="{box.right - box.left:g}" '
        f'height="{HEIGHT}" rx="8" fill="{fill}" stroke="{border}"/>'
    )
    lines = box.text.split("\n")
    for number, line in enumerate(lines):
        place = y + 5 + 18 * (number - (len(lines) - 1) / 2)
        yield (
            f'<text x="{x:g}" y="{place:g}" text-anchor="middle" fill="#1b2430">'
            f"{escape(line)}</text>"
        )


_THREE = {
    "real": Box("real", 1, 1.5, "image"),
    "fake": Box("fake", 1, 2.5, "fake"),
    "control": Box("control", 1, 3.5, "image"),
}

DIAGRAMS = {
    "how-it-works": Diagram(
        "From source cards and a recipe over rights gate, face index and plan to pairs, a release, "
        "training and scores",
        {
            "cards": Box("source cards", 0, 0),
            "gate": Box("rights gate", 1, 0, "gate"),
            "index": Box("face index", 2, 0),
            "plan": Box("plan", 3, 0),
            "recipe": Box("recipe", 4, 0),
            "crop": Box("one crop\nper pair", 0, 2.5),
            **_THREE,
            "degrade": Box("one degradation,\none encoder", 2, 2.5),
            "release": Box("release: tars,\nParquet, rights", 3, 2.5, "release"),
            "train": Box("training loops", 4, 2.0),
            "score": Box("scores,\ngates in CI", 4, 3.0),
        },
        [
            *(("cards", "gate"), ("gate", "index"), ("index", "plan"), ("recipe", "plan")),
            *(("plan", "crop"), ("crop", "real"), ("crop", "fake"), ("crop", "control")),
            *(("real", "degrade"), ("fake", "degrade"), ("control", "degrade")),
            *(("degrade", "release"), ("release", "train"), ("release", "score")),
        ],
    ),
    "one-pair": Diagram(
        "Real, fake and control of a pair share crop, degradation and encoder",
        {
            "crop": Box("one crop", 0, 1),
            "method": Box("method", 1, 1.5),
            "real": Box("real", 2, 0, "image"),
            "fake": Box("fake", 2, 1, "fake"),
            "control": Box("control", 2, 2, "image"),
            "degrade": Box("one degradation,\none encoder", 3, 1),
            "release": Box("release", 4, 1, "release"),
        },
        [
            *(("crop", "real"), ("crop", "method"), ("method", "fake"), ("method", "control")),
            *(("real", "degrade"), ("fake", "degrade"), ("control", "degrade")),
            ("degrade", "release"),
        ],
    ),
    "terms": Diagram(
        "The terms of a fake follow from those of its target, its donor and its network",
        {
            "target": Box("terms of\nthe target", 0, 0),
            "donor": Box("terms of\nthe donor", 0, 1),
            "network": Box("terms of\nthe network", 0, 2),
            "row": Box("terms of the fake: what all permit,\nwhat any asks", 1, 1, "gate", 2),
        },
        [("target", "row"), ("donor", "row"), ("network", "row")],
    ),
}


def diagrams() -> Iterator[tuple[str, str]]:
    """Yield the name of each file with its content."""
    for name, diagram in DIAGRAMS.items():
        yield f"{name}.svg", diagram.svg()
