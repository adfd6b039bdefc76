from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from datagen.cli.main import run
from datagen.errors import RecipeError, SourceError
from datagen.sources import SOURCES, load_card
from datagen.sources.base import Source
from datagen.sources.procedural import describe, render, truth

ROOT = Path(__file__).parents[3]
CARD = ROOT / "recipes" / "cards" / "procedural.yaml"


def source(**options: object) -> Source:
    return SOURCES.load("procedural").build(load_card(CARD), "", options)


def test_records_are_the_truth_of_each_image() -> None:
    records = list(source(identities=3, images_per_identity=2, seed=9, size=256).records())
    assert [record.image_id for record in records[:3]] == [
        "p0000000_0000",
        "p0000000_0001",
        "p0000001_0000",
    ]
    assert len({record.identity for record in records}) == 3
    last, known = records[-1], truth(9, 2, 1, 256)
    assert last.landmarks is not None
    assert last.mesh is not None
    np.testing.assert_array_equal(last.landmarks, known.landmarks)
    np.testing.assert_array_equal(last.mesh, known.mesh)
    assert last.pose == (known.yaw, known.pitch, known.roll)
    assert (last.age, last.sex) == (known.age, known.sex)
    assert last.size == (256, 256)
    assert last.extra == {"monk": str(describe(9, 2)["monk"])}


def test_an_image_is_made_from_its_id_alone() -> None:
    one = source(identities=3, seed=9, size=256)
    np.testing.assert_array_equal(one.render("p0000002_0001"), render(9, 2, 1, 256).image)
    with pytest.raises(SourceError, match="no image 'photo'"):
        one.render("photo")


def test_more_people_change_nobody() -> None:
    few = list(source(identities=2, images_per_identity=1).records())
    many = list(source(identities=4, images_per_identity=1).records())
    for one, other in zip(few, many, strict=False):
        assert one.image_id == other.image_id
        assert one.landmarks is not None
        assert other.landmarks is not None
        np.testing.assert_array_equal(one.landmarks, other.landmarks)


def test_wrong_options_are_named() -> None:
    with pytest.raises(RecipeError, match=r"identitys: unknown key\. Did you mean 'identities'"):
        source(identitys=3)


def test_the_card_is_the_freest_and_says_nobody() -> None:
    card = load_card(CARD)
    assert card.license == "CC0-1.0"
    assert card.consent.basis == "synthetic"
    assert (card.consent.commercial, card.consent.redistribution) == (True, True)
    assert "no real person" in card.consent.words.lower()


def test_the_index_is_made_without_an_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def never(*arguments: object) -> None:
        raise AssertionError("an image was rendered")

    monkeypatch.setattr("datagen.sources.procedural.source.render", never)
    monkeypatch.setenv("DATAGEN_CACHE", str(tmp_path))
    recipe = str(ROOT / "recipes" / "quickstart.yaml")
    assert run(["plan", recipe, "--inline"]) == 0
    assert "480 faces of 60 identities" in capsys.readouterr().err


def test_the_quickstart_makes_a_release(tmp_path: Path) -> None:
    recipe = str(ROOT / "recipes" / "quickstart.yaml")
    out = tmp_path / "out"
    assert run(["generate", recipe, "-o", str(out), "--inline", "--limit", "20"]) == 0
    assert run(["verify", str(out)]) == 0
    rows = pd.read_parquet(out / "manifest")
    assert rows["kind"].value_counts()[["real", "fake"]].tolist() == [20, 20]
    assert set(rows["purposes"].map(tuple)) == {("research", "commercial", "redistribute")}
    assert (rows["age"] >= 20).all()


def test_clips_are_listed_with_length_rate_and_their_first_frame() -> None:
    one = source(identities=3, seed=9, size=256, video={"per_identity": 2, "seconds": 1.5})
    records = list(one.clip_records())
    assert [record.image_id for record in records[:3]] == [
        "p0000000_v0000",
        "p0000000_v0001",
        "p0000001_v0000",
    ]
    assert {(record.frames, record.fps, record.size) for record in records} == {
        (37, Fraction(25), (256, 256))
    }
    assert one.has_clips
    again = one.frame_record(records[2], 0)
    assert again.pose == records[2].pose
    assert again.image_id == records[2].image_id
    about = describe(9, 1)
    assert (records[2].age, records[2].sex) == (about["age"], about["sex"])


