"""Hooks of the site: files beside ``docs/``, and pages made from the code.

The documents link to each other as files of the repository, so that they read well there too. Here
every such link becomes one of the site: pages beside ``docs/`` get a page, other files (examples,
recipes) are copied. A link that leads nowhere is an error.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer.main
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

import datagen

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "manifests/SCHEMA.md": "manifest.md",
    "docs/decisions": "decisions/index.md",
}
_FILES = {page: file for file, page in PAGES.items() if file.endswith(".md")}
_LINK = re.compile(r"(\]\()([^)\s#]+)((?:#[^)\s]*)?\))")
_FENCE = re.compile(r"(^```.*?^```$|^~~~.*?^~~~$)", re.DOTALL | re.MULTILINE)


def public_names() -> str:
    """Return the page of everything in ``datagen.__all__``."""
    homes = {**dict.fromkeys(datagen.__all__, "datagen.errors"), **datagen._HOME}
    groups: dict[str, list[str]] = {"Functions": [], "Classes": [], "Errors": []}
    for name in datagen.__all__:
        kind = "Errors" if homes[name] == "datagen.errors" else "Classes"
        groups["Functions" if name.islower() else kind].append(f"::: {homes[name]}.{name}")
    loaders = [f"::: datagen.loaders.{name}" for name in datagen.loaders.__all__]
    groups["Loaders: `datagen.loaders`"] = loaders
    parts = [f"## {title}\n\n" + "\n\n".join(lines) for title, lines in groups.items()]
    return "# Public names\n\n" + "\n\n".join(parts) + "\n"


def commands() -> str:
    """Return the page of all commands and their options."""
    from datagen.cli.main import app

    group = typer.main.get_command(app)
    sections = [_command(f"datagen {name}", one) for name, one in _leaves(group, "")]
    return "# Commands\n\n" + "\n\n".join(sections) + "\n"


def _leaves(group: Any, prefix: str) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, command in group.commands.items():
        inner = _leaves(command, f"{prefix}{name} ") if hasattr(command, "commands") else []
        found += inner or [(f"{prefix}{name}", command)]
    return found


def _command(title: str, command: Any) -> str:
    context = command.make_context(title, [], resilient_parsing=True)
    usage = " ".join([title, *command.collect_usage_pieces(context)])
    lines = [f"## `{title}`", "", (command.help or "").strip(), "", f"```\n{usage}\n```", ""]
    records = [one.get_help_record(context) for one in command.get_params(context)]
    for name, words in filter(None, records):
        lines += [f"`{name}`", f":   {' '.join(words.split()) or name}", ""]
    return "\n".join(lines).rstrip()


def decisions() -> str:
    """Return the list of the decisions, the newest first."""
    lines = [
        "# Decisions",
        "",
        "What a reader would question, a page each: problem, decision, why.",
    ]
    lines.append("")
    for path in sorted((DOCS / "decisions").glob("0*.md"), reverse=True):
        title = path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
        lines.append(f"- [{path.stem[:4]}: {title}]({path.name})")
    return "\n".join(lines) + "\n"


MADE: dict[str, Callable[[], str]] = {
    "public-names.md": public_names,
    "commands.md": commands,
    "decisions/index.md": decisions,
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that lie elsewhere or are made."""
    for page, file in _FILES.items():
        text = (ROOT / file).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=text))
    for page, make in MADE.items():
        files.append(File.generated(config, page, content=make()))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links to files of the repository into links of the site, outside code."""
    here = page.file.src_uri
    if here in MADE:
        return markdown
    folder = (ROOT / _FILES[here]).parent if here in _FILES else (DOCS / here).parent

    def linked(match: re.Match[str]) -> str:
        before, target, after = match.groups()
        if "://" in target or target.startswith("mailto:"):
            return match.group()
        goal = _goal(Path(os.path.normpath(folder / target)), here, config, files)
        return f"{before}{os.path.relpath(goal, Path(here).parent)}{after}"

    parts = _FENCE.split(markdown)
    return "".join(
        part if number % 2 else _LINK.sub(linked, part) for number, part in enumerate(parts)
    )


def _goal(path: Path, here: str, config: MkDocsConfig, files: Files) -> str:
    name = path.relative_to(ROOT).as_posix()
    if name in PAGES:
        return PAGES[name]
    if path.is_relative_to(DOCS):
        return path.relative_to(DOCS).as_posix()  # MkDocs checks these itself
    if not path.is_file():
        raise PluginError(f"{here}: the link to {name} leads nowhere")
    copy = f"files/{name}"
    if files.get_file_from_path(copy) is None:
        files.append(File.generated(config, copy, abs_src_path=str(path)))
    return copy
