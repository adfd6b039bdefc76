"""The export for the hub: every row once with its own bytes, deterministic, resumed, its terms."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml

from datagen import api
from datagen.cli.main import run
from datagen.core.digests import sha256_bytes
from datagen.errors import ReleaseError, UserError
from datagen.exports import huggingface
from datagen.release.reader import Release
from tests.support.releases import change_rows
from tests.support.world import World, digests


def rows_of(copy: Path) -> pd.DataFrame:
    return pd.concat(pd.read_parquet(path) for path in sorted((copy / "data").glob("*.parquet")))


def front_of(copy: Path) -> dict[str, object]:
    return dict(yaml.safe_load((copy / "README.md").read_text(encoding="utf-8").split("---")[1]))


def test_every_row_is_there_once_with_its_own_bytes(release: Path, copy: Path) -> None:
    found, manifest = rows_of(copy), Release(release).table()
    assert sorted(found["sample_id"]) == sorted(manifest["sample_id"])
    assert [sha256_bytes(image["bytes"]) for image in found["image"]] == list(found["sha256"])
    assert found["mask"].notna().equals(found["kind"] == "fake")
    assert (found["label"] == (found["kind"] == "fake")).all()
    by_id = manifest.set_index("sample_id")
    for row in found[found["kind"] == "fake"].to_dict("records"):
        expected = Release(release).mask_bytes(by_id.loc[row["sample_id"]])
        assert row["mask"]["bytes"] == expected


def test_files_hold_one_split_and_one_family(copy: Path) -> None:
    for path in (copy / "data").glob("*.parquet"):
        split, family, _ = path.name.split("-", 2)
        rows = pd.read_parquet(path)
        assert set(rows["family"]) == {family}
        assert {"val": "validation"}.get(rows["split"].iloc[0], rows["split"].iloc[0]) == split


def test_a_file_ends_at_its_largest_size(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface, "_FILE_BYTES", 20_000)
    api.export(release, tmp_path / "copy", "hf", progress=False)
    names = [path.name for path in (tmp_path / "copy" / "data").iterdir()]
    assert len(names) > 4
    assert len(rows_of(tmp_path / "copy")) == len(Release(release).table())


def test_what_is_missing_is_written_and_the_rest_is_kept(
    copy: Path, tmp_path: Path, release: Path
) -> None:
    again = Path(shutil.copytree(copy, tmp_path / "copy"))
    lost = min((again / "data").glob("*.parquet"))
    lost.unlink()
    done = api.export(release, again, "hf", workers=1, progress=False)
    assert done.reused == done.files - 1
    assert digests(again) == digests(copy)


def test_the_card_says_what_the_hub_reads(release: Path, copy: Path) -> None:
    front = front_of(copy)
    assert front["license"] == "cc0-1.0"
    assert front["size_categories"] == ["n<1K"]
    assert front["extra_gated_prompt"]
    infos = front["dataset_info"]
    assert isinstance(infos, list)
    assert infos[0]["config_name"] == "default"
    counted = sum(split["num_examples"] for split in infos[0]["splits"])
    assert counted == len(Release(release).table())
    names = [feature["name"] for feature in infos[0]["features"]]
    assert names == pq.read_schema(min((copy / "data").glob("*.parquet"))).names


def test_terms_without_redistribution_are_told(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, copy = tmp_path / "out", tmp_path / "copy"
    purpose = "purpose={use: research, redistribute: false}"
    assert world.generate(out, "--inline", "--set", purpose) == 0
    capsys.readouterr()
    assert run(["export", str(out), str(copy), "--to", "hf"]) == 0
    assert "may not be passed on" in capsys.readouterr().err
    assert "do-not-redistribute" in str(front_of(copy)["tags"])
    assert "Do not redistribute" in (copy / "README.md").read_text(encoding="utf-8")
    assert (
        "may not be passed on" in json.loads((copy / "croissant.json").read_text())["description"]
    )


def test_wrong_places_and_forms_are_refused(
    release: Path, copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for place, words in (("full", "is not empty"), ("file", "is a file")):
        with pytest.raises(ReleaseError, match=words):
            api.export(release, tmp_path / place, "hf", progress=False)
    with pytest.raises(UserError, match="Known: deepfakebench, hf"):
        api.export(release, tmp_path / "new", "hg", progress=False)
    assert not (tmp_path / "new").exists()
    other = Path(shutil.copytree(copy, tmp_path / "other"))
    mark = other / "datagen-export.json"
    mark.write_text(mark.read_text().replace("small-v1", "large-v1"))
    with pytest.raises(ReleaseError, match="holds another export"):
        api.export(release, other, "hf", progress=False)
    assert run(["export", str(tmp_path / "no"), str(tmp_path / "new"), "--to", "hf"]) == 2
    assert "is not a datagen release" in capsys.readouterr().err


def test_damaged_media_end_the_export_and_leave_no_half_file(release: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(release, tmp_path / "out"))
    for tar in (out / "media").glob("*.tar"):
        tar.unlink()
    with pytest.raises(ReleaseError, match="is missing"):
        api.export(out, tmp_path / "copy", "hf", progress=False)
    assert list((tmp_path / "copy").rglob("*.parquet")) == []
    assert not (tmp_path / "copy" / "README.md").exists()


def test_the_place_is_an_argument_or_an_option(
    release: Path, copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["export", str(release), "--to", "hf", "-o", str(tmp_path / "copy")]) == 0
    assert digests(tmp_path / "copy") == digests(copy)
    for places in ([], [str(tmp_path / "a"), "-o", str(tmp_path / "b")]):
        assert run(["export", str(release), *places, "--to", "hf"]) == 2
        assert "name one folder for the copy" in capsys.readouterr().err


@pytest.mark.parametrize("to", ["hf", "deepfakebench"])
def test_other_bytes_than_those_of_the_release_end_the_export(
    release: Path, tmp_path: Path, to: str
) -> None:
    out = Path(shutil.copytree(release, tmp_path / "out"))
    row = Release(out).manifest.iloc[0]
    tar = out / row["media_path"]
    data = bytearray(tar.read_bytes())
    data[int(row["media_offset"]) + int(row["media_size"]) - 20] ^= 1  # decodes all the same
    tar.write_bytes(data)
    with pytest.raises(ReleaseError, match="its bytes are not those that the release was made"):
        api.export(out, tmp_path / "copy", to, progress=False)


@pytest.mark.parametrize("to", ["hf", "deepfakebench"])
def test_a_mask_that_is_none_ends_the_export(release: Path, tmp_path: Path, to: str) -> None:
    out = Path(shutil.copytree(release, tmp_path / "out"))

    def change(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            if row["kind"] == "fake":
                row |= {"mask_offset": row["media_offset"], "mask_size": row["media_size"]}

    change_rows(out, change)
    with pytest.raises(ReleaseError, match="the mask is a JPEG, expected PNG"):
        api.export(out, tmp_path / "copy", to, progress=False)


def test_a_mark_of_deep_json_is_that_of_another_export(release: Path, tmp_path: Path) -> None:
    (tmp_path / "datagen-export.json").write_text("[" * 100_000)
    with pytest.raises(ReleaseError, match="holds another export"):
        api.export(release, tmp_path, "hf", progress=False)