def test_frames_of_a_clip_are_made_from_its_id_alone() -> None:
    options = {"identities": 3, "seed": 9, "size": 128}
    first, second = source(**options), source(**options)
    record = list(first.clip_records())[2]
    image = first.render_frame(record.image_id, 5)
    second.render_frame("p0000000_v0000", 1)
    np.testing.assert_array_equal(second.render_frame(record.image_id, 5), image)
    now, later = first.frame_record(record, 5), first.frame_record(record, 6)
    assert now.landmarks is not None
    assert later.landmarks is not None
    assert 0.0 < np.abs(now.landmarks - later.landmarks).max() < 8.0
    assert (now.identity, now.age, now.extra) == (later.identity, later.age, later.extra)
    assert now.pose != later.pose


def test_a_longer_video_begins_with_the_same_frames() -> None:
    short, long = (source(size=128, video={"seconds": s}) for s in (1, 60))
    record = next(short.clip_records())
    longer = next(long.clip_records())
    assert (record.frames, longer.frames) == (25, 1500)
    np.testing.assert_array_equal(
        short.render_frame(record.image_id, 24), long.render_frame(record.image_id, 24)
    )
    assert short.clip_digest_options() == long.clip_digest_options()


@pytest.mark.parametrize(
    ("image_id", "frame", "message"),
    [
        ("p0000000_0000", 0, "no clip 'p0000000_0000'"),
        ("photo", 0, "no clip 'photo'"),
        ("p0000000_v0000", 100, "has frames 0 to 99, not 100"),
        ("p0000000_v0000", -1, "has frames 0 to 99, not -1"),
        ("p0000060_v0000", 0, "no clip 'p0000060_v0000'"),
        ("p0000000_v0002", 0, "no clip 'p0000000_v0002'"),
    ],
)
def test_a_frame_that_does_not_exist_is_named(image_id: str, frame: int, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        source(size=128).render_frame(image_id, frame)


def test_options_of_videos_change_no_image() -> None:
    plain, other = source(), source(video={"fps": 50, "head": 3, "per_identity": 9})
    assert plain.digest_options() == other.digest_options()
    assert list(plain.digest_options()) == ["people", "pictures", "seed", "size"]
    assert plain.clip_digest_options() != other.clip_digest_options()
    np.testing.assert_array_equal(
        source(size=128).render("p0000001_0000"),
        source(size=128, video={"fps": 50}).render("p0000001_0000"),
    )


@pytest.mark.parametrize(
    ("video", "message"),
    [
        ({"fps": 0}, "frames per second, 5 to 240"),
        ({"fps": "fast"}, "frames per second, 5 to 240"),
        ({"fps": "1/0"}, "frames per second, 5 to 240"),
        ({"fps": True}, "frames per second, 5 to 240"),
        ({"head": [5, 40]}, "within 0 to 15 degrees"),
        ({"head": [9, 5]}, "low <= high"),
        ({"mouth": 1.5}, "within 0 to 1"),
        ({"seconds": 0}, "greater than or equal to 0.2"),
        ({"blink": 3}, r"blink: unknown key"),
    ],
)
def test_wrong_options_of_videos_are_named(video: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        source(video=video)


@pytest.mark.parametrize(
    ("fps", "exact"), [(25, Fraction(25)), ("30000/1001", Fraction(30000, 1001)), (12.5, "25/2")]
)
def test_rates_are_exact(fps: object, exact: Fraction | str) -> None:
    record = next(source(size=128, video={"fps": fps, "seconds": 2}).clip_records())
    assert record.fps == Fraction(exact)
    assert record.frames == int(2 * Fraction(exact))
