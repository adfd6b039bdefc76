"""Write the generated documents, or with ``--check`` say which are out of date."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from datagen.faces.analysers import ANALYSERS
from datagen.faces.screen import INDEX_REJECT_CODES
from datagen.methods import METHODS
from datagen.sources import SOURCES
from datagen.store.schema import schema_document

ROOT = Path(__file__).resolve().parent.parent


def first_line(text: str | None) -> str:
    """Return the first line of a docstring."""
    return (text or "").strip().partition("\n")[0].replace("``", "`")


def methods_table() -> str:
    """Return the table of methods."""
    lines = ["| method | family | donor | what | after |", "| --- | --- | --- | --- | --- |"]
    for name in METHODS:
        method = METHODS.load(name)
        donor = "yes" if method.needs_donor else ""
        what = first_line(method.__doc__)
        lines.append(f"| `{name}` | {method.family} | {donor} | {what} | {method.paper} |")
    return "\n".join(lines)


def gallery() -> str:
    """Return the pages of docs/methods.md, one a method."""
    return "\n\n".join(method_page(name) for name in METHODS)


def method_page(name: str) -> str:
    """Return what one method does, its options and its picture."""
    method = METHODS.load(name)
    words = " ".join((method.__doc__ or "").replace("``", "`").split("\n\n")[0].split())
    lines = [f"### `{name}`", "", words, ""]
    lines.append(
        f"Family {method.family}, version {method.version}; "
        f"{'takes a donor' if method.needs_donor else 'no donor'}"
        f"{', needs the 478-point mesh' if method.needs_mesh else ''}; smallest visible change "
        f"{method.min_change:g} grey levels. After: {method.paper or 'no paper'}."
    )
    fields = method.options.model_fields
    if fields:
        lines += ["", "| option | default |", "| --- | --- |"]
        lines += [
            f"| `{key}` | `{field.get_default(call_default_factory=True)}` |"
            for key, field in fields.items()
        ]
    drawn = ", ".join(f"`{key}`" for key in method.params.model_fields)
    lines += ["", f"Drawn and recorded in `method_params`: {drawn}.", ""]
    lines.append(f"![{name}: real, donor, fake, mask, difference](pictures/methods/{name}.jpg)")
    return "\n".join(lines)


def sources_table() -> str:
    """Return the table of source layouts."""
    lines = ["| layout | what |", "| --- | --- |"]
    lines += [f"| `{name}` | {first_line(SOURCES.load(name).__doc__)} |" for name in SOURCES]
    return "\n".join(lines)


def analysers_table() -> str:
    """Return the table of analysers."""
    lines = ["| analyser | 478-point mesh | embedding | what |", "| --- | --- | --- | --- |"]
    for name in ANALYSERS:
        analyser = ANALYSERS.load(name)
        mesh = "yes" if analyser.gives_mesh else ""
        embedding = "yes" if analyser.gives_embedding else ""
        lines.append(f"| `{name}` | {mesh} | {embedding} | {first_line(analyser.__doc__)} |")
    return "\n".join(lines)


def index_codes_table() -> str:
    """Return the table of codes of the index's rejects."""
    lines = ["| code | meaning |", "| --- | --- |"]
    lines += [f"| `{code}` | {words} |" for code, words in INDEX_REJECT_CODES.items()]
    return "\n".join(lines)


TABLES = {
    "methods": methods_table,
    "sources": sources_table,
    "analysers": analysers_table,
    "index-codes": index_codes_table,
    "gallery": gallery,
}


def with_tables(text: str) -> str:
    """Return a document with what lies between its table marks made anew."""
    for name, make in TABLES.items():
        start, end = f"<!-- table: {name} -->", "<!-- end -->"
        before, mark, rest = text.partition(start)
        if mark:
            _, _, after = rest.partition(end)
            text = f"{before}{start}\n{make()}\n{end}{after}"
    return text


def documents() -> Iterator[tuple[Path, str]]:
    """Yield each generated document with what it should hold."""
    yield ROOT / "manifests" / "SCHEMA.md", schema_document()
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        yield path, with_tables(path.read_text(encoding="utf-8"))


def main() -> None:
    """Write or check."""
    old = [
        (path, text)
        for path, text in documents()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    if "--check" in sys.argv:
        for path, _ in old:
            print(f"{path.relative_to(ROOT)} is out of date: run 'make docs'")
        sys.exit(1 if old else 0)
    for path, text in old:
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
