from __future__ import annotations

import io
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datagen.cli.main import run
from datagen.core.digests import sha256_bytes
from datagen.errors import ReleaseError
from datagen.release import Folder
from datagen.release.schema import MANIFEST
from datagen.release.verify import verify
from tests.support.releases import change_rows as change_rows_of
from tests.support.releases import own_up
from tests.support.world import World

SHARD = "train-000000"


@pytest.fixture(scope="module")
def whole(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("verify") / "out"
    assert world.generate(out, "--inline") == 0
    return out


@pytest.fixture(scope="module")
def lossless(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("verify-png") / "out"
    assert world.generate(out, "--inline", "--set", "encode.format=png") == 0
    return out


@pytest.fixture
def out(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "copy"))


def problems(out: Path, pixels: bool = False) -> str:
    return "\n".join(verify(Folder(str(out)), pixels))


def change_rows(out: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    name = f"manifest/{SHARD}.parquet"
    rows = change(pq.read_table(out / name).to_pandas())
    pq.write_table(pa.Table.from_pandas(rows, MANIFEST, preserve_index=False), out / name)
    own_up(out, name)


def test_how_many_pairs_were_compared_is_told(
    whole: Path, lossless: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["verify", str(whole), "--pixels"]) == 0
    assert "0 of 36 pairs were compared outside the mask: only lossless" in told(capsys)
    assert run(["verify", str(lossless), "--pixels"]) == 0
    assert "36 of 36 pairs were compared outside the mask" in told(capsys)
    assert run(["verify", str(tmp_path / "nope")]) == 2
    assert "error: " in told(capsys)


def told(capsys: pytest.CaptureFixture[str]) -> str:
    found = capsys.readouterr()
    assert found.out == ""
    return " ".join(found.err.split())


def test_a_whole_release_is_silent(whole: Path, lossless: Path) -> None:
    assert problems(whole) == ""
    assert problems(lossless, pixels=True) == ""


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "recipe.yaml",
        "croissant.json",
        "rights/ATTRIBUTION.md",
        "rejects/index.parquet",
        f"media/small-v1-{SHARD}.tar",
        f"manifest/{SHARD}.parquet",
        f"rejects/{SHARD}.parquet",
        f"commits/{SHARD}.json",
    ],
)
def test_a_flipped_bit_a_cut_and_a_loss_are_found(out: Path, name: str) -> None:
    path = out / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    assert f"{name}: its sha256 differs from the recorded one" in problems(out)
    path.write_bytes(bytes(data[:-1]))
    assert f"{name}: {len(data) - 1} bytes, expected {len(data)}" in problems(out)
    path.unlink()
    assert f"{name}: missing" in problems(out)


def test_a_stranger_is_found(out: Path) -> None:
    (out / "media" / "small-v1-train-000099.tar").write_bytes(b"")
    assert "media/small-v1-train-000099.tar: not listed in release.json" in problems(out)


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("sha256", "0" * 64, "differs from the row's"),
        ("media_offset", 0, "differs from the row's"),
        ("width", 95, "the image is not 95x"),
        ("label", 1, "label 1"),
        ("split", "test", "column 'split': found 'test', allowed: train"),
        ("method", "other", "method differs within the pair"),
        ("pair_id", "small-train-99999999", "expected one real"),
        ("kind", "fake", "expected one real"),
    ],
)
def test_a_wrong_row_is_found_though_the_digests_agree(
    out: Path, column: str, value: object, says: str
) -> None:
    def change(rows: pd.DataFrame) -> pd.DataFrame:
        assert rows.loc[0, "kind"] == "real"
        return rows.assign(**{column: [value, *rows[column].iloc[1:]]})

    change_rows(out, change)
    assert says in problems(out)


def test_a_lost_row_is_found(out: Path) -> None:
    change_rows(out, lambda rows: rows.iloc[:-1])
    found = problems(out)
    assert f"shard {SHARD}: rows of" in found
    assert f"media/small-v1-{SHARD}.tar" in found


def test_a_row_given_twice_is_found(out: Path) -> None:
    change_rows(out, lambda rows: pd.concat([rows, rows.iloc[:1]]))
    assert "occurs more than once" in problems(out)


def test_a_person_in_two_splits_is_found(out: Path) -> None:
    test_rows = pd.read_parquet(out / "manifest" / "test-000000.parquet")
    person = test_rows["identity_id"].iloc[0]

    def change(rows: pd.DataFrame) -> pd.DataFrame:
        rows.loc[rows["donor_identity_id"].notna(), "donor_identity_id"] = person
        return rows

    change_rows(out, change)
    assert f"identity {person}: is in more than one split" in problems(out)


