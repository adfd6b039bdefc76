"""Write the generated documents, or with ``--check`` list those that are out of date."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from datagen.degradations import DEGRADATIONS
from datagen.degradations.profile import ProfileStep, load_profile, profile_names
from datagen.faces.analyzers import ANALYZERS
from datagen.faces.indexing.select import INDEX_REJECT_CODES
from datagen.methods import METHODS
from datagen.release.clip_schema import clip_schema_document
from datagen.release.identity_schema import identity_schema_document
from datagen.release.schema import schema_document
from datagen.rights import license_of
from datagen.sources import SOURCES
from datagen.weights import WeightCard
from datagen.weights.catalog import read_shipped_card, shipped_weight_cards

sys.path.insert(0, str(Path(__file__).resolve().parent))
from diagrams import diagrams
from sections import degradation_sections, first_line, method_sections

ROOT = Path(__file__).resolve().parent.parent


def methods_table() -> str:
    """Return the table of methods."""
    lines = [
        "| method | family | donor | description | based on |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name in METHODS:
        method = METHODS.load(name)
        donor = "yes" if method.needs_donor else ""
        what = first_line(method.__doc__)
        lines.append(f"| `{name}` | {method.family} | {donor} | {what} | {method.paper} |")
    return "\n".join(lines)


def sources_table() -> str:
    """Return the table of source layouts."""
    lines = ["| layout | description |", "| --- | --- |"]
    lines += [f"| `{name}` | {first_line(SOURCES.load(name).__doc__)} |" for name in SOURCES]
    return "\n".join(lines)


def analyzers_table() -> str:
    """Return the table of analyzers."""
    lines = ["| analyzer | 478-point mesh | embedding | description |", "| --- | --- | --- | --- |"]
    for name in ANALYZERS:
        analyzer = ANALYZERS.load(name)
        mesh = "yes" if analyzer.gives_mesh else ""
        embedding = "yes" if analyzer.gives_embedding else ""
        lines.append(f"| `{name}` | {mesh} | {embedding} | {first_line(analyzer.__doc__)} |")
    return "\n".join(lines)


def index_codes_table() -> str:
    """Return the table of reject codes of the face index."""
    lines = ["| code | meaning |", "| --- | --- |"]
    lines += [f"| `{code}` | {words} |" for code, words in INDEX_REJECT_CODES.items()]
    return "\n".join(lines)


def kinds_table() -> str:
    """Return the table of kinds of degradation."""
    lines = ["| kind | description |", "| --- | --- |"]
    for name in DEGRADATIONS:
        kind = DEGRADATIONS.load(name)
        what = first_line(kind.__doc__) + (" Moves pixels." if kind.moves else "")
        what += " For clips only." if kind.clips_only else ""
        lines.append(f"| [`{name}`](#{name}) | {what} |")
    return "\n".join(lines)


def profiles_table() -> str:
    """Return the table of profiles."""
    lines = ["| profile | dated | description | steps |", "| --- | --- | --- | --- |"]
    for name in profile_names():
        profile = load_profile(name)
        steps = "; ".join(_step_words(step) for step in profile.steps) or "none"
        if profile.choose == "one":
            steps = f"one of: {steps}"
        words = " ".join(profile.words.split())
        lines.append(f"| `{name}` | {profile.dated} | {profile.title}. {words} | {steps} |")
    return "\n".join(lines)


def _step_words(step: ProfileStep) -> str:
    options = {**step.options(None), **step.levels}
    values = ", ".join(f"{key} {value}" for key, value in options.items())
    often = "" if step.chance == 1 else f" in {step.chance:.0%}"
    return f"`{step.use}`{often}" + (f" ({values})" if values else "")


def weights_table() -> str:
    """Return the table of the shipped weight cards: title, terms and origin."""
    lines = ["| card | title | license | permits | how to get the file |"]
    lines.append("| --- | --- | --- | --- | --- |")
    for name in shipped_weight_cards():
        card = read_shipped_card(name)
        terms = license_of(card.license)
        answers = {
            "research": terms.research,
            "commercial": terms.commercial,
            "redistribution": terms.redistribute,
        }
        permits = ", ".join(words for words, answer in answers.items() if answer) or "unknown"
        lines.append(f"| `{name}` | {card.title} | {card.license} | {permits} | {_origin(card)} |")
    return "\n".join(lines)


def _origin(card: WeightCard) -> str:
    home = f"[{card.homepage.partition('://')[2]}]({card.homepage})"
    if card.hub is not None:
        return f"`pull`: `{card.hub.repo}` at commit `{card.hub.revision[:7]}`; {home}"
    if not card.address:
        return f"by hand, as `{card.file}`: {home}"
    verb = "`pull`" if card.sha256 else "`pull` prints its digest"
    size = f", {card.size / 1e6:.0f} MB" if card.size else ""
    return f"{verb}: [{card.file}]({card.address}){size}; {home}"


TABLES = {
    "degradations": kinds_table,
    "profiles": profiles_table,
    "methods": methods_table,
    "sources": sources_table,
    "analyzers": analyzers_table,
    "index-codes": index_codes_table,
    "gallery": method_sections,
    "kinds": degradation_sections,
    "weights": weights_table,
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
    """Yield each generated document with the text it should have."""
    yield (
        ROOT / "manifests" / "SCHEMA.md",
        "".join((schema_document(), clip_schema_document(), identity_schema_document())),
    )
    for name, drawing in diagrams():
        yield ROOT / "docs" / "images" / name, drawing
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
