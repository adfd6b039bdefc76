"""HTML pages from Jinja2 templates: everything is escaped unless it is marked as markup."""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

from datagen.core.media import suffix_of
from datagen.core.terminal import visible
from datagen.errors import ReleaseError

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

__all__ = ["Inlined", "data_url", "inlined", "render_html"]


class Inlined(NamedTuple):
    """A script or a style sheet that a page holds.

    Attributes:
        text: Its text, which is not escaped.
        source: What a content security policy calls it: its digest.
    """

    text: Markup
    source: str


@lru_cache
def inlined(package: str, *names: str) -> Inlined:
    """Return scripts or style sheets as one text.

    Args:
        package: The package whose folder ``templates`` holds the files.
        *names: Names of the files.
    """
    from markupsafe import Markup

    folder = files(package) / "templates"
    text = "".join((folder / name).read_text(encoding="utf-8") for name in names)
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return Inlined(Markup(text), f"'sha256-{digest}'")  # noqa: S704  # a file of this package


def render_html(package: str, template: str, **values: Any) -> str:
    """Return a page.

    Args:
        package: The package whose folder ``templates`` holds the template.
        template: File name of the template, e.g. ``report.html.j2``.
        **values: Variables of the template.
    """
    # No page of ours has such characters: they come from names, and would reorder the text.
    return visible(_environment(package).get_template(template).render(**values))


def data_url(data: bytes, media_type: str = "image/png") -> str:
    """Return a URL that holds an encoded image, so that a page needs no other file.

    Raises:
        ReleaseError: The media type is not one of a released image. A manifest is data: its text
            would end up in the page.
    """
    try:
        suffix_of(media_type)
    except ValueError as error:
        raise ReleaseError(f"{error}", key="media_type") from None
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


@lru_cache
def _environment(package: str) -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
