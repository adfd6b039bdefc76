"""What every degradation keeps when it is applied to clips, run over the registry."""

from __future__ import annotations

import numpy as np
import pytest

from datagen.core.arrays import Image
from datagen.degradations.apply import Step
from datagen.degradations.apply_clips import apply_steps_to_clips
from tests.contract.test_every_degradation import (
    NAMES,
    draws,
    every_build,
    face_like,
    kind,
    moving_clip,
)

SHAPE = (65, 65)
ENCODED = ("video", "rate_limit")  # a frame depends on others


def clips() -> list[list[Image]]:
    first, second = (moving_clip(face_like((96, 96), seed), 6, SHAPE[0]) for seed in (0, 5))
    return [first, second, first]


@pytest.mark.parametrize("name", NAMES)
def test_clips_keep_their_shape_and_are_degraded_alike(name: str) -> None:
    given = clips()
    before = [frame.copy() for clip in given for frame in clip]
    for built in every_build(name):
        params = built.sample(draws(), SHAPE)
        done = apply_steps_to_clips(given, [Step(built, params)])
        assert [len(clip) for clip in done.clips] == [6, 6, 6]
        assert all(map(np.array_equal, done.clips[0], done.clips[2]))
        again = type(params).model_validate_json(params.model_dump_json())
        assert all(map(np.array_equal, built.apply_clips(given, again)[1], done.clips[1]))
    assert all(map(np.array_equal, before, [frame for clip in given for frame in clip]))


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ENCODED])
def test_a_frame_is_degraded_as_an_image_with_the_params_of_its_time(name: str) -> None:
    given = clips()[:2]
    for built in every_build(name):
        params = built.sample(draws(), SHAPE)
        shown = built.shown(params, 6) or range(6)
        for clip, done in zip(given, built.apply_clips(given, params), strict=True):
            for number, frame in enumerate(done):
                at = built.at_frame(params, number)
                assert np.array_equal(frame, built.apply(clip[shown[number]], at))


@pytest.mark.parametrize("name", NAMES)
def test_only_the_seeds_of_grain_change_from_frame_to_frame(name: str) -> None:
    loaded = kind(name)
    assert set(loaded.grain) <= set(loaded.params.model_fields)
    for built in every_build(name):
        params = built.sample(draws(), SHAPE)
        assert built.at_frame(params, 0) == params
        for frame in (1, 2, 300):
            at = built.at_frame(params, frame)
            assert at == built.at_frame(params, frame)
            assert type(params).model_validate(at.model_dump()) == at
            changed = {key for key, value in at if value != getattr(params, key)}
            assert changed == set(loaded.grain)


@pytest.mark.parametrize("name", NAMES)
def test_shown_frames_are_of_the_past_and_in_order(name: str) -> None:
    for built in every_build(name):
        for seed in range(20):
            shown = built.shown(built.sample(draws(seed), SHAPE), 40)
            if shown is None:
                continue
            assert len(shown) == 40
            assert shown[0] == 0
            assert all(number <= position for position, number in enumerate(shown))
            assert shown == sorted(shown)


def test_noise_lives_and_a_print_stands_still() -> None:
    still = [face_like((96, 96))] * 3
    for name in ("noise", "low_light", "screen"):
        built = kind(name).at(3)
        first, second, _ = built.apply_clips([still], built.sample(draws(), (96, 96)))[0]
        assert not np.array_equal(first, second)
    for name in ("print_scan", "occlude"):
        built = kind(name).at(3)
        first, second, _ = built.apply_clips([still], built.sample(draws(), (96, 96)))[0]
        assert np.array_equal(first, second)
