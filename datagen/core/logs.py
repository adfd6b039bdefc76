"""Logging: what the package tells, which of it a command shows, and in what form.

A library sets nothing up: what it logs under ``datagen`` goes wherever the program sends it. The
commands call ``log_to`` for the time that they run.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from datagen.core.progress import SHOWN, quiet, stderr
from datagen.core.terminal import plain
from datagen.errors import UserError

__all__ = ["PlainFormatter", "log_to"]

_ROOT = "datagen"
_FILE_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
_BEGIN = re.compile(rb"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:,]{12} [A-Z]+ ")
_LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)


class PlainFormatter(logging.Formatter):
    """Writes a record on one line, without credentials and control characters."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Return the line of a record, before a traceback is appended."""
        record.message = plain(record.message, one_line=True)
        return super().formatMessage(record)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record, and below it the traceback of its error."""
        return plain(super().format(record))


class _Terminal(logging.Handler):
    """Shows records above the progress bar, except those that are shown anyway."""

    def emit(self, record: logging.LogRecord) -> None:
        """Show one record; a warning begins as those of the commands do."""
        if getattr(record, SHOWN, False):
            return
        text = self.format(record)
        if record.levelno >= logging.WARNING:
            text = f"{record.levelname.lower()}: {text.removeprefix(f'{record.name}: ')}"
        stderr().print(text, markup=False, emoji=False, soft_wrap=True)


@contextmanager
def log_to(verbose: int = 0, is_quiet: bool = False, file: Path | None = None) -> Iterator[None]:
    """Show and write what the package logs while the context lasts.

    Args:
        verbose: 1 shows what is being done on standard error, 2 every detail.
        is_quiet: Whether only results, warnings and errors are shown.
        file: Everything is appended to this file, with times.

    Raises:
        UserError: The file cannot be written, or quiet and verbose contradict each other.
    """
    if is_quiet and verbose:
        raise UserError("--quiet and --verbose contradict each other: remove one of them")
    root = logging.getLogger(_ROOT)
    level = _LEVELS[min(verbose, len(_LEVELS) - 1)]
    with ExitStack() as stack:
        stack.callback(root.setLevel, root.level)
        _add(stack, root, _Terminal(level), "%(name)s: %(message)s")
        if file is not None:
            _add(stack, root, _file_handler(file), _FILE_FORMAT)
            level = logging.DEBUG
        root.setLevel(level)
        if is_quiet:
            stack.enter_context(quiet())
        yield


def _add(stack: ExitStack, root: logging.Logger, handler: logging.Handler, template: str) -> None:
    handler.setFormatter(PlainFormatter(template))
    root.addHandler(handler)
    stack.callback(handler.close)
    stack.callback(root.removeHandler, handler)


def _is_log(file: Path) -> bool:
    with file.open("rb") as handle:
        head = handle.read(32)
    return not head or _BEGIN.match(head) is not None


def _file_handler(file: Path) -> logging.Handler:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.is_symlink() or (file.exists() and not file.is_file()):
            raise UserError(f"--log-file {file}: is no regular file: name a new file", path=file)
        if file.exists() and not _is_log(file):
            raise UserError(
                f"--log-file {file}: holds something else than a log: name a new file", path=file
            )
        return logging.FileHandler(file, encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"--log-file {file}: cannot be written: {error.strerror or error}", path=file
        ) from None
