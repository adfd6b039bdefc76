"""``release.json`` and commits of strangers: flipped, wrong, deep or enormous. Verify goes on."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from datagen.cli.main import run
from datagen.core.digests import sha256_bytes
from datagen.errors import ReleaseError
from datagen.release import Folder
from datagen.release.reader import Release
from datagen.release.verify import verify
from tests.support.releases import change_record

SHARD = "train-000000"
TAR, NAME = f"media/small-v1-{SHARD}.tar", f"manifest/{SHARD}.parquet"


def problems(out: Path) -> str:
    return "\n".join(verify(Folder(str(out))))


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
