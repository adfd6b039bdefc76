from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from datagen.errors import RecipeError
from datagen.faces.index import FaceIndex
from datagen.planning import Plan
from tests.planning.made import loaded, rows

CLIP = {"frames": 8, "stride": 2}  # reaches over 15 frames


def tracks(lengths: Mapping[str, int | None], source: str = "faces") -> FaceIndex:
    """Return an index of the usual faces; tracks of some lengths, by image."""
    found = []
    for row in rows(source=source):
        frames = lengths.get(row["image_id"], 20)
        track = {"frames": frames, "fps_num": 25, "fps_den": 1, "motion": "video"}
        found.append({**row, **(track if frames is not None else {})})
    return FaceIndex.from_rows(found)


def plan(index: FaceIndex, **changes: Any) -> Plan:
    return Plan(loaded(clip=CLIP, encode={"format": "mp4"}, **changes), index)


def test_windows_of_a_track_are_spread_over_it_and_within_it() -> None:
    long = {row["image_id"]: 214 for row in rows()}
    made = plan(tracks(long), splits={"train": 4000, "test": 10})
    starts: dict[int, list[int]] = {}
    for number in range(4000):
        item = made.item("train", number)
        starts.setdefault(item.target, []).append(item.start)
    for found in starts.values():
        assert 0 <= min(found) <= max(found) <= 199
        gaps = np.diff(np.sort(found))
        assert gaps.max() <= 4 * 200 / len(found)  # no part of the video is left out
    assert len({found[0] for found in starts.values()}) > len(starts) / 2


def test_every_track_is_a_target_equally_often() -> None:
    made = plan(tracks({}), splits={"train": 60, "test": 10})
    targets = [made.item("train", number).target for number in range(2 * len(made.faces("train")))]
    assert set(np.bincount(targets)) <= {0, 2}


def test_a_still_is_a_donor_but_no_target() -> None:
    stills = {row["image_id"]: None for row in rows() if row["image_id"].endswith("_1")}
    made = plan(tracks(stills))
    items = [made.item("train", number) for number in range(60)]
    moving = set(map(int, made.targets("train")))
    assert {item.target for item in items} <= moving
    assert {item.donor for item in items if item.donor is not None} - moving
    assert len(moving) == len(made.faces("train")) // 2


def test_a_camera_makes_targets_of_stills() -> None:
    stills = {row["image_id"]: None for row in rows()}
    with pytest.raises(RecipeError, match="none in a video of 15 frames or more"):
        plan(tracks(stills))
    made = plan(tracks(stills), sources=[{"card": "faces.yaml", "camera": {}}])
    assert len(made.targets("train")) == len(made.faces("train"))
    assert {made.item("train", number).start for number in range(60)} == {0}


def test_donors_may_be_chosen_by_motion() -> None:
    index = tracks({})
    found = [
        {**row, "look": [float(number % 7), *[0.0] * 7]}
        for number, row in enumerate(index.table.to_pylist())
    ]
    rule = {"strategy": "nearest_motion", "pool_size": 1}
    methods = [{"use": "landmark_swap", "share": 1, "donor": rule}]
    made = plan(FaceIndex.from_rows(found), methods=methods)
    looks = [row["look"][0] for row in found]
    items = [made.item("train", number) for number in range(40)]
    apart = [abs(looks[item.target] - looks[item.donor or 0]) for item in items]
    assert np.mean(np.array(apart) == 0) > 0.8
