from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from datagen.core.digests import sha256_bytes
from datagen.errors import ReleaseError, ScoresError, UserError
from datagen.evaluation.rows import COLUMNS, Rows, join, read_rows
from datagen.evaluation.sample import sample_of
from datagen.evaluation.trained_on import refuse_trained_on
from datagen.release import Folder
from datagen.release.reader import Release
from datagen.release.scores import read_scores
from tests.evaluation.made import Made, make, write_release

MADE = make(people=4, pairs_each=2)


def joined(
    folder: Path, made: Made, split: str = "test", allow: bool = False, **columns: object
) -> Rows:
    path = folder / "scores.csv"
    pd.DataFrame(columns).to_csv(path, index=False)
    return join(made.table, split, read_scores(path), allow)


def test_scores_find_their_images_in_any_order(tmp_path: Path) -> None:
    score = np.arange(len(MADE.ids)) / 100
    order = np.random.default_rng(0).permutation(len(score))
    ids = np.array(MADE.ids)[order]
    rows = joined(tmp_path, MADE, sample_id=ids, score=score[order])
    np.testing.assert_array_equal(rows.raw, score)
    assert rows.coverage.share == 1
    by_digest = np.array(MADE.columns["sha256"])[order]
    rows = joined(tmp_path, MADE, sha256=by_digest, score=score[order])
    np.testing.assert_array_equal(rows.raw, score)


def test_scores_of_another_version_of_the_release_are_refused(tmp_path: Path) -> None:
    score = [0.5] * len(MADE.ids)
    digests = list(MADE.columns["sha256"])
    rows = joined(tmp_path, MADE, sample_id=MADE.ids, score=score, sha256=digests)
    assert rows.coverage.share == 1
    digests[3] = "0" * 64
    with pytest.raises(UserError, match=f"1 scores are of other images .*{MADE.ids[3]}"):
        joined(tmp_path, MADE, sample_id=MADE.ids, score=score, sha256=digests)


def test_one_digest_scores_all_images_that_share_it(tmp_path: Path) -> None:
    made = Made({**MADE.columns, "sha256": ["ab"] * len(MADE.ids)})
    rows = joined(tmp_path, made, sha256=["ab"], score=[0.75])
    assert (rows.raw == 0.75).all()


def test_a_failed_image_lowers_the_coverage_and_is_in_no_metric(tmp_path: Path) -> None:
    score = [np.nan, np.nan, *([0.5] * (len(MADE.ids) - 2))]
    status = ["crashed", "unreadable", *(["ok"] * (len(score) - 2))]
    rows = joined(tmp_path, MADE, sample_id=MADE.ids, score=score, status=status)
    assert rows.coverage.statuses == {"crashed": 1, "unreadable": 1}
    assert rows.coverage.scored == len(rows.raw) == len(score) - 2
    assert rows.place[0] == 2


def test_an_image_without_a_line_is_refused_unless_a_gate_counts_them(tmp_path: Path) -> None:
    ids, score = MADE.ids[1:], [0.5] * (len(MADE.ids) - 1)
    with pytest.raises(UserError, match=f"1 of {len(MADE.ids)} images .* have no row"):
        joined(tmp_path, MADE, sample_id=ids, score=score)
    rows = joined(tmp_path, MADE, allow=True, sample_id=ids, score=score)
    assert rows.coverage.statuses == {"missing": 1}


def test_ids_of_nowhere_and_wrong_splits_are_named(tmp_path: Path) -> None:
    score = [0.5] * len(MADE.ids)
    with pytest.raises(UserError, match=r"1 of .* ids are not in the release: elsewhere"):
        joined(tmp_path, MADE, sample_id=["elsewhere", *MADE.ids[1:]], score=score)
    with pytest.raises(UserError, match=r"no split 'tset'\. Did you mean 'test'\?"):
        joined(tmp_path, MADE, "tset", sample_id=MADE.ids, score=score)


def test_a_run_that_failed_everywhere_is_refused(tmp_path: Path) -> None:
    score, status = [None] * len(MADE.ids), ["oom"] * len(MADE.ids)
    with pytest.raises(
        UserError, match=rf"no image of split 'test' has a score \({len(MADE.ids)} oom"
    ):
        joined(tmp_path, MADE, sample_id=MADE.ids, score=score, status=status)


