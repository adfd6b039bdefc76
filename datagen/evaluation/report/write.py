"""Writing what was found: a folder for people and programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from datagen.errors import UserError
from datagen.evaluation.evaluate import Evaluation
from datagen.evaluation.gates.judge import Verdict
from datagen.evaluation.report.html import html_page
from datagen.evaluation.report.json import metrics_json
from datagen.evaluation.report.junit import junit_xml
from datagen.evaluation.report.markdown import markdown
from datagen.release.reader import Release

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
