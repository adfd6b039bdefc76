"""Reports on a release and a detector whose names were chosen to do harm."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, cast
from xml.etree import ElementTree as ET

import numpy as np
import pyarrow as pa
import pytest

from datagen.core.images import encode_png
from datagen.errors import ReleaseError
from datagen.evaluation.evaluate import Context, Evaluation, evaluate
from datagen.evaluation.gates.judge import Verdict
from datagen.evaluation.report.html import html_page
from datagen.evaluation.report.images import image_cards, missed_fakes
from datagen.evaluation.report.json import metrics_json
from datagen.evaluation.report.junit import junit_xml
from datagen.evaluation.report.markdown import markdown
from datagen.evaluation.report.text import summary
from datagen.evaluation.result import EvaluationResult
from datagen.planning.overview import PlanOverview
from datagen.planning.summary import SplitSummary
from datagen.release.notebook import image_tag
from datagen.release.reader import Release
from tests.evaluation.made import Made, image, make

HOSTILE = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "</svg></title></style><iframe src=//evil.example>",
    "]]><!-- --><?xml?>&lt;&amp;&nothing;",
    "{{ 7 * 7 }}{% for x in y %}",
    "| a | b |\n| - | - |\n# head\n```",
    "[text](javascript:alert(1)) ![i](https://evil.example/x.png)",
    "@everyone https://evil.example www.evil.example <https://evil.example>",
    "</details><details open>",
    "a\x00b\x07c\x1b[31md\x9be\u202ef\u2028g",
    "lone \ud800 surrogate",
    "no character \ufffe\uffff of XML",
    "$\\href{https://evil.example}{x}$",
]
ELEMENTS = {
    *("html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "p", "b", "br", "code"),
    *("table", "thead", "tbody", "tr", "th", "td", "div", "details", "summary", "figure", "img"),
    *("figcaption", "svg", "text", "g", "line", "path", "polyline", "circle", "rect", "ul", "li"),
    *("strong",),
}


class Page(HTMLParser):
    """Collects elements, attributes and what would be fetched."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self.fetched: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.fetched += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.words += data


class Images:
    """A release that has the images and nothing else."""

    record: dict[str, Any] = {"name": HOSTILE[0]}  # noqa: RUF012

    def bytes_of(self, row: dict[str, Any]) -> bytes:
        return image(row["sample_id"])


IMAGES = cast(Release, Images())


def found() -> Evaluation:
    columns: dict[str, Any] = dict(make(people=20, pairs_each=4, ladder=2).columns)
    for name in ("method", "degradation", "source", "sex", "ethnicity", "family"):
        pairs = list(dict.fromkeys(columns["pair_id"]))
        place = {pair: number for number, pair in enumerate(pairs)}
        columns[name] = [HOSTILE[place[pair] % 10] for pair in columns["pair_id"]]
    made = Made(columns)
    release = {"name": HOSTILE[0], "version": HOSTILE[1], "recipe_digest": HOSTILE[2]}
    context = Context(release, HOSTILE[3], HOSTILE[1], HOSTILE[2], 0.5, False)
    return evaluate(context, made.rows(made.scores(1.5)), made.rows(made.scores(1.2, seed=1)))


FOUND = found()
VERDICTS = [
    Verdict(name, name, outcome, False, 0.8, 0.75, 0.85, name)
    for name in HOSTILE
    for outcome in ("failed", "undecided")
]


def check(page: Page) -> None:
    assert page.elements <= ELEMENTS
    assert not any(name.startswith("on") for name in page.attributes)
    assert all(re.match(r"data:image/(jpeg|png|webp);base64,", url) for url in page.fetched)


def test_the_page_has_no_element_of_others() -> None:
    page = Page(html_page(IMAGES, FOUND, VERDICTS))
    check(page)
    assert len(page.fetched) > 10
    for name in HOSTILE[:9]:
        assert " ".join(name.split()) in " ".join(page.words.split())
    assert "49" not in [line.strip() for line in page.words.splitlines()]


@pytest.mark.parametrize("media_type", ["image/svg+xml", "text/html", HOSTILE[1], ""])
def test_an_image_of_another_type_is_not_shown(media_type: str) -> None:
    table = FOUND.rows.table
    place = table.schema.get_field_index("media_type")
    table = table.set_column(place, "media_type", pa.array([media_type] * len(table)))
    evil = replace(FOUND, rows=replace(FOUND.rows, table=table))
    with pytest.raises(ReleaseError, match="allowed are image/jpeg, image/png, image/webp"):
        image_cards(IMAGES, evil, missed_fakes(evil))


def test_junit_is_xml_whatever_the_names_are() -> None:
    text = junit_xml(HOSTILE[9] + HOSTILE[10], VERDICTS)
    (suite,) = ET.fromstring(text.encode())
    names = [case.attrib["name"] for case in suite]
    assert len(names) == len(VERDICTS)
    assert {"testcase", "failure", "system-out"} == {element.tag for element in suite.iter()} - {
        "testsuite"
    }
    for name in HOSTILE[:5]:
        assert name in names
    assert "a\\x00b\\x07c\\x1b[31md\\x9be\\u202ef\\u2028g" in names
    assert "lone \\ud800 surrogate" in names


def test_markdown_has_no_link_no_mention_no_markup_of_others() -> None:
    text = markdown(FOUND, VERDICTS)
    assert text.encode()
    own = re.sub(r"</?(details|summary)>", "", text)
    assert "<" not in own
    assert not re.search(r"@\w", text)
    assert "://e" not in text
    assert "www.e" not in text
    bare = re.sub(r"\\.", "", text)  # without what is escaped
    assert "](" not in bare
    assert "![" not in bare
    assert "```" not in bare
    assert text.count("<details>") == text.count("</details>")
    for line in text.splitlines():
        assert not line.startswith("# ")
        if line.startswith("|") and "---" not in line:
            assert line.endswith(" |")
    tables = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    for table in tables:
        widths = {re.sub(r"\\.", "", line).count("|") for line in table.splitlines()}
        assert len(widths) == 1


def test_json_and_text_hold_the_names_as_they_are() -> None:
    document = json.loads(metrics_json(FOUND, VERDICTS))
    assert HOSTILE[0] in document["by"]["method"]
    assert summary(FOUND, VERDICTS)


def test_every_report_can_be_written(tmp_path: Path) -> None:
    result = EvaluationResult(IMAGES, FOUND, tuple(VERDICTS))
    result.write(tmp_path)
    result.to_junit(tmp_path / "junit.xml")
    for name in ("index.html", "report.md", "metrics.json", "junit.xml"):
        assert (tmp_path / name).read_text(encoding="utf-8")


def test_a_plan_in_a_notebook_has_no_element_of_others() -> None:
    name = HOSTILE[1]
    split = SplitSummary("test", 1, 1, 1, 1, {name: 1}, {name: 1}, {name: Fraction(1)}, 1)
    plan = PlanOverview(name, "research", (), (split,), tuple(HOSTILE[:9]), 1, 1.0, False)
    page = Page(plan._repr_html_())
    check(page)
    assert page.words.count(name) == 3


def test_an_image_in_a_notebook_is_of_a_known_type() -> None:
    png = encode_png(np.zeros((2, 2), np.uint8))
    check(Page(image_tag("image/png", png)))
    with pytest.raises(ReleaseError, match="media type"):
        image_tag('image/png"><script>', png)
