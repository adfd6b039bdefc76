from __future__ import annotations

import pytest
from jinja2 import TemplateNotFound, UndefinedError
from markupsafe import Markup

from datagen.core.html import data_url, render_html
from datagen.errors import ReleaseError


def page(**values: object) -> str:
    counts = {"pairs": 1, "controls": 0, "rejects": {}}
    record = {"name": "<b>&", "version": 1, "counts": counts}
    known = {"record": record, "gain": 4, "pairs": [], "likeness": []}
    return render_html("datagen.release.report", "contact_sheet.html.j2", **{**known, **values})


def test_text_is_escaped_and_markup_is_not() -> None:
    facts = [("name", '<script>"'), ("chart", Markup("<svg></svg>"))]
    text = page(pairs=[{"images": ["data:,", None], "facts": facts}])
    assert "<title>&lt;b&gt;&amp;, version 1</title>" in text
    assert "<dd>&lt;script&gt;&#34;</dd>" in text
    assert "<dd><svg></svg></dd>" in text
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
    text = page(pairs=[{"images": [], "facts": [("name", "a\ud800b")]}])
    assert "<dd>a?b</dd>" in text
    assert text.encode()
