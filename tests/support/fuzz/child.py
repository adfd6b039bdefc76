"""A process that runs inputs one after the other, each within the guard.

``python -m tests.support.fuzz.child BASE FOLDER`` reads lines ``READER NUMBER`` from standard
input and writes one line of JSON for each. ``... BASE FOLDER READER NUMBER`` runs one input and
exits with its code, as a command of its own.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from datagen.cli.main import run
from datagen.degradations.ops.albumentations_lazy import albumentations
from tests.support.fuzz.guard import GIB, Guard, OvertimeError, limit_memory
from tests.support.fuzz.readers import READERS, Case, Content, Reader
from tests.support.fuzz.values import CONTENT, SECRET, Still

__all__ = ["SECONDS", "judged", "write_case"]

SECONDS = 5.0
_MEMORY = 3 * GIB
_CODES = (0, 1, 2)
_PRINTED = 200_000
_SCRIPTS = ("<script>fuzz", "onerror='fuzz", "]]><fuzz")
_PLAIN = {"\n", "\t", "\r"}


def main() -> None:
    """Run the inputs that are asked for."""
    base, folder = Path(sys.argv[1]), Path(sys.argv[2])
    sys.dont_write_bytecode = True
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    _import_what_is_lazy()
    guard = Guard(base / "outside")
    if len(sys.argv) > 3:
        found = _run(guard, base, folder, sys.argv[3], int(sys.argv[4]))
        found["peak"] = _peak_memory()
        print(json.dumps(found), file=answers, flush=True)
        return
    for line in sys.stdin:
        reader, number = line.split()
        if not _warm:
            _warm.append(_run(guard, base, folder, reader, int(number)))
            limit_memory(_MEMORY)
        print(json.dumps(_run(guard, base, folder, reader, int(number))), file=answers, flush=True)


_warm: list[Any] = []


def _peak_memory() -> int:
    """Return the peak of this process in bytes; ``ru_maxrss`` would include its parent's."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def _import_what_is_lazy() -> None:
    """Import what commands import when they need it: an alarm in between would break it."""
    albumentations()
    for name in ("onnxruntime", "pandas", "pyarrow.parquet", "jinja2"):
        importlib.import_module(name)


def write_case(base: Path, folder: Path, reader: Reader, name: str, number: int) -> Case:
    """Write an input to a new folder and return it; number 0 is the accepted one."""
    folder.mkdir(parents=True)
    for use in reader.uses:
        if use.endswith("/"):
            shutil.copytree(base / use, folder / use)
        else:
            shutil.copytree(base / use, folder, dirs_exist_ok=True)
    for made in ("tmp", "home"):
        (folder / made).mkdir()
    seed = f"{name} {number}"
    case = reader.make(random.Random(seed) if number else Still(seed), base)
    for path, content in case.files.items():
        _place(folder / path, content, base / "outside")
    return case