def test_lines_of_other_splits_are_left_out(tmp_path: Path) -> None:
    train = make(people=2, pairs_each=1, split="train")
    release = Release(Folder(str(write_release(tmp_path / "out", MADE, train))))
    path = tmp_path / "s.csv"
    ids = [*train.ids, *MADE.ids]
    pd.DataFrame({"sample_id": ids, "score": [0.5] * len(ids)}).to_csv(path, index=False)
    manifest = read_rows(release)
    assert manifest.num_rows == len(ids)
    rows = join(manifest, "test", read_scores(path), False)
    assert rows.table.column("sample_id").to_pylist() == MADE.ids


def test_scores_of_another_split_are_named(tmp_path: Path) -> None:
    train = make(people=2, pairs_each=1, split="train")
    release = Release(Folder(str(write_release(tmp_path / "out", MADE, train))))
    path = tmp_path / "s.csv"
    pd.DataFrame({"sample_id": train.ids, "score": [0.5] * len(train.ids)}).to_csv(path)
    count = len(train.ids)
    for allow in (True, False):
        with pytest.raises(
            ScoresError, match=rf"are of split 'train' \({count} images\), and none is of 'test'"
        ) as error:
            join(read_rows(release), "test", read_scores(path), allow)
        assert "choose that split with --split" in str(error.value)


def test_several_splits_are_joined(tmp_path: Path) -> None:
    train = make(people=2, pairs_each=1, split="train")
    release = Release(Folder(str(write_release(tmp_path / "out", MADE, train))))
    path = tmp_path / "s.csv"
    pd.DataFrame({"sample_id": train.ids, "score": [0.5] * len(train.ids)}).to_csv(path)
    rows = join(read_rows(release), ["train", "test"], read_scores(path), True)
    assert rows.table.column("sample_id").to_pylist() == train.ids
    assert rows.coverage.images == len(train.ids) + len(MADE.ids)
    with pytest.raises(ScoresError, match="images of split 'train' or 'test' have no row"):
        join(read_rows(release), ["train", "test"], read_scores(path), False)


def test_controls_are_in_no_sample_and_each_fake_knows_its_real() -> None:
    rows = MADE.rows(np.linspace(0, 1, len(MADE.ids)))
    sample = sample_of(rows)
    kinds = np.array(MADE.columns["kind"])
    assert "control" in kinds
    assert set(kinds[sample.row]) == {"real", "fake"}
    assert (np.diff(sample.raw) <= 0).all()
    assert (sample.ordered[sample.label] == 1).all()  # later rows score higher here
    assert np.isnan(sample.ordered[~sample.label]).all()


def test_what_was_trained_on_is_refused(tmp_path: Path) -> None:
    train = make(people=4, pairs_each=2, split="train")
    release = Release(Folder(str(write_release(tmp_path / "out", MADE))))
    manifest = read_rows(release, (*COLUMNS, "source_sha256"))
    training = Release(Folder(str(write_release(tmp_path / "training", train))))
    with pytest.raises(UserError, match=r"shares 4 of its 4 identities with train and val .*made"):
        refuse_trained_on(release, manifest, "test", training)
    others = ["made/q" + str(number) for number in range(len(train.ids))]
    strangers = Made({**train.columns, "identity_id": others})
    away = Release(Folder(str(write_release(tmp_path / "away", strangers, MADE))))
    refuse_trained_on(release, manifest, "test", away)  # its own test split was not learned from
    donors = Made({**strangers.columns, "donor_identity_id": ["made/p0001"] * len(others)})
    given = Release(Folder(str(write_release(tmp_path / "donors", donors))))
    with pytest.raises(UserError, match="shares 1 of its 4 identities"):
        refuse_trained_on(release, manifest, "test", given)
    same = Made({**strangers.columns, "source_sha256": [sha256_bytes(b"test2")] * len(others)})
    known = Release(Folder(str(write_release(tmp_path / "photographs", same))))
    with pytest.raises(UserError, match="shares 1 of its 4 source images"):
        refuse_trained_on(release, manifest, "test", known)


