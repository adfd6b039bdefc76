"""Releases of clips by someone who lies and makes every digest agree."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datagen.cli.main import run
from datagen.errors import ReleaseError
from datagen.release import clips
from datagen.release.clip_schema import CLIP_NAMES
from datagen.release.folder import Folder
from datagen.release.grammar import broken_rows
from datagen.release.identity_schema import IDENTITY_NAMES
from datagen.release.reader import Release
from datagen.release.report import clip_sheet
from datagen.release.verify import verify
from tests.support.releases import SHARD, change_record, own_up

MANIFEST_FILE = f"manifest/{SHARD}.parquet"
FRAMES_FILE = f"frames/{SHARD}.parquet"

Rows = list[dict[str, Any]]


@pytest.fixture
def out(clip_release: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(clip_release, tmp_path / "out"))


def changed(out: Path, name: str, change: Callable[[pa.Table], pa.Table]) -> None:
    pq.write_table(change(pq.read_table(out / name)), out / name)
    own_up(out, name)


def with_cells(
    column: str, cells: Callable[[dict[str, Any]], Any]
) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        rows = [{**row, column: cells(row)} for row in table.to_pylist()]
        return pa.Table.from_pylist(rows, table.schema)

    return change


@pytest.mark.parametrize(
    "segments",
    [
        lambda row: [[0, 4]],
        lambda row: [],
        lambda row: [[3, 1]] if row["kind"] == "fake" else [],
        lambda row: [[0, 5]] if row["kind"] == "fake" else [],
    ],
)
def test_segments_are_of_fakes_and_within_the_clip(
    out: Path, segments: Callable[[dict[str, Any]], Any]
) -> None:
    changed(out, MANIFEST_FILE, with_cells("segments", segments))
    with pytest.raises(ReleaseError, match=r"column 'segments'.*frames of the clip for a fake"):
        Release(out).table()
    assert any("column 'segments'" in line for line in verify(Folder(str(out))))


@pytest.mark.parametrize("rate", [(1, 2**31 - 1), (2**31 - 1, 2**31 - 2), (2**31 - 1, 1)])
def test_any_rate_can_be_shown(out: Path, rate: tuple[int, int]) -> None:
    numerator, denominator = rate
    changed(out, MANIFEST_FILE, with_cells("fps_num", lambda row: numerator))
    changed(out, MANIFEST_FILE, with_cells("fps_den", lambda row: denominator))
    assert run(["show", str(out)]) == 0


@pytest.mark.parametrize("column", ["mask_path", "mask_offset", "mask_size"])
def test_a_fake_whose_mask_is_half_named_is_told(out: Path, column: str) -> None:
    changed(out, MANIFEST_FILE, with_cells(column, lambda row: None))
    told = list(verify(Folder(str(out))))
    assert any("a fake without a mask" in line for line in told)
    with pytest.raises(ReleaseError, match=column):
        Release(out).table()


def test_no_frame_of_a_real_is_manipulated(out: Path) -> None:
    changed(out, FRAMES_FILE, with_cells("manipulated", lambda row: True))
    release = Release(out)
    row = next(release.pairs(split=SHARD.partition("-")[0])).row
    with pytest.raises(ReleaseError, match="column 'manipulated': found True, allowed"):
        release.frames(row)


def test_rows_of_images_among_clips_are_refused(out: Path) -> None:
    changed(out, MANIFEST_FILE, lambda table: table.drop(list(CLIP_NAMES)))
    with pytest.raises(ReleaseError, match=r"rows of images, and release\.json lists frames"):
        Release(out).table()
    assert any("rows of images" in line for line in verify(Folder(str(out))))


@pytest.mark.parametrize("names", [IDENTITY_NAMES, IDENTITY_NAMES[:1]])
def test_similarities_without_an_embedder_are_refused(out: Path, names: tuple[str, ...]) -> None:
    """Shards with different columns could not be read together."""

    def measured(table: pa.Table) -> pa.Table:
        for name in names:
            table = table.append_column(name, pa.array([0.5] * len(table), pa.float32()))
        return table

    changed(out, MANIFEST_FILE, measured)
    with pytest.raises(ReleaseError, match=r"release\.json names no embedder"):
        Release(out).table()
    told = list(verify(Folder(str(out))))
    assert any("names no embedder" in line for line in told)


def test_an_embedder_without_similarities_is_refused(out: Path) -> None:
    change_record(out, lambda record: record["made"]["with"].update(embedder="x@" + "0" * 64))
    with pytest.raises(ReleaseError, match=r"release\.json names an embedder"):
        Release(out).table()
    assert any("names an embedder" in line for line in list(verify(Folder(str(out)))))


def test_frames_that_only_the_commit_lists_are_named(out: Path) -> None:
    change_record(out, lambda record: record["files"].pop(FRAMES_FILE))
    told = list(verify(Folder(str(out))))
    assert any(f"states {FRAMES_FILE}, which release.json does not list" in one for one in told)


def test_a_pair_of_large_clips_is_decoded_frame_by_frame(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three clips of 2 GiB in some kilobytes would need over 6 GiB."""
    monkeypatch.setattr(clips, "_MAX_BYTES", 1)
    assert list(verify(Folder(str(out)))) == []


def test_a_pair_too_large_for_a_page_is_named(
    out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(clip_sheet, "_MAX_BYTES", 1)
    assert run(["show", str(out)]) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert "frames of" in told
    assert "at most 0 MiB of a clip are shown" in told


def test_rules_are_applied_to_some_rows_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table of a million rows of landmarks in a file of some kilobytes takes no gigabytes."""
    seen: list[int] = []

    class Counted:
        allowed = "anything"

        def broken(self, values: Any) -> Any:
            seen.append(len(values))
            return np.zeros(len(values), np.bool_)

    column = pa.chunked_array([pa.array([1.0] * 200_000)])
    assert not list(broken_rows("x", column, Counted(), nullable=True))
    assert sum(seen) == 200_000
    assert max(seen) <= 1 << 16