def _place(path: Path, content: Content, outside: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_dir():
        shutil.rmtree(path)
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content == "fifo":
        os.mkfifo(path)
    elif content == "folder":
        path.mkdir()
    elif content == "link outside":
        path.symlink_to(outside)


def _run(guard: Guard, base: Path, folder: Path, name: str, number: int) -> dict[str, Any]:
    reader, place = READERS[name], folder / "case"
    shutil.rmtree(place, ignore_errors=True)
    case = write_case(base, place, reader, name, number)
    beside, started = _listing(folder, base), time.monotonic()
    problems: list[str] = []
    code, escaped = None, ""
    with _environment(place), _captured(folder / "printed") as printed:
        try:
            with guard.watching(place, problems, reader.connects, reader.starts, SECONDS):
                code = run(case.arguments)
        except OvertimeError as error:
            problems.append(str(error))
        except BaseException:  # noqa: BLE001  whatever escapes is what is looked for
            escaped = traceback.format_exc()
            problems.append(_signature(escaped))
    output = printed[0]
    problems += judged(code, escaped, output, place)
    if _listing(folder, base) != beside:
        problems.append("a file outside was made, changed or removed")
    return {
        "reader": name,
        "number": number,
        "code": code,
        "accepted": code == 0 and reader.accepted in output,
        "seconds": round(time.monotonic() - started, 3),
        "problems": list(dict.fromkeys(problems)),
        "arguments": [argument[:200] for argument in case.arguments],
        "output": (escaped or output)[-3000:] if problems else "",
    }


def _listing(folder: Path, base: Path) -> list[tuple[str, int]]:
    ours = (base / "outside", base, folder)
    return sorted(
        (entry.path, entry.stat(follow_symlinks=False).st_mtime_ns if place == ours[0] else 0)
        for place in ours
        for entry in os.scandir(place)
        if entry.name not in ("case", "printed", "stderr")
    )


def _signature(escaped: str) -> str:
    lines = escaped.strip().splitlines()
    frames = [line.strip() for line in lines if "/datagen/" in line and 'File "' in line]
    where = frames[-1].rpartition("/datagen/")[2].replace('"', "") if frames else "?"
    last = next((line for line in reversed(lines) if line and not line.startswith(" ")), "")
    return f"traceback: {last.partition(':')[0]} in {where}"


def judged(code: Any, escaped: str, output: str, place: Path) -> Iterator[str]:
    """Yield what is wrong with an exit code, an output and the pages that were written."""
    if not escaped and code not in _CODES and code is not None:
        yield f"exit code {code}"
    if "Traceback (most recent call last)" in output:
        yield f"printed traceback: {_signature(output)}"
    if SECRET in output:
        yield "a secret was printed"
    if CONTENT in output:
        yield "the content of a file outside was printed"
    if odd := {sign for sign in output if _is_control(sign)}:
        yield f"control characters were printed: {sorted(odd)!r}"
    if len(output) > _PRINTED:
        yield f"over {_PRINTED} characters were printed"
    for page in place.rglob("*.html"):
        text = page.read_text(encoding="utf-8", errors="replace") if page.is_file() else ""
        if any(script in text for script in _SCRIPTS):
            yield f"a script in {page.name}"


def _is_control(sign: str) -> bool:
    number = ord(sign)
    return (number < 32 or 127 <= number < 160) and sign not in _PLAIN


@contextlib.contextmanager
def _environment(place: Path) -> Iterator[None]:
    before, folder = dict(os.environ), Path.cwd()
    os.environ |= {
        "DATAGEN_CACHE": str(place / "cache"),
        "DATAGEN_WEIGHTS": str(place / "weights"),
        "HOME": str(place / "home"),
        "TMPDIR": str(place / "tmp"),
        "FUZZ_SECRET": SECRET,
        "TERM": "dumb",
        "COLUMNS": "200",
    }
    os.environ.pop("DATAGEN_LONDON", None)
    tempfile.tempdir = str(place / "tmp")
    os.chdir(place)
    try:
        yield
    finally:
        os.chdir(folder)
        tempfile.tempdir = None
        os.environ.clear()
        os.environ.update(before)


@contextlib.contextmanager
def _captured(path: Path) -> Iterator[list[str]]:
    """Send both streams, those of libraries in C too, to a file; its text is given at the end."""
    found = [""]
    kept, streams = [os.dup(1), os.dup(2)], (sys.stdout, sys.stderr)
    with path.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        errors = ("strict", "backslashreplace")  # as the interpreter opens its own
        made = [
            io.TextIOWrapper(
                os.fdopen(os.dup(file.fileno()), "wb"), "utf-8", how, write_through=True
            )
            for how in errors
        ]
        sys.stdout, sys.stderr = made
        try:
            yield found
        finally:
            for stream in made:
                stream.close()
            sys.stdout, sys.stderr = streams
            for number, handle in enumerate(kept, 1):
                os.dup2(handle, number)
                os.close(handle)
    found[0] = path.read_bytes().decode("utf-8", "replace")


if __name__ == "__main__":
    main()