def test_one_person_in_two_spellings_is_one(tmp_path: Path) -> None:
    train = make(people=4, pairs_each=2, split="train")
    spelled = ["made/Zoe\u0308 "] * len(train.ids)
    own = Made({**MADE.columns, "identity_id": ["made/Zo\u00eb"] * len(MADE.ids)})
    release = Release(Folder(str(write_release(tmp_path / "out", own))))
    learned = Made({**train.columns, "identity_id": spelled})
    training = Release(Folder(str(write_release(tmp_path / "training", learned))))
    manifest = read_rows(release, (*COLUMNS, "source_sha256"))
    with pytest.raises(UserError, match="shares 1 of its 1 identities"):
        refuse_trained_on(release, manifest, "test", training)


def test_a_training_release_has_something_to_learn_from(tmp_path: Path) -> None:
    release = Release(Folder(str(write_release(tmp_path / "out", MADE))))
    with pytest.raises(UserError, match="has no split train or val"):
        refuse_trained_on(release, read_rows(release, (*COLUMNS, "source_sha256")), "test", release)


def test_numbered_people_of_another_seed_are_other_people(tmp_path: Path) -> None:
    train = make(people=4, pairs_each=2, split="train")
    out = write_release(tmp_path / "out", MADE)
    training = write_release(tmp_path / "training", train)
    release, other = Release(Folder(str(out))), Release(Folder(str(training)))
    manifest = read_rows(release, (*COLUMNS, "source_sha256"))
    for folder, seed in ((out, 1), (training, 2)):
        recipe = f"sources: [{{card: rights/cards/made.yaml, options: {{seed: {seed}}}}}]"
        (folder / "recipe.yaml").write_text(recipe, encoding="utf-8")
        card = folder / "rights/cards/made.yaml"
        card.parent.mkdir(parents=True)
        card.write_text("{id: made, layout: procedural}", encoding="utf-8")
    refuse_trained_on(release, manifest, "test", other)
    (training / "rights/cards/made.yaml").write_text("{id: made, layout: folder}", encoding="utf-8")
    with pytest.raises(UserError, match="shares 4 of its 4 identities"):
        refuse_trained_on(release, manifest, "test", other)


@pytest.mark.parametrize(
    "recipe",
    [
        "sources: [{card: ../../../etc/passwd}]",
        "sources: [{card: rights/cards/../../x.yaml}]",
        "sources: [3]",
        "sources: [{card: [1]}]",
        "[1]",
        "a: &a [*a]",
        "a: \\ud800: b",
    ],
)
def test_a_hostile_recipe_of_a_release_is_refused(tmp_path: Path, recipe: str) -> None:
    train = make(people=4, pairs_each=2, split="train")
    release = Release(Folder(str(write_release(tmp_path / "out", MADE))))
    training = write_release(tmp_path / "training", train)
    (training / "recipe.yaml").write_text(recipe, encoding="utf-8")
    manifest = read_rows(release, (*COLUMNS, "source_sha256"))
    with pytest.raises(ReleaseError, match=r"recipe\.yaml"):
        refuse_trained_on(release, manifest, "test", Release(Folder(str(training))))


def test_a_manifest_that_is_gone_or_spoiled_is_named(tmp_path: Path) -> None:
    folder = write_release(tmp_path / "out", MADE)
    file = next((folder / "manifest").iterdir())
    file.write_bytes(b"torn")
    with pytest.raises(ReleaseError, match=r"test-000000\.parquet cannot be read"):
        read_rows(Release(Folder(str(folder))))
    file.unlink()
    with pytest.raises(ReleaseError, match=r"test-000000\.parquet is missing"):
        read_rows(Release(Folder(str(folder))))


@pytest.mark.parametrize("form", ["{}.jpg", "media/{}.png", "C:\\faces\\{}.jpeg"])
def test_names_of_files_as_ids_are_told(tmp_path: Path, form: str) -> None:
    ids = [form.format(one) for one in MADE.ids]
    with pytest.raises(UserError, match="Write them without folder and ending"):
        joined(tmp_path, MADE, sample_id=ids, score=[0.5] * len(ids))
