"""The formats of scores files, by suffix: each is read and written here and nowhere else."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.csv as pv
import pyarrow.json as pj
import pyarrow.parquet as pq

from datagen.core.files import staged
from datagen.core.parquet import read_parquet, table_limit
from datagen.errors import ScoresError
from datagen.release.score_checks import KEYS

__all__ = ["FORMATS", "format_of", "keeps_facts", "read_table", "write_table"]

_NAMES = {".parquet": "Parquet", ".csv": "CSV", ".tsv": "TSV", ".jsonl": "JSON Lines"}
_ZIPPED = ".gz"
_DELIMITERS = {".csv": ",", ".tsv": "\t"}

FORMATS = (*_NAMES, *(f"{one}{_ZIPPED}" for one in _NAMES if one != ".parquet"))
"""Suffixes of scores files. Parquet is compressed inside."""

_TEXT = {name: pa.string() for name in (*KEYS, "status")}
_READ = (*KEYS, "score", "status", "frame")
_NOTHING = [*pv.ConvertOptions().null_values, "None", "none"]
_MAX_HEAD = 1 << 20
_MAX_COLUMNS = 4096
_SMALL_TEXT = 64 << 20
_SHOWN = 300
_SHOWN_KEYS = 100
_GZIP, _PARQUET = b"\x1f\x8b", b"PAR1"
_PACKED = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # .xlsx and .zip; .xls
_OTHERS = (".xlsx", ".xls", ".ods", ".zip", ".json", ".feather", ".arrow", ".pkl", ".npy", ".npz")
_BOM = b"\xef\xbb\xbf"


def format_of(path: Path) -> str:
    """Return the suffix that says how a scores file is read and written.

    Raises:
        ScoresError: It is none of ``FORMATS``.
    """
    name = path.name.lower()
    found = next((one for one in sorted(FORMATS, key=len, reverse=True) if name.endswith(one)), "")
    if not found:
        suffixes = "".join(path.suffixes[-2:] if path.suffix.lower() == _ZIPPED else [path.suffix])
        raise ScoresError(
            f"{path}: a scores file is named {', '.join(f'*{one}' for one in FORMATS[:-1])} or "
            f"*{FORMATS[-1]}, found {suffixes or 'no suffix'!r}: "
            f"{'save it as one of these' if path.suffix.lower() in _OTHERS else 'rename it'}",
            path=path,
        )
    return found


def keeps_facts(path: Path) -> bool:
    """Return whether a file of this name has a place for its detector and its release."""
    return format_of(path) == ".parquet"


def write_table(path: Path, table: pa.Table) -> None:
    """Write a table in the format of its suffix, whole or not at all; equal tables, equal bytes.

    Raises:
        ScoresError: The path has another suffix.
    """
    suffix = format_of(path)
    kind = suffix.removesuffix(_ZIPPED)
    with staged(path) as part, ExitStack() as stack:
        if kind == ".parquet":
            pq.write_table(table, part)
            return
        file: Any = stack.enter_context(part.open("wb"))
        if suffix.endswith(_ZIPPED):  # without name and time
            file = stack.enter_context(gzip.GzipFile("", "wb", fileobj=file, mtime=0))
        if kind in _DELIMITERS:
            pv.write_csv(table, file, pv.WriteOptions(delimiter=_DELIMITERS[kind]))
            return
        for batch in table.to_batches(max_chunksize=1 << 14):
            lines = (json.dumps(row, ensure_ascii=False) for row in batch.to_pylist())
            file.write("".join(f"{line}\n" for line in lines).encode())


def read_table(path: Path) -> pa.Table:
    """Return the table in a scores file; of ids, only texts.

    Raises:
        ScoresError: It is missing, has another suffix, is not what its suffix says, or is too
            large.
    """
    if not path.exists():
        raise ScoresError(f"{path}: no such scores file", path=path)
    suffix = format_of(path)
    name = _NAMES[suffix.removesuffix(_ZIPPED)]
    try:
        if not path.is_file():  # a pipe would be waited for
            raise ValueError("it is not a file")
        if suffix == ".parquet":
            return read_parquet(path, _READ)
        with _opened(path, suffix) as file:
            if suffix.startswith(".jsonl"):
                return _read_lines(file)
            return _read_cells(file, _DELIMITERS[suffix.removesuffix(_ZIPPED)])
    except (pa.ArrowException, OSError, ValueError, EOFError, zlib.error, csv.Error) as error:
        first = str(error).strip().partition("\n")[0][:_SHOWN]
        raise ScoresError(f"{path}: cannot be read as {name}: {first}", path=path) from None


@contextmanager
def _opened(path: Path, suffix: str) -> Iterator[IO[bytes]]:
    """Open a file of text; a compressed one is unpacked as far as its size allows."""
    with path.open("rb") as file:
        start = file.read(4)
        file.seek(0)
        if start == _PARQUET:
            raise ValueError("it is a Parquet file: name it *.parquet")
        if start in _PACKED:
            raise ValueError("it is a workbook or archive: save the table as CSV")
        zipped = start[:2] == _GZIP
        if zipped != suffix.endswith(_ZIPPED):
            raise ValueError(
                f"it is compressed: name it *{suffix}{_ZIPPED}"
                if zipped
                else f"it is not compressed: name it *{suffix.removesuffix(_ZIPPED)}"
            )
        if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise ValueError("it is UTF-16: save it as UTF-8")
        if not zipped:
            yield file
            return
        limit = table_limit(path.stat().st_size, _SMALL_TEXT)
        with gzip.GzipFile(fileobj=file, mode="rb") as unpacked:
            content = unpacked.read(limit + 1)
        if len(content) > limit:
            raise ValueError(
                f"it unpacks to more than {limit >> 20:,} MiB, the most that is read of a file of "
                "its size"
            )
        yield io.BytesIO(content)


def _read_cells(file: IO[bytes], delimiter: str) -> pa.Table:
    head = file.readline(_MAX_HEAD + 1)
    if len(head) > _MAX_HEAD or head.count(delimiter.encode()) >= _MAX_COLUMNS:
        raise ValueError(f"its first line names more than {_MAX_COLUMNS} columns or is too long")
    first = next(iter(head.decode("utf-8-sig").splitlines()), "")
    if delimiter not in first:
        _refuse_other_delimiter(first)
    names = next(csv.reader([first], delimiter=delimiter), [])
    clean = [name.strip() for name in names]
    wanted = [name for name in clean if name in _READ]
    usable = "score" in wanted and any(name in KEYS for name in wanted)
    if names and (not usable or len(set(wanted)) < len(wanted)):
        return pa.table([pa.nulls(0)] * len(clean), clean)  # whose names tell why
    options = pv.ReadOptions()
    if clean == names or not names:
        file.seek(0)
    else:  # blanks around a name are no part of it
        options.column_names = clean
    return pv.read_csv(
        file,
        read_options=options,
        parse_options=pv.ParseOptions(delimiter=delimiter),
        convert_options=pv.ConvertOptions(
            column_types=_TEXT, null_values=_NOTHING, include_columns=wanted
        ),
    )


def _refuse_other_delimiter(first: str) -> None:
    for sign, name in {";": "semicolons", "\t": "tabs", ",": "commas", "|": "bars"}.items():
        if sign in first:
            raise ValueError(
                f"its columns are separated by {name}: those of a .csv file are separated by "
                "commas, of a .tsv file by tabs, and numbers have a decimal point"
            )


def _read_lines(file: IO[bytes]) -> pa.Table:
    head = file.readline(_MAX_HEAD + 1)
    if head.removeprefix(_BOM).lstrip().startswith(b"["):
        raise ValueError("it is one list: write one object a line (in pandas: lines=True)")
    file.seek(0)
    schema = pa.schema([*_TEXT.items(), ("score", pa.float64()), ("frame", pa.int64())])
    # Without the other keys: each line may have new ones, and each would be a column.
    table = pj.read_json(
        file,
        parse_options=pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
    )
    table.validate(full=True)  # that texts are UTF-8
    absent = [name for name in schema.names if _is_absent(name, table, head)]
    table = table.drop_columns(absent)
    for name in _other_keys(head, schema.names):  # so that a message can name them
        table = table.append_column(name, pa.nulls(table.num_rows))
    return table


def _other_keys(head: bytes, known: Sequence[str]) -> list[str]:
    try:
        first = json.loads(head)
    except (ValueError, RecursionError):
        return []
    names = first if isinstance(first, dict) else []
    return [name for name in names if name not in known][:_SHOWN_KEYS]


def _is_absent(name: str, table: Any, head: bytes) -> bool:
    """Whether no line has this key, which the reader then fills with nulls."""
    return table.column(name).null_count == table.num_rows and f'"{name}"'.encode() not in head
