"""The JSON member of a sample: one flat form, whatever is unknown, equal to the rows."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from datagen.release.sample import JSON_KEYS, sample_json
from tests.support.releases import good_row
from tests.support.world import World


def samples(out: Path) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the members of every sample, by tar and by key."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for path in sorted((out / "media").glob("*.tar")):
        with tarfile.open(path) as tar:
            for member in tar:
                key, _, suffix = member.name.partition(".")
                data = tar.extractfile(member)
                assert data is not None
                body = json.loads(data.read()) if suffix == "json" else None
                found.setdefault(path.name, {}).setdefault(key, {})[suffix] = body
    return found


def form(value: Any) -> Any:
    if isinstance(value, list):
        return [type(item) for item in value]
    return type(value)


def test_every_sample_has_the_same_members_and_keys_of_the_same_types(whole: Path) -> None:
    pairs: set[tuple[str, ...]] = set()
    controls: set[tuple[str, ...]] = set()
    forms = set()
    for tar, by_key in samples(whole).items():
        for members in by_key.values():
            (controls if "-control-" in tar else pairs).add(tuple(sorted(members)))
            forms.add(json.dumps({k: str(form(v)) for k, v in members["json"].items()}))
    assert pairs == {("fake.jpg", "json", "mask.png", "real.jpg")}
    assert controls == {("control.jpg", "json")}
    assert len(forms) == 1


def test_nothing_is_null_and_unknown_values_keep_their_type() -> None:
    bare = json.loads(sample_json([good_row(kind=kind) for kind in ("real", "fake")]))
    full = {
        **good_row(kind="fake"),
        "donor_identity_id": "nobody/p01",
        "severity": 3,
        "age": 31.4,
        "box": [0.25, 1.0, 2.0, 3.0],
        "landmarks": [0.123456] * 136,
    }
    known = json.loads(sample_json([full, good_row(), good_row(kind="control")]))
    assert list(bare) == list(known) == list(JSON_KEYS)
    assert {key: form(value) for key, value in bare.items()} == {
        key: form(value) for key, value in known.items()
    }
    assert None not in bare.values()
    assert (bare["donor_identity_id"], bare["severity"], bare["age"]) == ("", -1, -1.0)
    assert bare["box_fake"] == [-1.0] * 4
    assert bare["sha256_control"] == ""
    assert known["landmarks_fake"][:2] == [0.12, 0.12]
    assert known["age"] == 31.4
    assert (known["label_real"], known["label_fake"], known["label_control"]) == (0, 1, 0)


def test_a_control_shares_the_json_of_its_pair(whole: Path) -> None:
    found = samples(whole)
    pairs = {k: m for tar, by in found.items() if "-control-" not in tar for k, m in by.items()}
    controls = {k: m for tar, by in found.items() if "-control-" in tar for k, m in by.items()}
    assert controls
    for key, members in controls.items():
        assert members["json"] == pairs[key]["json"]
        assert members["json"]["sha256_control"]


def test_the_lists_name_every_tar_once(whole: Path) -> None:
    listed = [name for path in (whole / "media").glob("*.txt") for name in path.read_text().split()]
    assert sorted(listed) == sorted(path.name for path in (whole / "media").glob("*.tar"))
    assert (whole / "media" / "train.txt").read_text().startswith("small-v1-train-000000.tar\n")
    for path in (whole / "media").glob("*-control.txt"):
        assert "-control-" in path.read_text()


@pytest.mark.parametrize("controls", ["0", "1"])
def test_a_shard_without_controls_has_no_tar_of_them(
    world: World, tmp_path: Path, controls: str
) -> None:
    share = f"controls={controls}"
    assert world.generate(tmp_path / "out", "--inline", "--set", share) == 0
    tars = [path.name for path in (tmp_path / "out" / "media").glob("*-control-*")]
    assert bool(tars) == (controls == "1")
