from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from datagen.cli.main import run
from datagen.errors import ReleaseError
from datagen.release.reader import Release
from datagen.release.report import page as module
from datagen.release.report.page import PAGE, write_report
from tests.support.releases import change_record
from tests.support.world import World

CARD = 'data-pair="'


class Balanced(HTMLParser):
    """Checks that elements close, and collects what a browser would fetch."""

    void = ("meta", "img", "input")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []
        self.linked: list[str] = []
        self.held: dict[str, str] = {}
        self.policy = ""
        self.without_alt: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        if "src" in known:
            self.fetched.append(known["src"] or "")
        if "href" in known:
            self.linked.append(known["href"] or "")
        if known.get("http-equiv") == "Content-Security-Policy":
            self.policy = known["content"] or ""
        if tag == "img" and "alt" not in known:
            self.without_alt.append(str(known)[:80])
        if tag not in self.void:
            self.open.append(tag)

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("script", "style"):
            self.held[self.open[-1]] = self.held.get(self.open[-1], "") + data

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def parsed(path: Path) -> tuple[str, Balanced]:
    text = path.read_text(encoding="utf-8")
    found = Balanced()
    found.feed(text)
    assert found.open == []
    return text, found


@pytest.fixture
def release(world: World, tmp_path: Path) -> Release:
    assert world.generate(tmp_path / "out", "--inline") == 0
    return Release(tmp_path / "out")


def test_a_page_holds_its_pairs_and_nothing_is_fetched(release: Release, tmp_path: Path) -> None:
    address = write_report(release, 4)
    assert address.endswith("out/report/index.html")
    text, page = parsed(tmp_path / "out" / PAGE)
    assert all(url.startswith("data:image/") for url in page.fetched)
    assert all(url.startswith("#") for url in page.linked)
    assert page.without_alt == []
    assert text.count(CARD) == 4
    assert text.count("<dl>") == 4
    assert "CC0-1.0" in text.partition("<main>")[0]
    assert "Research only" in text.partition("<main>")[0]
    write_report(release, 3, "self_blend")
    text, _ = parsed(tmp_path / "out" / PAGE)
    assert text.count('data-method="self_blend"') == 3
    assert "landmark_swap" not in text
    write_report(release, 1)  # fewer than there are methods
    assert parsed(tmp_path / "out" / PAGE)[0].count(CARD) == 1
    with pytest.raises(ReleaseError, match=r"no pair of method 'selfblend'\. Did you mean"):
        write_report(release, 3, "selfblend")


def test_the_policy_allows_the_pages_own_script_and_style_alone(release: Release) -> None:
    write_report(release, 1)
    _, page = parsed(Path(release.folder.address) / PAGE)
    parts = dict(part.strip().split(" ", 1) for part in page.policy.split(";"))
    assert parts["default-src"] == "'none'"
    assert parts["img-src"] == "data:"
    for tag in ("script", "style"):
        digest = base64.b64encode(hashlib.sha256(page.held[tag].encode()).digest()).decode()
        assert parts[f"{tag}-src"] == f"'sha256-{digest}'"


def test_the_weakest_pair_stands_first(release: Release, tmp_path: Path) -> None:
    write_report(release, 36)
    text = (tmp_path / "out" / PAGE).read_text(encoding="utf-8")
    first = re.findall(r'data-pair="([^"]+)"', text)[:2]
    fakes = release.manifest.query("kind == 'fake'")
    weakest = fakes.sort_values("change_released").drop_duplicates("method")["pair_id"]
    assert set(first) == set(weakest)
    assert text.count(CARD) == 36


def test_every_pair_is_on_one_of_the_pages(
    release: Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_OF_A_PAGE", 15)
    folder = tmp_path / "out" / "report" / "all"
    folder.mkdir(parents=True)
    (folder / "00009.html").write_text("of an earlier, longer report")
    write_report(release, 2, every=True)
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["00001.html", "00002.html", "00003.html"]
    found = [
        pair
        for name in names
        for pair in re.findall(r'data-pair="([^"]+)', parsed(folder / name)[0])
    ]
    assert found == [pair.pair_id for pair in release]
    _, page = parsed(tmp_path / "out" / PAGE)
    assert [url for url in page.linked if url[0] != "#"] == [f"all/{name}" for name in names]
    _, middle = parsed(folder / "00002.html")
    assert {"../index.html", "00001.html", "00003.html"} <= set(middle.linked)
    assert release.verify() == []
    write_report(release, 2)
    assert release.folder.names("report") == [PAGE]


def test_a_page_stays_below_its_limit(
    release: Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_report(release, 36)
    size = (tmp_path / "out" / PAGE).stat().st_size
    limit = size * 2 // 3
    monkeypatch.setattr(module, "PAGE_BYTES", limit)
    write_report(release, 36)
    text = (tmp_path / "out" / PAGE).read_text(encoding="utf-8")
    assert len(text.encode()) < limit
    assert 1 <= text.count(CARD) < 36


def test_clips_that_do_not_fit_are_left_out(
    clip_release: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = Release(clip_release)
    pairs = list(release)
    whole = module._views(release, pairs, {})
    monkeypatch.setattr(module, "_FOR_PAIRS", whole[0]["view"].size + whole[1]["view"].size)
    assert len(module._views(release, pairs, {})) == 2
    groups = list(module._filled(release, iter(pairs), 24))
    assert sum(map(len, groups)) == 8
    monkeypatch.setattr(module, "_FOR_PAIRS", 10)
    with pytest.raises(ReleaseError, match="too large to be shown"):
        list(module._filled(release, iter(pairs), 24))


def test_rejects_are_told_by_code_and_names_are_escaped(release: Release, tmp_path: Path) -> None:
    hostile = '<script>alert("x")</script>'
    change_record(
        tmp_path / "out", lambda record: record["counts"].update(rejects={hostile: 3, "blink": 12})
    )
    write_report(Release(tmp_path / "out"), 2)
    text, page = parsed(tmp_path / "out" / PAGE)
    assert hostile not in text
    assert "&lt;script&gt;alert(&#34;x&#34;)" in text
    assert text.index("<code>blink</code>") < text.index("&lt;script&gt;")  # the most first
    assert "alert" not in json.dumps(page.held)


def test_one_of_a_thing_is_not_called_many(release: Release, tmp_path: Path) -> None:
    change_record(tmp_path / "out", lambda record: record["counts"].update(index_rejects=1))
    write_report(Release(tmp_path / "out"), 1, "self_blend")
    text, _ = parsed(tmp_path / "out" / PAGE)
    assert "1 image or face of the sources was rejected before." in text
    assert "<dt>method</dt><dd>1</dd>" in text
    assert '<output aria-live="polite">1 pair</output>' in text
    assert not re.findall(r"[^0-9.]1 (?:images|pairs|masks|controls)\b", text)


def test_ranges_and_counts_are_in_words(release: Release, tmp_path: Path) -> None:
    """A dash before a negative number reads as a sign."""
    write_report(release, 1)
    text, _ = parsed(tmp_path / "out" / PAGE)
    assert "\u2013" not in text
    assert re.search(r">-?[0-9.]+ to -?[0-9.]+<", text)
    assert "uses per identity as target, median" in text
    assert re.search(r"nobody \([0-9]+ released images\)", text)


def test_no_more_pairs_than_a_page_may_have(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["show", "x", "-n", "601"]) == 2
    assert "600" in capsys.readouterr().err
