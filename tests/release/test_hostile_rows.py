"""Manifests of strangers: no row that breaks a rule is used, and verify names it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from datagen.cli.main import run
from datagen.errors import ReleaseError
from datagen.release.reader import Release
from tests.support.releases import change_rows

Rows = list[dict[str, Any]]

SECRET = "a line that only its owner may read"
NAME = "manifest/train-000000.parquet"


@pytest.fixture(autouse=True)
def secret(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text(SECRET * 100)


def put(column: str, value: object, kind: str = "fake") -> Callable[[Rows], None]:
    def change(rows: Rows) -> None:
        next(row for row in rows if row["kind"] == kind)[column] = value

    return change


OUTSIDE = [
    ("sample_id", "/tmp/x/"),
    ("sample_id", "../../x"),
    ("sample_id", "a b"),
    ("sample_id", "x" * 129),
    ("sample_id", ""),
    ("pair_id", "a/b"),
    ("pair_id", "a.b"),
    ("base_id", "a\x00b"),
    ("kind", "original"),
    ("label", 2),
    ("split", "validation"),
    ("media_type", "image/bashrc"),
    ("media_type", "image/svg+xml"),
    ("media_type", "text/html;base64,<script>"),
    ("media_path", "/etc/passwd"),
    ("media_path", "../secret.txt"),
    ("media_path", "media/../../secret.txt"),
    ("media_path", "file:///etc/passwd"),
    ("media_path", "http://127.0.0.1:9/x"),
    ("media_path", "recipe.yaml"),
    ("media_path", "media/small-v1-test-000000.tar"),
    ("media_path", "media/small-v1-train-000099.tar"),
    ("mask_path", "/etc/passwd"),
    ("mask_path", "../secret.txt"),
    ("mask_path", "media/small-v1-test-000000.tar"),
    ("media_offset", -1),
    ("media_offset", 2**62),
    ("media_size", 0),
    ("media_size", 2**62),
    ("mask_offset", 2**40),
    ("mask_size", -5),
    ("width", 0),
    ("width", 30_000),
    ("height", -1),
    ("sha256", "0" * 63),
    ("phash", "zz"),
    ("image_id", "a\x1b[2Jb"),
    ("identity_id", "x" * 5000),
    ("source", "a\nb"),
    ("family", "sorcery"),
    ("method_params", "[]"),
    ("method_params", "{" + '"a":' * 3 + "}" * 70_000),
    ("method_params", '{"a":' + "[" * 3000 + "]" * 3000 + "}"),
    ("degradation_params", "x"),
    ("severity", 6),
    ("item", -1),
    ("weights", ["x"]),
    ("weights", ["a@" + "0" * 64] * 65),
    ("crop", [1.0] * 5),
    ("crop", [float("nan")] * 6),
    ("landmarks", [0.0] * 135),
    ("landmarks", [float("inf")] * 136),
    ("box", []),
    ("age", -1.0),
    ("age", float("nan")),
    ("purposes", ["sale"]),
    ("attribution", ["x" * 70_000]),
]


@pytest.mark.parametrize(("column", "value"), OUTSIDE, ids=lambda value: repr(value)[:24])
def test_a_row_that_breaks_a_rule_is_refused_and_verify_names_it(
    out: Path, column: str, value: object
) -> None:
    change_rows(out, put(column, value))
    with pytest.raises(ReleaseError, match=rf"row \d+.*column '{column}'") as caught:
        Release(out).table()
    assert (caught.value.key, caught.value.path) == (column, f"{out}/{NAME}")
    assert isinstance(caught.value.row, int)
    assert len(str(caught.value)) < 600
    with pytest.raises(ReleaseError):
        list(Release(out).pairs())
    with pytest.raises(ReleaseError):
        Release(out).table([column])  # whichever columns are asked for
    named = [line for line in Release(out).verify() if f"column '{column}'" in line]
    assert len(named) == 1
    assert named[0].startswith(f"{NAME}: row ")


def test_a_row_that_breaks_several_rules_gives_a_line_for_each(out: Path) -> None:
    def change(rows: Rows) -> None:
        for row in rows[:3]:
            row |= {"media_type": "image/bashrc", "mask_path": "/etc/passwd"}

    change_rows(out, change)
    found = Release(out).verify()
    assert any("row 1 (and 2 more), column 'media_type'" in line for line in found)
    assert any("row 1 (and 2 more), column 'mask_path': found '/etc/passwd'" in line
               for line in found)  # fmt: skip


def test_the_other_rows_are_still_compared(out: Path) -> None:
    def change(rows: Rows) -> None:
        rows[0]["media_type"] = "image/bashrc"
        rows[-1]["sha256"] = "0" * 64

    change_rows(out, change)
    found = "\n".join(Release(out).verify())
    assert "differs from the row's" in found


@pytest.mark.parametrize("column", ["media_path", "mask_path"])
def test_a_file_outside_is_not_shown(
    out: Path, column: str, capsys: pytest.CaptureFixture[str]
) -> None:
    kind = "fake" if column == "mask_path" else "control"
    what = column.partition("_")[0]

    def change(rows: Rows) -> None:
        row = next(row for row in rows if row["kind"] == kind)
        row |= {column: str(out.parent / "secret.txt"), f"{what}_offset": 0, f"{what}_size": 90}

    change_rows(out, change)
    assert run(["show", str(out)]) == 2
    assert f"column '{column}'" in capsys.readouterr().err
    assert not (out / "report").exists()
    assert run(["verify", str(out)]) == 1
    said = capsys.readouterr().out
    assert f"column '{column}'" in said
    assert SECRET not in said


def test_a_row_that_the_caller_made_up_leads_nowhere_either(out: Path) -> None:
    release = Release(out)
    row = next(release.pairs()).row
    for change in (
        {"media_path": "/etc/passwd"},
        {"media_path": "recipe.yaml"},
        {"media_path": None},
        {"media_offset": 2**40},
        {"media_size": -1},
        {"media_size": 2**40},
        {"media_offset": float("nan")},
    ):
        with pytest.raises(ReleaseError):
            release.bytes_of({**row, **change})
    with pytest.raises(ReleaseError, match="the row has no mask"):
        release.mask(next(release.pairs()).rows["real"])


def test_the_columns_of_the_schema_all_have_a_rule() -> None:
    from datagen.release.rules import REJECT_RULES, RULES
    from datagen.release.schema import MANIFEST, REJECTS

    assert list(RULES) == MANIFEST.names
    assert list(REJECT_RULES) == REJECTS.names


@pytest.mark.parametrize("deep", ['{"a":' + "[" * 1500 + "]" * 1500 + "}", "{not json}"])
def test_json_that_cannot_be_parsed_is_an_error_of_its_row(
    out: Path, deep: str, capsys: pytest.CaptureFixture[str]
) -> None:
    change_rows(out, put("method_params", deep))
    pair = next(pair for pair in Release(out).pairs() if pair.row["method_params"] == deep)
    with pytest.raises(ReleaseError, match=f"{pair.pair_id}-fake: column 'method_params'"):
        _ = pair.params
    assert run(["show", str(out)]) == 2
    capsys.readouterr()
    assert any("column 'method_params'" in line for line in Release(out).verify())


def test_a_pair_without_its_real_is_an_error(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change_rows(out, lambda rows: rows.pop(0))
    with pytest.raises(ReleaseError, match="has no real beside it"):
        list(Release(out).pairs())
    assert run(["show", str(out)]) == 2
    assert "has no real beside it" in capsys.readouterr().err


@pytest.mark.parametrize("column", ["mask_path", "mask_offset", "mask_size"])
def test_a_part_of_a_mask_is_none(out: Path, column: str) -> None:
    change_rows(out, put(column, None))
    assert any("a fake without a mask" in line for line in Release(out).verify())
