from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from datagen.errors import ReleaseError
from datagen.release.reader import Release
from datagen.release.report.contact_sheet import write_contact_sheet
from tests.support.world import World


class Balanced(HTMLParser):
    """Checks that elements close, and collects what a browser would fetch."""

    void = ("meta", "img")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in self.void:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_pairs_stand_side_by_side_on_a_page_of_its_own(world: World, tmp_path: Path) -> None:
    assert world.generate(tmp_path / "out", "--inline") == 0
    release = Release(tmp_path / "out")
    address = write_contact_sheet(release, 4)
    text = (tmp_path / "out" / "report" / "index.html").read_text(encoding="utf-8")
    assert address.endswith("out/report/index.html")
    page = Balanced()
    page.feed(text)
    assert page.open == []
    assert all(url.startswith("data:image/") for url in page.fetched)
    assert text.count("<dt>pair</dt>") == 4
    assert len(re.findall("<dd>(self_blend|landmark_swap) ", text)) == 4
    assert 4 * 4 <= len(page.fetched) <= 4 * 5
    write_contact_sheet(release, 3, "self_blend")
    text = (tmp_path / "out" / "report" / "index.html").read_text(encoding="utf-8")
    assert text.count("<dd>self_blend ") == 3
    write_contact_sheet(release, 1)  # fewer than there are methods
    text = (tmp_path / "out" / "report" / "index.html").read_text(encoding="utf-8")
    assert text.count("<dt>pair</dt>") == 1
    with pytest.raises(ReleaseError, match=r"no pair of method 'selfblend'\. Did you mean"):
        write_contact_sheet(release, 3, "selfblend")
