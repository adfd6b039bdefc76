"""What long work shows while it runs: bars, notes and warnings, in a terminal or a notebook.

Notes and warnings are logged too, so that a log file has them and a library that shows nothing
still tells them to the program that uses it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

from datagen.core.terminal import plain

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

__all__ = ["SHOWN", "Bar", "Progress", "quiet", "stderr"]

SHOWN = "datagen_shown"
"""Attribute of log records: whether the text stands in the terminal already."""

_LOG = logging.getLogger(__name__)
_SPEED_SECONDS = 3600.0  # looked back on: a shard may take minutes
_quiet: list[None] = []


@contextmanager
def quiet() -> Iterator[None]:
    """Show no bars and no notes while the context lasts; warnings are shown."""
    _quiet.append(None)
    try:
        yield
    finally:
        _quiet.pop()


@lru_cache(maxsize=1)
def stderr() -> Console:
    """Return the console on standard error; in a notebook it writes into the cell."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, emoji=False)


class Bar:
    """A progress bar that appears at its first call, when there is something to wait for."""

    def __init__(self, label: str, stack: ExitStack, percent: bool = False) -> None:
        self._label = label
        self._percent = percent
        self._stack = stack
        self._shown: tuple[RichProgress, TaskID] | None = None

    def __call__(self, done: int, total: int | None, text: str = "") -> None:
        """Show how far the work is.

        Args:
            done: Work that is finished. What the first call states was there before: the time
                that is left is estimated from what comes after.
            total: All steps; ``None`` when not known.
            text: Shown behind the bar, e.g. a rate.
        """
        if self._shown is None:
            bar = self._stack.enter_context(_rich_bar(self._label, self._percent))
            self._shown = bar, bar.add_task("", total=total, completed=done, text="")
        bar, task = self._shown
        bar.update(task, completed=done, total=total, text=plain(text, one_line=True))


class _NoBar(Bar):
    """Shows nothing."""

    def __call__(self, done: int, total: int | None, text: str = "") -> None:
        """Do nothing."""


class Progress:
    """Where a long call reports to.

    Args:
        shown: Whether anything is shown at all.
    """

    def __init__(self, shown: bool = True) -> None:
        self.shown = shown

    @property
    def _is_told(self) -> bool:
        return self.shown and not _quiet

    @contextmanager
    def bar(self, label: str, percent: bool = False) -> Iterator[Bar]:
        """Give a progress bar and remove it at the end.

        Args:
            label: What is being done.
            percent: Show the share that is done in place of the numbers.
        """
        _LOG.debug("%s", plain(label, one_line=True))
        with ExitStack() as stack:
            yield (Bar if self._is_told else _NoBar)(label, stack, percent)

    @contextmanager
    def status(self, label: str) -> Iterator[None]:
        """Show that something of unknown length is running."""
        _LOG.debug("%s", plain(label, one_line=True))
        if not self._is_told:
            yield
            return
        from rich.text import Text

        with stderr().status(Text(plain(label, one_line=True))):
            yield

    def note(self, text: str) -> None:
        """Show a line, unless the user wants none."""
        _LOG.info("%s", plain(text), extra={SHOWN: self._is_told})
        if self._is_told:
            stderr().print(plain(text), markup=False, emoji=False, soft_wrap=True)

    def warn(self, text: str, word: str = "warning", style: str = "yellow") -> None:
        """Show a line that begins with a colored word."""
        level = logging.ERROR if word == "error" else logging.WARNING
        _LOG.log(level, "%s: %s", word, plain(text), extra={SHOWN: self.shown})
        if self.shown:
            from rich.text import Text

            line = Text.assemble((f"{word}:", style), f" {plain(text)}")
            stderr().print(line, soft_wrap=True)


def _rich_bar(label: str, percent: bool) -> RichProgress:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as RichProgress

    return RichProgress(
        TextColumn(plain(label, one_line=True), markup=False),
        BarColumn(),
        TaskProgressColumn() if percent else MofNCompleteColumn(),
        TextColumn("{task.fields[text]}", markup=False),
        TimeRemainingColumn(),
        console=stderr(),
        transient=True,
        speed_estimate_period=_SPEED_SECONDS,
        disable=not (stderr().is_terminal or stderr().is_jupyter),  # a log file wants no bar
    )