@pytest.mark.parametrize("spelled", [" {}", "{}\u200b", "{}  "])
def test_a_person_in_two_splits_is_found_in_two_spellings(out: Path, spelled: str) -> None:
    person = pd.read_parquet(out / "manifest" / "test-000000.parquet")["identity_id"].iloc[0]

    def change(rows: pd.DataFrame) -> pd.DataFrame:
        rows.loc[rows["donor_identity_id"].notna(), "donor_identity_id"] = spelled.format(person)
        return rows

    change_rows(out, change)
    assert ": is in more than one split (spelled " in problems(out)


@pytest.mark.parametrize(
    "name", [".DS_Store", "media/.DS_Store", "manifest/Thumbs.db", "._release.json", "@eaDir/x"]
)
def test_what_systems_put_into_a_release_is_no_problem(out: Path, name: str) -> None:
    (out / name).parent.mkdir(exist_ok=True)
    (out / name).write_text("x")
    assert problems(out) == ""


def test_wrong_totals_are_found(out: Path) -> None:
    path = out / "release.json"
    record = json.loads(path.read_text())
    record["counts"]["pairs"] += 1
    record["counts"]["planned"]["train"] += 1
    path.write_text(json.dumps(record))
    found = problems(out)
    assert "release.json: its content differs from its own digest" in found
    assert "counts (37," in found
    assert "'train': 25" in found


def test_a_fake_that_differs_outside_its_mask_is_found(lossless: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(lossless, tmp_path / "copy"))
    rows = pq.read_table(out / f"manifest/{SHARD}.parquet").to_pandas()
    fake = rows[rows["kind"] == "fake"].iloc[0]
    tar_path = out / f"media/small-v1-{SHARD}.tar"
    tar = bytearray(tar_path.read_bytes())
    start, size = int(fake["media_offset"]), int(fake["media_size"])
    image = cv2.imdecode(np.frombuffer(tar[start : start + size], np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    image[0, 0] ^= 8
    data = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes()
    assert len(data) <= size
    # A PNG may be followed by anything: the size stays, so that only the pixels tell.
    tar[start : start + size] = data + bytes(size - len(data))
    facts = bytes(tar)  # the JSON of the pair holds the digest too
    where = rows["sample_id"] == fake["sample_id"]
    digest = sha256_bytes(bytes(tar[start : start + size]))
    tar_path.write_bytes(facts.replace(fake["sha256"].encode(), digest.encode()))
    change_rows(out, lambda frame: frame.assign(sha256=frame["sha256"].mask(where, digest)))
    own_up(out, f"media/small-v1-{SHARD}.tar", f"manifest/{SHARD}.parquet")
    assert problems(out) == ""
    assert "differs from its real outside the mask" in problems(out, pixels=True)


def test_the_tar_streams_as_webdataset_keys(whole: Path) -> None:
    with tarfile.open(whole / "media" / f"small-v1-{SHARD}.tar") as tar:
        names = tar.getnames()
        one = tar.extractfile(names[0])
        assert one is not None
        assert io.BytesIO(one.read()).getbuffer().nbytes > 0
    keys = {name.partition(".")[0] for name in names}
    assert len(keys) == 6
    assert {name.partition(".")[2] for name in names} == {
        "real.jpg",
        "fake.jpg",
        "mask.png",
        "json",
    }


def test_no_release_and_an_unfinished_one_are_told_apart(out: Path, tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="is not a datagen release"):
        problems(tmp_path / "nowhere")
    (out / "release.json").unlink()
    assert "is not finished (6 shards are committed" in problems(out)


def test_what_hubs_and_file_managers_add_is_no_problem(out: Path) -> None:
    for name in (".gitattributes", ".git/HEAD", ".cache/huggingface/x.lock", "media/.DS_Store"):
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    assert problems(out) == ""
    (out / "README.md").write_text("other")
    (out / "media" / "more.txt").write_text("more")
    assert problems(out).count("\n") == 1


def test_a_json_member_that_differs_from_the_rows_is_named(out: Path) -> None:
    name = f"media/small-v1-{SHARD}.tar"
    data = (out / name).read_bytes()
    (out / name).write_bytes(data.replace(b'"label_real":0', b'"label_real":1', 1))
    own_up(out, name)
    assert "its content differs from the rows" in problems(out)


def test_controls_in_the_tar_of_pairs_are_named(out: Path) -> None:
    def moved(rows: list[dict[str, Any]]) -> None:
        control = next(row for row in rows if row["kind"] == "control")
        control["media_path"] = rows[0]["media_path"]

    change_rows_of(out, moved)
    assert "for a control" in problems(out)
