from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from datagen.core.rng import rng
from datagen.degradations.apply import apply_steps
from datagen.degradations.compose import Composition, compose, known_degradations
from datagen.degradations.profile import load_profile, profile_names
from datagen.errors import RecipeError
from tests.support.faces_made import made_face
from tests.support.photo_sets import face_squares


def composed(use: str, by_severity: bool = False, **options: Any) -> Composition:
    return compose(use, options, by_severity, "degradations[0]")


@pytest.mark.parametrize("name", profile_names())
def test_every_profile_draws_and_damages_alike(name: str) -> None:
    profile = load_profile(name)
    if name.startswith("video") or any(step.use == "video" for step in profile.steps):
        pytest.importorskip("av")
    built = composed(name, profile.has_severity)
    images = [made_face(n, 128).image for n in (1, 1, 2)]
    for number in range(6):
        severity = 1 + number % 5 if profile.has_severity else None
        first = built.draw(rng("t", number), (128, 128), severity)
        again = built.draw(rng("t", number), (128, 128), severity)
        assert [(s.kind.name, s.params) for s in first] == [(s.kind.name, s.params) for s in again]
        degraded = apply_steps(images, first)
        assert np.array_equal(degraded.images[0], degraded.images[1])
        assert [o["use"] for o in degraded.operations[0]] == [s.kind.name for s in first]


@pytest.mark.parametrize("name", profile_names())
def test_a_profile_says_what_it_is(name: str) -> None:
    profile = load_profile(name)
    assert profile.title
    assert profile.words.strip().endswith(".")
    exact = {"clean", "deeper_forensics", "train_variety", "video_c23", "video_c40"}
    if name not in exact:
        assert "approximat" in profile.words


def test_variety_spreads_the_sharpness_of_photographs_and_keeps_a_pair_alike() -> None:
    built, photos = composed("train_variety"), face_squares(256)
    spread = []
    for number in range(300):
        photo = photos[number % len(photos)]
        steps = built.draw(rng("variety", number), photo.shape[:2], None)
        made = apply_steps([photo, photo.copy(), photo.copy()], steps).images
        assert np.array_equal(made[0], made[1])
        assert np.array_equal(made[0], made[2])
        light = cv2.cvtColor(made[0], cv2.COLOR_RGB2GRAY).astype(np.float32)
        spread.append(np.log2(np.abs(cv2.Laplacian(light, cv2.CV_32F)).mean() + 1e-3))
    assert np.std(spread) >= 1.2


def test_severity_nought_is_no_step() -> None:
    assert composed("jpeg", True).draw(rng("t"), (64, 64), 0) == []


def test_severity_changes_the_strength_and_not_the_place() -> None:
    built = composed("occlude", True)
    drawn = [built.draw(rng("t"), (128, 128), level)[0].params for level in (1, 5)]
    assert drawn[0].model_dump()["seed"] == drawn[1].model_dump()["seed"]


def test_reshare_goes_through_several_profiles() -> None:
    built = composed("reshare", True)
    lengths = [
        len([s for s in built.draw(rng("t", 1), (96, 96), level) if s.kind.name == "jpeg"])
        for level in (1, 5)
    ]
    assert lengths[0] < lengths[1]


@pytest.mark.parametrize(
    ("use", "by_severity", "options", "message"),
    [
        ("jpg", False, {}, "unknown degradation 'jpg'. Did you mean 'jpeg'"),
        ("jpeg", False, {"qualty": [3, 4]}, r"degradations\[0\].qualty: unknown key. Did you mean"),
        ("jpeg", False, {"quality": [3, 400]}, r"degradations\[0\].*quality"),
        ("jpeg", True, {"quality": [3, 40]}, "'severity' sets the options of 'jpeg'"),
        ("any", True, {}, "'any' has no severities"),
        ("clean", True, {}, "profile 'clean' has no severities"),
        ("clean", False, {"quality": 3}, "profile 'clean' has no options"),
        ("deeper_forensics", False, {}, "severity: missing"),
        ("reshare", False, {"profiles": ["social_fed"]}, "Did you mean 'social_feed'"),
        ("reshare", False, {"times": [0, 9]}, "times: must be a range within 1 and 5"),
        ("reshare", True, {"times": 2}, "'severity' sets 'times'"),
    ],
)
def test_what_is_wrong_is_refused(
    use: str, by_severity: bool, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(RecipeError, match=message):
        composed(use, by_severity, **options)


def test_names_are_told_once() -> None:
    names = known_degradations()
    assert len(names) == len(set(names))
    assert {"jpeg", "clean", "reshare"} <= set(names)


def test_the_record_follows_options_and_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = composed("jpeg").record()
    assert composed("jpeg", quality=[30, 40]).record() != whole
    assert composed("jpeg", True).record() != whole
    monkeypatch.setattr("datagen.degradations.jpeg.Jpeg.version", 99)
    assert composed("jpeg").record() != whole


def test_what_is_for_clips_only_is_known_before_anything_is_drawn() -> None:
    pytest.importorskip("av")
    for name in ("frame_rate", "frame_drops", "rate_limit", "video_call", "video_feed"):
        assert composed(name).clips_only
    for name in ("jpeg", "video", "webcam", "video_c23", "clean", "reshare"):
        assert not composed(name).clips_only
    assert composed("reshare", profiles=["messenger", "video_call"]).clips_only
