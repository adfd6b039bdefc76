from __future__ import annotations

import numpy as np
import pytest

from datagen.degradations.frame_rate import FrameRate, FrameRateParams
from datagen.errors import RecipeError
from tests.support.videos import moving


def shown(factor: float, phase: float, count: int = 12) -> list[int]:
    return FrameRate.build({}).shown(FrameRateParams(factor=factor, phase=phase), count)


def test_half_the_rate_shows_every_second_frame_twice() -> None:
    assert shown(2, 0) == [0, 0, 2, 2, 4, 4, 6, 6, 8, 8, 10, 10]
    assert shown(2, 0.5) == [0, 1, 1, 3, 3, 5, 5, 7, 7, 9, 9, 11]


def test_the_same_rate_shows_every_frame() -> None:
    assert shown(1, 0) == shown(1, 0.7) == list(range(12))


def test_a_rate_between_repeats_now_and_then() -> None:
    assert shown(1.25, 0) == [0, 0, 2, 3, 4, 5, 5, 7, 8, 9, 10, 10]


@pytest.mark.parametrize("factor", [1.2, 1.5, 2.5, 3.7, 8])
def test_as_many_frames_are_left_as_the_rate_says(factor: float) -> None:
    for phase in (0.0, 0.3, 0.99):
        assert len(set(shown(factor, phase, 400))) == pytest.approx(400 / factor, abs=2)


def test_frames_are_not_mixed() -> None:
    built = FrameRate.build({"factor": 2.5})
    clip = moving(12)
    params = built.sample(np.random.Generator(np.random.Philox(2)), (48, 64))
    out = built.apply_clips([clip], params)[0]
    assert all(out[n] is clip[number] for n, number in enumerate(built.shown(params, 12)))
    assert built.apply(clip[0], params) is clip[0]


def test_wrong_values_are_refused() -> None:
    with pytest.raises(RecipeError, match="factor: must be a range within 1 and 8"):
        FrameRate.build({"factor": 0.5})
    assert FrameRate.clips_only
