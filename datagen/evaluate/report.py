"""Writing what was found: a folder for people and programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from datagen.errors import UserError
from datagen.evaluate.evaluation import Evaluation
from datagen.evaluate.gates import Verdict
from datagen.evaluate.report_html import html_page
from datagen.evaluate.report_json import metrics_json
from datagen.evaluate.report_junit import junit_xml
from datagen.evaluate.report_markdown import markdown
from datagen.store.read import Release

__all__ = ["write_junit", "write_report"]


def write_report(
    folder: Path, release: Release, found: Evaluation, verdicts: Sequence[Verdict]
) -> None:
    """Write ``report.md``, ``index.html`` and ``metrics.json``.

    Raises:
        UserError: The folder cannot be written.
    """
    texts = {
        "metrics.json": metrics_json(found, verdicts),
        "report.md": markdown(found, verdicts),
        "index.html": html_page(release, found, verdicts),
    }
    for name, text in texts.items():
        _write(folder / name, text)


def write_junit(path: Path, name: str, verdicts: Sequence[Verdict]) -> None:
    """Write the gates as JUnit XML.

    Raises:
        UserError: It cannot be written.
    """
    _write(path, junit_xml(name, verdicts))


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror or error}") from None
