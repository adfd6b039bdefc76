"""Mutations of bytes and of tables."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Sequence
from typing import Any

import onnx
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tests.support.fuzz.values import Still, hostile, text

__all__ = [
    "mutated_bytes",
    "mutated_csv",
    "mutated_onnx",
    "mutated_parquet",
    "mutated_png",
    "parquet_bytes",
    "png_chunk",
]

_WORDS = (
    b"\xff" * 4,
    b"\x7f\xff\xff\xff",
    b"\x00" * 4,
    b"\x80\x00\x00\x00",
    b"\xff\xff",
    b"\x00\x01",
)
_HEAD = 96
_PNG = b"\x89PNG\r\n\x1a\n"
_EXTRA = (
    (b"tRNS", b"\x00\x01" * 3),
    (b"gAMA", b"\x00" * 4),
    (b"eXIf", b"II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x63\x00\x00\x00"),
    (b"acTL", struct.pack(">II", 1000, 0)),
    (b"iCCP", b"a\x00\x00" + zlib.compress(bytes(5_000_000), 9)),
    (b"zTXt", b"a\x00\x00" + zlib.compress(bytes(50_000_000), 9)),
    (b"iTXt", b"a\x00\x01\x00\x00\x00" + b"x" * 30),
    (b"pHYs", b"\xff" * 9),
)


def mutated_bytes(rng: random.Random, data: bytes, others: Sequence[bytes] = ()) -> bytes:
    """Return damaged bytes: mostly in the head, where formats state their sizes."""
    if isinstance(rng, Still):
        return data
    spoiled = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        if spoiled:
            spoiled = _once(rng, spoiled, others)
    return bytes(spoiled)


def _once(rng: random.Random, data: bytearray, others: Sequence[bytes]) -> bytearray:
    at = rng.randrange(min(len(data), _HEAD) if rng.random() < 0.4 else len(data))
    size = rng.choice((1, 2, 4, 16, 200))
    kind = rng.randrange(9)
    if kind <= 2:
        data[at] ^= 1 << rng.randrange(8)
    elif kind == 3:
        word = rng.choice(_WORDS)
        data[at : at + len(word)] = word
    elif kind == 4:
        data[at : at + size] = rng.randbytes(size)
    elif kind == 5:
        data[at:at] = rng.randbytes(size) if rng.random() < 0.5 else data[at : at + size]
    elif kind == 6:
        del data[at : at + size]
    elif kind == 7:
        del data[at:]
    elif others:
        data[at:] = rng.choice(others)[at:]
    return data


def mutated_png(rng: random.Random, data: bytes) -> bytes:
    """Return a PNG whose chunks or pixels are wrong, but not their sums."""
    if isinstance(rng, Still):
        return data
    kind = rng.random()
    if kind < 0.3:
        return _with_sums(mutated_bytes(rng, data))
    chunks = _chunks(data)
    at = rng.randrange(len(chunks))
    name, content = chunks[at]
    if kind < 0.5:
        rows = bytearray(zlib.decompress(b"".join(body for tag, body in chunks if tag == b"IDAT")))
        rows = bytearray(mutated_bytes(rng, bytes(rows)))
        chunks = [one for one in chunks if one[0] != b"IDAT"]
        chunks.insert(-1, (b"IDAT", zlib.compress(bytes(rows))))
    elif kind < 0.7:
        chunks[at] = name, mutated_bytes(rng, content) if content else rng.randbytes(8)
    elif kind < 0.8:
        chunks[at] = rng.choice((b"IHDR", b"PLTE", b"acTL", b"eXIf", b"tEXt")), content
    else:
        tag, body = rng.choice(_EXTRA)
        chunks.insert(rng.randrange(1, len(chunks)), (tag, body))
    return _PNG + b"".join(png_chunk(tag, body) for tag, body in chunks)


def png_chunk(tag: bytes, body: bytes) -> bytes:
    """Return one chunk of a PNG, with its sum."""
    return struct.pack(">I", len(body)) + tag + body + struct.pack(">I", zlib.crc32(tag + body))


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], len(_PNG)
    while at + 12 <= len(data):
        (size,) = struct.unpack(">I", data[at : at + 4])
        found.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + size]))
        at += 12 + size
    return found


def _with_sums(data: bytes) -> bytes:
    """Return a PNG whose sums of chunks are right, so that its decoder goes on."""
    if not data.startswith(_PNG):
        return data
    spoiled, at = bytearray(data), len(_PNG)
    while at + 12 <= len(spoiled):
        (size,) = struct.unpack(">I", spoiled[at : at + 4])
        if at + 12 + size > len(spoiled):
            break
        content = spoiled[at + 4 : at + 8 + size]
        spoiled[at + 8 + size : at + 12 + size] = struct.pack(">I", zlib.crc32(content))
        at += 12 + size
    return bytes(spoiled)


def mutated_onnx(rng: random.Random, data: bytes) -> bytes:
    """Return an ONNX file with wrong bytes, shapes, names, or tensors in other files."""
    if isinstance(rng, Still):
        return data
    if rng.random() < 0.4:
        return mutated_bytes(rng, data)
    model = onnx.load_from_string(data)
    graph, kind = model.graph, rng.randrange(6)
    if kind == 0:
        tensor = graph.initializer[0]
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.ClearField("float_data")
        for key, value in (("location", text(rng)), ("length", "4"), ("offset", "0")):
            tensor.external_data.add(key=key, value=value.encode("utf-8", "replace").decode())
    elif kind == 1:
        graph.initializer[0].dims[:] = [rng.choice((0, -1, 2**31, 2**40)), rng.choice((1, 2**20))]
    elif kind == 2:
        shape = rng.choice([*graph.input, *graph.output]).type.tensor_type.shape
        shape.dim[rng.randrange(len(shape.dim))].dim_value = rng.choice((0, -1, 7, 2**31, 2**62))
    elif kind == 3:
        node = rng.choice(graph.node)
        node.op_type = rng.choice(("Loop", "If", "Flatten", "Nothing", "ConstantOfShape"))
    elif kind == 4:
        node = rng.choice(graph.node)
        node.input[0] = rng.choice(("x", "y", "f", "", "none"))
    else:
        graph.name = model.producer_name = text(rng).encode("utf-8", "replace").decode()
        model.opset_import[0].version = rng.choice((0, 1, 13, 999))
    return bytes(model.SerializeToString())


def mutated_csv(rng: random.Random, data: bytes) -> bytes:
    """Return a CSV table with hostile cells, columns or lines."""
    if isinstance(rng, Still):
        return data
    table = pd.read_csv(io.BytesIO(data), dtype=object, keep_default_na=False)
    if rng.random() < 0.2:
        return mutated_bytes(rng, data)
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        table = _table_once(rng, table)
    separator = ";" if rng.random() < 0.03 else ","
    made = table.to_csv(index=False, sep=separator).encode("utf-8", "surrogatepass")
    if rng.random() < 0.1:
        at = rng.randrange(len(made))
        made = made[:at] + rng.choice((b"\xff", b"\x00", b'"', b"\n", b",,,,", b"\r")) + made[at:]
    return made


def _table_once(rng: random.Random, table: pd.DataFrame) -> pd.DataFrame:
    if not len(table) or not len(table.columns):
        return table
    row, column = rng.randrange(len(table)), rng.randrange(len(table.columns))
    kind = rng.randrange(10)
    if kind <= 4:
        table.iat[row, column] = str(rng.choice((text(rng), hostile(rng))))
    elif kind == 5:
        other = rng.randrange(len(table))
        table.iat[row, column] = str(table.iat[other, rng.randrange(len(table.columns))])
    elif kind == 6:
        names = list(table.columns)
        names[column] = rng.choice((text(rng), names[0], str(names[column]).upper()))
        table.columns = pd.Index(names)
    elif kind == 7:
        table = table.drop(columns=table.columns[column])
    elif kind == 8:
        table = pd.concat([table, table.iloc[[row] * rng.choice((1, 200))]], ignore_index=True)
    else:
        table = table.iloc[rng.sample(range(len(table)), len(table) // 2)].reset_index(drop=True)
    return table


def parquet_bytes(table: pa.Table) -> bytes:
    """Return a table as a Parquet file."""
    buffer = io.BytesIO()
    try:
        pq.write_table(table, buffer)
    except pa.ArrowInvalid:  # a null where the schema allows none
        buffer = io.BytesIO()
        fields = [pa.field(field.name, field.type) for field in table.schema]
        pq.write_table(pa.table(table.columns, schema=pa.schema(fields)), buffer)
    return buffer.getvalue()


def mutated_parquet(rng: random.Random, data: bytes, bytes_share: float = 0.2) -> bytes:
    """Return a Parquet file with hostile cells, columns, types or bytes."""
    if isinstance(rng, Still):
        return data
    if rng.random() < bytes_share:
        return mutated_bytes(rng, data)
    table = pq.read_table(io.BytesIO(data))
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        table = _arrow_once(rng, table)
    return parquet_bytes(table)


def _arrow_once(rng: random.Random, table: pa.Table) -> pa.Table:
    if not table.num_rows or not table.num_columns:
        return table
    at = rng.randrange(table.num_columns)
    field, values = table.schema.field(at), table.column(at).to_pylist()
    kind = rng.randrange(12)
    if kind <= 6:
        return _with_cell(rng, table, at, values)
    if kind == 7:
        return table.rename_columns(
            [
                rng.choice((text(rng), "image")) if n == at else name
                for n, name in enumerate(table.column_names)
            ]
        )
    if kind == 8:
        return table.remove_column(at)
    if kind == 9:
        return pa.concat_tables([table, *[table.slice(0, 1)] * rng.choice((1, 300))])
    if kind == 10:
        return table.slice(0, table.num_rows // 2)
    return table.set_column(at, field.name, pa.array(*_other_type(rng, table.num_rows)))


def _with_cell(rng: random.Random, table: pa.Table, at: int, values: list[Any]) -> pa.Table:
    field, row = table.schema.field(at), rng.randrange(len(values))
    for _ in range(8):
        made = rng.choice((text(rng), hostile(rng), None, values[rng.randrange(len(values))]))
        if isinstance(values[row], list) and values[row] and rng.random() < 0.8:
            made = [*values[row][1:], rng.choice((made, None, float("nan"), float("inf")))]
        try:
            column = pa.array([*values[:row], made, *values[row + 1 :]], field.type)
            return table.set_column(at, field, column)
        except (pa.ArrowException, ValueError, TypeError, OverflowError, UnicodeEncodeError):
            continue  # the type of the column holds no such value
    return table


def _other_type(rng: random.Random, rows: int) -> tuple[list[Any], pa.DataType]:
    return rng.choice(
        (
            ([1] * rows, pa.int64()),
            ([0.5] * rows, pa.float64()),
            ([float("nan")] * rows, pa.float32()),
            (["a"] * rows, pa.large_string()),
            ([b"\xff\xfe"] * rows, pa.binary()),
            ([None] * rows, pa.null()),
            ([[None, {}]] * rows, pa.list_(pa.struct([("a", pa.int8())]))),
            ([[[1.0]]] * rows, pa.list_(pa.list_(pa.float64()))),
            ([True] * rows, pa.bool_()),
            ([0] * rows, pa.timestamp("ns")),
            ([10**30] * rows, pa.decimal128(38, 2)),
        )
    )
