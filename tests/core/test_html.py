from __future__ import annotations

import re

import pytest
from jinja2 import TemplateNotFound, UndefinedError
from markupsafe import Markup

from datagen.core.html import data_url, inlined, render_html
from datagen.errors import ReleaseError


def page(**values: object) -> str:
    record = {"name": "<b>&", "version": 1, "counts": {"pairs": 1, "images": 2}}
    known = {"record": record, "folder": "out", "media": "images", "side": 8, "problem": ""}
    known |= {"pairs": []}
    return render_html("datagen.release", "release.html.j2", **{**known, **values})


def test_text_is_escaped_and_markup_is_not() -> None:
    pairs = [
        {"images": ["data:,", None], "method": name} for name in ('<script>"', Markup("<b></b>"))
    ]
    text = page(pairs=pairs)
    assert "<strong>&lt;b&gt;&amp;</strong> version 1" in text
    assert "<td>&lt;script&gt;&#34;</td>" in text
    assert "<td><b></b></td>" in text
    assert "<script>" not in text


def test_what_a_template_lacks_is_an_error_and_no_empty_text() -> None:
    with pytest.raises(UndefinedError):
        page(record={"name": "n"})
    with pytest.raises(TemplateNotFound):
        render_html("datagen.release.report", "nothing.html.j2")


def test_a_data_url_holds_the_bytes() -> None:
    assert data_url(b"\x00\x01") == "data:image/png;base64,AAE="
    assert data_url(b"", "image/webp") == "data:image/webp;base64,"


@pytest.mark.parametrize(
    "media_type",
    ['image/png"><script>alert(1)</script>', "image/svg+xml", "text/html", "", "image/png;a=b"],
)
def test_a_data_url_takes_no_other_type(media_type: str) -> None:
    """A manifest names it, and the page would be what the manifest's author likes."""
    with pytest.raises(ReleaseError, match="allowed are image/jpeg") as error:
        data_url(b"", media_type)
    assert error.value.key == "media_type"


def test_a_lone_surrogate_is_no_reason_to_write_nothing() -> None:
    text = page(pairs=[{"images": [], "method": "a\ud800b"}])
    assert r"<td>a\ud800b</td>" in text
    assert text.encode()


def test_characters_that_reorder_text_are_shown_as_escapes() -> None:
    text = page(folder="\u202egnp.exe\u2066\x1b[31m")
    assert r"\u202egnp.exe\u2066\x1b[31m" in text
    assert not re.search("[\u202e\u2066\x1b]", text)


def test_a_script_is_held_as_it_is_and_named_by_its_digest() -> None:
    names = ("filters.js", "images.js")
    found = inlined("datagen.release.report", *names)
    assert "=> {\n" in found.text
    assert re.fullmatch("'sha256-[A-Za-z0-9+/]{43}='", found.source)
    assert found.source != inlined("datagen.release.report", names[0]).source
