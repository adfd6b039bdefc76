"""No row of a release has terms that do not cover the purpose of its recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from datagen.cli.main import run
from datagen.generation import records
from datagen.rights import Terms
from tests.support.world import CARD, World

SA, NC = "CC-BY-SA-4.0", "CC-BY-NC-SA-4.0"
SWAP = [{"use": "landmark_swap", "share": 1, "min_change": 0.5}]


def license_table(world: World, columns: dict[int, tuple[str, str]]) -> None:
    """State license and attribution of the images of some identities; the rest have none."""
    path = world.faces / "faces.csv"
    table = pd.read_csv(path, dtype=str)
    number = table["identity"].str[1:].astype(int)
    for place, name in enumerate(("license", "attribution")):
        table[name] = [columns.get(n, ("", ""))[place] for n in number]
    table.to_csv(path, index=False)
    mapped = {**CARD["options"]["columns"], "license": "license", "attribution": "attribution"}
    card = {**CARD, "options": {"columns": mapped}}
    (world.folder / "nobody.yaml").write_text(yaml.safe_dump(card), encoding="utf-8")


def mixed(world: World, **changes: Any) -> None:
    license_table(world, {n: ((SA, NC)[n % 2], "Jane Doe") for n in range(12)})
    world.write_recipe(methods=SWAP, **changes)


def manifest(out: Path) -> pd.DataFrame:
    return pd.read_parquet(out / "manifest")


def test_every_row_covers_the_purpose(own_world: World, tmp_path: Path) -> None:
    mixed(own_world)
    assert own_world.generate(tmp_path / "out", "--inline") == 0
    rows = manifest(tmp_path / "out")
    assert (rows["kind"] == "fake").sum() == 36
    assert {tuple(names) for names in rows["licenses"]} == {(SA,), (NC,)}
    assert all({"research", "redistribute"} <= set(named) for named in rows["purposes"])


def test_without_redistribution_they_may_be_mixed(own_world: World, tmp_path: Path) -> None:
    mixed(own_world, purpose={"use": "research"})
    assert own_world.generate(tmp_path / "out", "--inline") == 0
    rows = manifest(tmp_path / "out")
    assert {tuple(sorted(names)) for names in rows["licenses"]} == {(SA,), (NC,), (NC, SA)}
    assert all("research" in named for named in rows["purposes"])


@pytest.mark.parametrize("command", ["validate", "plan", "generate"])
def test_a_target_without_compatible_donors_is_refused(
    own_world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    license_table(own_world, {n: (SA if n else NC, "Jane Doe") for n in range(12)})
    own_world.write_recipe(methods=SWAP)
    out = ["-o", str(tmp_path / "out"), "--inline"] if command == "generate" else []
    assert run([command, str(own_world.recipe), *out]) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert "whose terms may be combined with the target's" in told
    assert SA in told
    assert NC in told


def test_the_writer_looks_once_more(
    own_world: World,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def wrong(*_: object) -> Terms:
        return Terms(True, True, None, ("CC-BY-ND-4.0",))

    monkeypatch.setattr(records, "source_terms", wrong)
    assert own_world.generate(tmp_path / "out", "--inline") == 2
    told = " ".join(capsys.readouterr().err.split())
    assert "its licenses (CC-BY-ND-4.0) and the consent of its sources do not permit" in told
    assert "redistribute, which the purpose" in told
    assert not (tmp_path / "out" / "release.json").exists()
    assert not list((tmp_path / "out").glob("commits/*"))


def test_images_without_an_author(own_world: World, tmp_path: Path) -> None:
    nobody = ("", "unknown", "-")
    license_table(own_world, {n: ("CC-BY-4.0", (*nobody, "Jane Doe")[n % 4]) for n in range(4)})
    assert own_world.generate(tmp_path / "out", "--inline") == 0
    rejects = pd.read_parquet(tmp_path / "out" / "rejects")
    assert set(rejects["image_id"]) == {f"p{n:02d}_{i}" for n in range(3) for i in range(2)}
    assert set(rejects["code"]) == {"no_attribution"}
    rows = manifest(tmp_path / "out")
    named = rows[rows["licenses"].map(lambda names: "CC-BY-4.0" in names)]
    assert len(named)
    assert all("Jane Doe" in names for names in named["attribution"])
    own_world.write_recipe(purpose={"use": "research"})
    assert own_world.generate(tmp_path / "kept", "--inline") == 0
    assert {"p00_0", "p01_0", "p02_0"} <= set(manifest(tmp_path / "kept")["image_id"])


def test_no_network_is_trained_on_faces_that_exclude_each_other(
    own_world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mixed(own_world, split={"shares": {"train": 1}}, splits={"train": 24})
    command = ["train", str(own_world.recipe), "-o", str(tmp_path / "out"), "--name", "mixed"]
    command += ["--identities", "p00,p01", "--min-images", "2", "--steps", "1", "--inline"]
    assert run(command) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert f"faces of the licenses {SA}, {NC} together" in told
    assert not (tmp_path / "out" / "weights").exists()
