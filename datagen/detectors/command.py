"""Detectors that are programs: they read a file of paths and write a CSV file of scores.

A program is told nothing by the files it is given: their names are numbers in an order that depends
on neither label nor pair, and their times are equal.
"""

from __future__ import annotations

import csv
import shlex
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from datagen.core.digests import digest_of
from datagen.detectors.batched import Medium, mixed
from datagen.detectors.config import DetectorConfig
from datagen.detectors.postprocess import Answer, BadAnswerError, read_answers
from datagen.errors import DetectorError

__all__ = ["CommandDetector"]

_HEADER = ["path", "score"]
_NO_PROGRAM = 127
_MAX_CELL = 1 << 20
_SHOWN = 200


class CommandDetector:
    """A program that is started once for all images that it is given.

    Args:
        command: The command line, with ``{paths}``, a text file of one absolute path per line,
            and ``{scores}``, the CSV file that it writes, with the header ``path,score``.
        folder: Working directory of the program.
        config: What its scores mean.
    """

    def __init__(self, command: str, folder: str, config: DetectorConfig) -> None:
        self._command = command
        self._folder = folder
        self._config = config

    def score(self, images: Sequence[Medium], batch: int) -> list[Answer]:
        """See ``Detector``; the program decides about batches itself."""
        with tempfile.TemporaryDirectory(prefix="datagen-") as name:
            folder = Path(name).resolve()
            paths = _unpacked(images, folder)
            readable = sorted(path for path in paths if not isinstance(path, Answer))
            problem = self._run(readable, folder) if readable else ""
            found = {} if problem else self._read(folder / "scores.csv", readable)
        none = Answer(None, "failed", problem or "the program wrote no score")
        return [path if isinstance(path, Answer) else found.get(path, none) for path in paths]

    def _run(self, paths: list[str], folder: Path) -> str:
        """Run the program; return what went wrong, or an empty text."""
        (folder / "paths.txt").write_text("".join(f"{path}\n" for path in paths), encoding="utf-8")
        places = {"{paths}": folder / "paths.txt", "{scores}": folder / "scores.csv"}
        words = shlex.split(self._command)
        for mark, place in places.items():
            words = [word.replace(mark, str(place)) for word in words]
        cwd = self._folder if Path(self._folder).is_dir() else None
        try:
            done = subprocess.run(  # noqa: S603  # the user's own program
                words, cwd=cwd, capture_output=True, text=True, errors="replace", check=False
            )
        except OSError as error:
            raise DetectorError(f"detector 'cmd: {self._command}': {error}") from None
        if done.returncode == _NO_PROGRAM:
            raise DetectorError(
                f"detector 'cmd: {self._command}': exit code 127: {_last_line(done.stderr)}"
            )
        if done.returncode < 0:
            return f"the program was ended by signal {-done.returncode} (9: out of memory?)"
        if done.returncode:
            return f"the program exited with code {done.returncode}: {_last_line(done.stderr)}"
        return ""

    def _read(self, path: Path, known: list[str]) -> dict[str, Answer]:
        if not path.is_file():
            text = "the program exited with code 0 without writing {scores}"
            return dict.fromkeys(known, Answer(None, "failed", text))
        found: dict[str, Answer] = {}
        given = set(known)
        for line, (name, text) in enumerate(_rows(path, self._command), 2):
            place = _place(name, given)
            if place is None:
                raise DetectorError(
                    f"detector 'cmd: {self._command}': line {line} of its scores names "
                    f"{name[:_SHOWN]!r}, which is not one of the given paths: write each path as "
                    "it is in {paths}"
                )
            repeated = Answer(None, "failed", "the program wrote two scores")
            found[place] = repeated if place in found else self._answer(text)
        return found

    def _answer(self, text: str) -> Answer:
        if not text:
            return Answer(None, "failed", "the program wrote an empty score")
        try:
            return read_answers([float(text)], 1, self._config)[0]
        except (ValueError, BadAnswerError):
            return Answer(None, "failed", f"the program wrote {text[:40]!r}, which is not a number")


def _unpacked(images: Sequence[Medium], folder: Path) -> list[str | Answer]:
    """Write the images; return the path of each, or why it cannot be read."""
    numbers = {place: number for number, place in enumerate(mixed(images), 1)}
    # The frames of a clip one after the other: it is decoded once.
    order = sorted(numbers, key=lambda place: digest_of(["command", images[place].source]))
    found: dict[int, str | Answer] = {}
    for place in order:
        path = images[place].write(folder, f"{numbers[place]:06d}")
        found[place] = path if isinstance(path, Answer) else str(path)
    return [found[place] for place in range(len(images))]


def _place(name: str, given: set[str]) -> str | None:
    """Return the given path that a program means, which may have come to it in another way."""
    if name in given:
        return name
    try:
        place = str(Path(name).resolve())
    except (OSError, RuntimeError, ValueError):  # not the name of any file
        return None
    return place if place in given else None


def _rows(path: Path, command: str) -> Iterator[tuple[str, str]]:
    csv.field_size_limit(_MAX_CELL)
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as handle:
        lines = csv.reader(handle)
        try:
            header = [cell.strip() for cell in next(lines, [])]
            if header != _HEADER:
                raise DetectorError(
                    f"detector 'cmd: {command}': the first line of its scores is "
                    f"{','.join(header)[:_SHOWN]!r}, expected 'path,score'"
                )
            for cells in lines:
                if any(map(str.strip, cells)):
                    name, *rest = (cell.strip() for cell in cells)
                    yield name, rest[0] if rest else ""
        except csv.Error as error:
            raise DetectorError(
                f"detector 'cmd: {command}': line {lines.line_num} of its scores cannot be read "
                f"as CSV: {error}"
            ) from None


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["nothing on stderr"])[-1][:300]
