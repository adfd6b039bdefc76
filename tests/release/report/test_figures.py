from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from datagen.release.reader import Release
from datagen.release.report.figures import (
    KINDS,
    by_method,
    by_split,
    counts_of,
    distributions,
    facts_of_rows,
    rights_of,
)
from tests.support.world import World


@pytest.fixture(scope="module")
def release(world: World, tmp_path_factory: pytest.TempPathFactory) -> Release:
    out = tmp_path_factory.mktemp("figures") / "out"
    assert world.generate(out, "--inline") == 0
    return Release(out)


def test_counts_are_those_of_the_manifest(release: Release) -> None:
    rows = facts_of_rows(release)
    counts = counts_of(rows, release.splits)
    assert counts.splits == ["train", "test"]
    assert [name for name, *_ in counts.methods] == ["landmark_swap", "self_blend"]
    whole = release.manifest
    for name, _, cells, total in counts.methods:
        for split, cell in zip(counts.splits, cells, strict=True):
            own = whole[(whole["method"] == name) & (whole["split"] == split)]
            assert cell == [int((own["kind"] == kind).sum()) for kind in KINDS]
        assert total == ((whole["method"] == name) & (whole["kind"] == "fake")).sum()
    assert sum(sum(cells) for *_, cells in counts.rows) == len(whole)
    assert {degradation for _, _, degradation, _ in counts.rows} == {"none"}


def test_identities_and_their_uses_are_counted(release: Release) -> None:
    train, test, both = by_split(facts_of_rows(release), release.splits)
    assert (train.split, test.split, both.split) == ("train", "test", "all")
    assert train.pairs + test.pairs == both.pairs == len(release)
    assert train.identities + test.identities == both.identities
    targets = release.manifest.query("kind == 'fake'")["identity_id"].value_counts()
    assert both.targets == (float(targets.median()), int(targets.max()))
    assert both.donors is not None


def test_each_method_has_its_figures(release: Release) -> None:
    swap, blend = by_method(facts_of_rows(release))
    assert swap.method == "landmark_swap"
    assert swap.pairs + blend.pairs == len(release)
    assert swap.change is not None
    median, low, high = swap.change
    assert low <= median <= high
    assert swap.psnr is None  # no degradation


def test_distributions_have_each_kind_of_what_is_known(release: Release) -> None:
    rows = facts_of_rows(release, "self_blend")
    assert set(rows["method"]) == {"self_blend"}
    found = distributions(rows)
    sizes = found["File size", "kB"]
    assert {kind: len(values) for kind, values in sizes.items()} == {
        kind: int((rows["kind"] == kind).sum()) for kind in KINDS
    }
    change = found["Visible change", "8-bit levels"]
    assert len(change["real"]) == 0
    assert np.isfinite(change["fake"]).all()


def test_rights_are_told_once(release: Release) -> None:
    rights = rights_of(release)
    assert rights.licenses == [("CC0-1.0", len(release.manifest))]
    assert rights.sources == [("nobody", len(release.manifest))]
    assert rights_of(release, "self_blend").sources[0][1] < rights.sources[0][1]


def test_a_release_of_clips_has_the_same(clip_release: Path) -> None:
    release = Release(clip_release)
    counts = counts_of(facts_of_rows(release), release.splits)
    assert sum(total for *_, total in counts.methods) == 8
