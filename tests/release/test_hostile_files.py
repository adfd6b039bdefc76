"""Files of strangers' releases: cut, swapped, enormous or no files at all. Verify goes on."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datagen.cli.main import run
from datagen.core.digests import sha256_bytes
from datagen.core.images import encode_png
from datagen.errors import ReleaseError
from datagen.release import Folder
from datagen.release.manifest import ManifestFile, read_manifest
from datagen.release.reader import Release
from datagen.release.schema import MANIFEST
from datagen.release.tar_members import members
from datagen.release.verify import verify
from tests.support.releases import change_record, change_rows, good_row, own_up
from tests.support.world import World

SHARD = "train-000000"
TAR, NAME = f"media/{SHARD}.tar", f"manifest/{SHARD}.parquet"
COMMANDS: list[list[str]] = [["verify"], ["show"]]


@pytest.fixture(scope="module")
def whole(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile") / "out"
    assert world.generate(folder, "--inline", "--set", "splits.train=12") == 0
    return folder


@pytest.fixture
def out(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "out"))


def problems(out: Path) -> str:
    return "\n".join(verify(Folder(str(out))))


# --- release.json and commits -------------------------------------------------------------------


def test_every_flipped_bit_of_the_record_is_found_or_changes_nothing(out: Path) -> None:
    path = out / "release.json"
    data = path.read_bytes()
    flips = random.Random(5).sample(range(8 * len(data)), 1500)  # which bits
    body = json.loads(data)
    silent = []
    for flip in flips:
        changed = bytearray(data)
        changed[flip // 8] ^= 1 << flip % 8
        path.write_bytes(bytes(changed))
        try:
            Release(out)
        except ReleaseError:
            continue
        silent.append(flip)
        assert json.loads(changed) == body
    assert len(silent) < 30
    path.write_bytes(data)
    assert problems(out) == ""


def test_verify_names_a_flipped_bit_and_goes_on(out: Path) -> None:
    path = out / "release.json"
    path.write_text(path.read_text().replace('"version": 1', '"version": 3', 1))
    (out / "README.md").write_text("other")
    found = problems(out)
    assert "release.json: its content differs from its own digest" in found
    assert "README.md: " in found
    with pytest.raises(ReleaseError, match="differs from its own digest") as caught:
        Release(out)
    assert caught.value.key == "digest"


def test_a_record_without_a_digest_is_read_and_named(out: Path) -> None:
    path = out / "release.json"
    body = json.loads(path.read_text())
    del body["digest"]
    path.write_text(json.dumps(body))
    assert len(Release(out)) == 24
    assert problems(out) == "release.json: has no digest of its own: an older datagen made it"


def set_to(*keys: str, value: object) -> Callable[[dict[str, Any]], None]:
    def change(record: dict[str, Any]) -> None:
        for key in keys[:-1]:
            record = record[key]
        record[keys[-1]] = value

    return change


FILE = {"sha256": "0" * 64, "size": 1}


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (set_to("counts", "pairs", value=-1), "counts.pairs"),
        (set_to("counts", "pairs", value=10**400), "counts.pairs"),
        (set_to("counts", "pairs", value="12"), "counts.pairs"),
        (set_to("counts", "pairs", value=None), "counts.pairs"),
        (set_to("counts", "planned", value={"x": 1}), "counts.planned"),
        (set_to("counts", "rejects", value=[1]), "counts.rejects"),
        (set_to("counts", value=None), "counts"),
        (set_to("name", value="../../x"), "name"),
        (set_to("name", value="<script>"), "name"),
        (set_to("version", value={}), "version"),
        (set_to("files", value=[]), "files"),
        (set_to("files", TAR, "size", value=2**60), "files"),
        (set_to("files", TAR, "size", value=1.5), "files"),
        (set_to("files", TAR, "sha256", value="x"), "files"),
        (set_to("files", "/etc/passwd", value=FILE), "files"),
        (set_to("files", "../x", value=FILE), "files"),
        (set_to("files", "a/../../x", value=FILE), "files"),
        (set_to("files", "a//b", value=FILE), "files"),
        (set_to("files", "a\\b", value=FILE), "files"),
        (set_to("files", "a\nb", value=FILE), "files"),
        (set_to("files", "manifest/x.parquet", value=FILE), "files"),
        (set_to("files", "manifest/train-000077.parquet", value=FILE), "files"),
        (set_to("made", "with", value=[]), "made.with"),
        (set_to("made", "when", value="x" * 100), "made.when"),
        (set_to("signature", value="x"), "signature"),
        (set_to("more", value=1), "more"),
        (set_to("recipe_digest", value="x"), "recipe_digest"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_record_with_a_wrong_value_is_refused(
    out: Path,
    change: Callable[[dict[str, Any]], None],
    key: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    change_record(out, change)
    with pytest.raises(ReleaseError) as caught:
        Release(out)
    assert str(caught.value.key).startswith(key)
    assert caught.value.path == f"{out}/release.json"
    assert len(str(caught.value)) < 1000
    assert run(["show", str(out)]) == 2
    assert run(["verify", str(out)]) == 1
    assert key.partition(".")[0] in capsys.readouterr().out


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"null", b"1", b'"x"', b"\xff\xfe", b"\x00",
        b'{"schema": 2}', b'{"schema": true, "files": {}}',
        b'{"schema": 2, "made": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b"[" * 200_000, b'{"a":' * 100_000,
        b'{"schema": ' + b"9" * 10_000 + b"}",
        b'{"schema": 2, "counts": {"pairs": 1e999}}',
    ],
    ids=range(15),
)  # fmt: skip
def test_a_record_that_is_none_is_refused(
    out: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    (out / "release.json").write_bytes(content)
    with pytest.raises(ReleaseError) as caught:
        Release(out)
    assert len(str(caught.value)) < 1500
    assert run(["show", str(out)]) == 2
    assert run(["verify", str(out)]) == 1


def test_infinite_numbers_and_surrogates_in_the_record_are_found(out: Path) -> None:
    path = out / "release.json"
    text = path.read_text()
    for more in ('"x": 1e999, ', '"x": "\\ud800", '):
        path.write_text(text.replace('"with": {', '"with": {' + more, 1))
        assert "differs from its own digest" in problems(out)


def test_an_enormous_record_is_not_read(out: Path) -> None:
    with (out / "release.json").open("r+b") as handle:
        handle.truncate(1 << 40)  # sparse
    with pytest.raises(ReleaseError, match=r"release\.json has 1,099,511,627,776 bytes, at most"):
        Release(out)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("pairs", -1),
        ("pairs", 10**400),
        ("shard", "test-000000"),
        ("shard", "../x"),
        ("files", {"../../x": FILE}),
        ("files", {}),
        ("rejects", {"x": "y"}),
        ("networks", [1]),
        ("networks", {"a": {"b": [[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]}}),
        ("more", 1),
    ],
)
def test_a_commit_with_a_wrong_value_is_none(out: Path, key: str, value: object) -> None:
    name = f"commits/{SHARD}.json"
    body = json.loads((out / name).read_text())
    (out / name).write_text(json.dumps({**body, key: value}))
    entry = {"sha256": sha256_bytes((out / name).read_bytes()), "size": (out / name).stat().st_size}
    change_record(out, lambda record: record["files"].update({name: entry}))
    assert f"{name}: not a valid commit of this shard" in problems(out)


def test_a_commit_that_states_other_files_is_found(out: Path) -> None:
    name = f"commits/{SHARD}.json"
    body = json.loads((out / name).read_text())
    body["files"][TAR]["sha256"] = "0" * 64
    (out / name).write_text(json.dumps(body))
    entry = {"sha256": sha256_bytes((out / name).read_bytes()), "size": (out / name).stat().st_size}
    change_record(out, lambda record: record["files"].update({name: entry}))
    assert f"{name}: states another {TAR} than release.json" in problems(out)


# --- no regular files ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", [TAR, NAME, f"commits/{SHARD}.json", "release.json", "README.md"])
@pytest.mark.parametrize("kind", ["pipe", "folder", "link", "device"])
def test_what_is_no_file_of_the_release_is_not_opened(
    out: Path, name: str, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = out / name
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        (path / "below").mkdir(parents=True)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        (out.parent / "secret").write_bytes(b"x" * 100)
        path.symlink_to(out.parent / "secret")
    assert run(["verify", str(out)]) == 1
    said = capsys.readouterr().out
    assert name in said or Path(name).name in said
    if name in (TAR, NAME, "release.json"):
        assert run(["show", str(out)]) == 2


def test_a_link_inside_the_release_is_a_file(out: Path) -> None:
    (out / "README.md").rename(out / "rights" / "text.md")
    (out / "README.md").symlink_to("rights/text.md")
    assert problems(out) == "rights/text.md: not listed in release.json"


@pytest.mark.parametrize("name", ["report", ".staging"])
def test_nothing_is_written_through_a_link(
    out: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    away = tmp_path / "away"
    away.mkdir()
    shutil.rmtree(out / name, ignore_errors=True)
    (out / name).symlink_to(away)
    assert run(["show", str(out)]) == 2
    assert "through a link" in capsys.readouterr().err
    assert list(away.iterdir()) == []


def test_a_link_in_place_of_the_page_is_replaced_not_followed(out: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    (out / "report").mkdir()
    (out / "report" / "index.html").symlink_to(tmp_path / "mine.txt")
    assert run(["show", str(out)]) == 0
    assert (tmp_path / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x", "a\\b", "a\x00b", ""])
def test_a_folder_reads_nothing_outside(tmp_path: Path, name: str) -> None:
    for folder in (Folder(str(tmp_path)), Folder("memory://x")):
        if folder.local is None and (".." not in name and not name.startswith("/")):
            continue
        with pytest.raises(ReleaseError):
            folder.read(name)
        with pytest.raises(ReleaseError):
            folder.read_range(name, 0, 1)
        with pytest.raises(ReleaseError):
            folder.size(name)


# --- tars ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("left", ["half", "a few bytes", "nothing", "all but the end"])
@pytest.mark.parametrize("owned", [False, True])
def test_what_a_cut_tar_lacks_is_named_and_the_rest_is_compared(
    out: Path, left: str, owned: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    data = (out / TAR).read_bytes()
    kept = {"half": len(data) // 2, "a few bytes": 700, "nothing": 0, "all but the end": 512 * 20}
    (out / TAR).write_bytes(data[: kept[left]])
    if owned:
        own_up(out, TAR)
    (out / "media/train-000001.tar").unlink()
    assert run(["verify", str(out)]) == 1
    found = capsys.readouterr().out
    if owned:
        assert f"{NAME}: row " in found
        assert "is cut short" in found or "beyond the end" in found
    else:
        assert f"{TAR}: {kept[left]} bytes, expected {len(data)}" in found
        assert "differs from the row's" in found
        assert f"{TAR}: " in found
    assert "media/train-000001.tar: missing" in found
    assert "shard train-000001: its" in found
    assert "test-0000" not in found
    if left == "half":
        assert found.count("differs from the row's") < 12  # the first half is whole


def hostile_tar(out: Path, change: Callable[[tarfile.TarFile], None]) -> None:
    """Append members to a tar, in place of its end."""
    with tarfile.open(out / TAR, "a", format=tarfile.GNU_FORMAT) as tar:
        change(tar)
    own_up(out, TAR)


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


@pytest.mark.parametrize(
    ("info", "words"),
    [
        (member("/etc/cron.d/x"), "is not named"),
        (member("../x"), "is not named"),
        (member("a.fake.jpg", tarfile.SYMTYPE, "/etc/passwd"), "is a symbolic link"),
        (member("a.fake.jpg", tarfile.LNKTYPE, "/etc/passwd"), "is a hard link"),
        (member("a.fake.jpg", tarfile.FIFOTYPE), "is a pipe"),
        (member("a.fake.jpg", tarfile.CHRTYPE), "is a device"),
        (member("a", tarfile.DIRTYPE), "is a folder"),
        (member("a.fake.jpg", tarfile.GNUTYPE_SPARSE), "is a sparse file"),
        (member("x" * 300), "is a long name"),
        (member("a.fake.jpg"), "None in the rows"),
    ],
)
def test_odd_members_are_named(out: Path, info: tarfile.TarInfo, words: str) -> None:
    hostile_tar(out, lambda tar: tar.addfile(info))
    found = problems(out)
    assert words in found
    assert "differs" not in found


def test_a_member_of_an_enormous_size_is_named(out: Path) -> None:
    data = bytearray((out / TAR).read_bytes())
    info = tarfile.TarInfo("a.fake.jpg")
    for size, words in ((2**32, "beyond the end of the tar"), (2**62, "no header of a member")):
        info.size = size
        header = info.tobuf(tarfile.GNU_FORMAT)
        (out / TAR).write_bytes(bytes(data).rstrip(b"\x00") + b"")
        at = -(-len(bytes(data).rstrip(b"\x00")) // 512) * 512
        (out / TAR).write_bytes(bytes(data[:at]) + header + bytes(1024))
        own_up(out, TAR)
        assert words in problems(out)


def test_members_of_mutated_tars_never_fail(whole: Path) -> None:
    data = (whole / TAR).read_bytes()
    draws = np.random.default_rng(3)
    for _ in range(2000):
        changed = bytearray(data[: draws.integers(0, len(data) + 1)])
        for _ in range(draws.integers(0, 4)):
            if changed:
                at = int(draws.integers(0, len(changed))) // 512 * 512 + int(draws.integers(0, 512))
                changed[min(at, len(changed) - 1)] = int(draws.integers(0, 256))
        found = list(members(io.BytesIO(bytes(changed)), len(changed)))
        assert all(one.offset <= len(changed) + 512 for one in found)


# --- Parquet ------------------------------------------------------------------------------------


def rewrite(out: Path, table: pa.Table, **options: Any) -> None:
    pq.write_table(table, out / NAME, **options)
    own_up(out, NAME)


def big(rows: int, **columns: Any) -> pa.Table:
    one = pa.Table.from_pylist([good_row()], MANIFEST)
    table = one.take(pa.array(np.zeros(rows, np.int64)))
    for name, value in columns.items():  # as a dictionary: this process holds it once too
        places = pa.array(np.zeros(rows, np.int32))
        values = pa.DictionaryArray.from_arrays(places, pa.array([value]))
        place = table.column_names.index(name)
        table = table.set_column(place, pa.field(name, values.type, nullable=False), values)
    return table


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (lambda: big(20_000, method_params='{"a": "' + "x" * 60_000 + '"}'), "MiB, at most 1,024"),
        (lambda: big(1000, image_id="x" * 900_000), "column 'image_id': found 'xxx"),
        (lambda: big((1 << 20) + 1), "1,048,577 rows in"),
    ],
    ids=["repeated text", "long text", "rows"],
)
def test_a_small_file_that_needs_gigabytes_is_not_decoded(
    out: Path, table: Callable[[], pa.Table], words: str
) -> None:
    rewrite(out, table(), compression="zstd", row_group_size=1 << 21, store_schema=False)
    assert (out / NAME).stat().st_size < 40_000_000
    before = pa.default_memory_pool().max_memory()
    assert words in problems(out)
    with pytest.raises(ReleaseError):
        Release(out).table()
    assert pa.default_memory_pool().max_memory() - before < 1 << 29


@pytest.mark.parametrize(
    ("column", "kind", "value"),
    [
        ("label", pa.string(), "0"),
        ("media_offset", pa.float64(), 0.0),
        ("media_path", pa.binary(), b"media/train-000000.tar"),
        ("width", pa.list_(pa.int32()), [1]),
        ("licenses", pa.string(), "CC0"),
        ("sample_id", pa.null(), None),
    ],
)
def test_a_column_of_another_type_is_refused(
    out: Path, column: str, kind: pa.DataType, value: object
) -> None:
    table = pq.read_table(out / NAME)
    place = table.column_names.index(column)
    other = pa.array([value] * table.num_rows, kind)
    rewrite(out, table.set_column(place, pa.field(column, kind), other))
    with pytest.raises(ReleaseError, match=f"column '{column}' holds") as caught:
        Release(out).table(["sample_id"])
    assert caught.value.key == column
    assert f"column '{column}' holds" in problems(out)


def test_columns_that_the_schema_does_not_have_are_refused(out: Path) -> None:
    table = pq.read_table(out / NAME)
    rewrite(out, table.append_column("more", pa.array([1] * table.num_rows)))
    with pytest.raises(ReleaseError, match="has a column 'more'"):
        Release(out).table()
    rewrite(out, table.append_column(table.schema.field(0), table.column(0)))
    with pytest.raises(ReleaseError, match="two columns of one name"):
        Release(out).table()
    rewrite(out, table.drop_columns(["age"]))
    assert "the manifest has no column 'age'" in problems(out)


def test_text_that_is_not_utf8_is_refused(out: Path) -> None:
    table = pq.read_table(out / NAME)
    bad = pa.array([b"\xff\xfe"] * table.num_rows).view(pa.string())
    place = table.column_names.index("sex")
    rewrite(out, table.set_column(place, MANIFEST.field("sex"), bad))
    with pytest.raises(ReleaseError, match="cannot be read"):
        Release(out).table()
    assert NAME in problems(out)


def test_mutated_manifests_never_fail_otherwise(whole: Path, tmp_path: Path) -> None:
    data = (whole / NAME).read_bytes()
    folder = Folder(str(tmp_path))
    (tmp_path / "manifest").mkdir()
    file = ManifestFile(SHARD, (whole / TAR).stat().st_size)
    draws = np.random.default_rng(11)
    for _ in range(300):
        changed = bytearray(data)
        for _ in range(draws.integers(1, 4)):
            changed[int(draws.integers(0, len(changed)))] = int(draws.integers(0, 256))
        (tmp_path / NAME).write_bytes(bytes(changed))
        with contextlib.suppress(ReleaseError):
            read_manifest(folder, file)


# --- images -------------------------------------------------------------------------------------


def replace_mask(out: Path, data: bytes) -> str:
    """Put other bytes in place of the first mask; return the id of its fake."""
    rows = pq.read_table(out / NAME).to_pylist()
    fake = next(row for row in rows if row["kind"] == "fake")
    tar = bytearray((out / TAR).read_bytes())
    at = len(tar)
    (out / TAR).write_bytes(bytes(tar) + data)
    own_up(out, TAR)

    def change(rows: list[dict[str, Any]]) -> None:
        row = next(row for row in rows if row["sample_id"] == fake["sample_id"])
        row |= {"mask_offset": at, "mask_size": len(data)}

    change_rows(out, change)
    return str(fake["sample_id"])


def test_a_mask_of_30000_pixels_is_refused_by_its_header(
    out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from PIL import Image as Pillow

    stream = io.BytesIO()
    Pillow.new("L", (30_000, 30_000)).save(stream, "PNG", compress_level=1)
    fake = replace_mask(out, stream.getvalue())
    release = Release(out)
    row = next(pair.row for pair in release.pairs() if pair.row["sample_id"] == fake)
    with pytest.raises(ReleaseError, match=f"{fake}: the mask is too large: 30000x30000"):
        release.mask(row)
    assert f"{fake}: the mask is too large: 30000x30000" in problems(out)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (encode_png(np.ones((9, 9), np.uint8)), "the mask is not 96x96 pixels"),
        (encode_png(np.ones((96, 96, 3), np.uint8)), "expected 8-bit gray"),
        (encode_png(np.ones((96, 96), np.uint8))[:-40], "mask"),
        (b"GIF89a" + bytes(100), "the mask is "),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n" + bytes(100), "the mask is "),
        (encode_png(np.zeros((96, 96), np.uint8)), "the mask is empty"),
    ],
)
def test_a_mask_that_is_none_is_named(out: Path, data: bytes, words: str) -> None:
    fake = replace_mask(out, data)
    assert any(line.startswith(f"{fake}: ") and words in line for line in problems(out).split("\n"))
