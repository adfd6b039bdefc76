from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import pytest

from datagen.core.arrays import Image
from datagen.core.schema import Frozen
from datagen.degradations import DEGRADATIONS
from datagen.degradations.apply import Step, apply_steps
from datagen.degradations.apply_clips import apply_steps_to_clips, check_same_clips
from datagen.degradations.base import Params
from datagen.errors import ContractError
from tests.contract.test_every_degradation import draws
from tests.degradations.test_apply import Amount, Darken, Slide, step
from tests.support.faces_made import made_face
from tests.support.videos import moving


@pytest.fixture
def clips() -> list[list[Image]]:
    return [moving(6, 64, 80, seed=seed) for seed in (0, 1)]


class Seeded(Frozen):
    value: int = 0
    seed: int = 7


class Grainy(Darken):
    """Write the seed into the first pixel."""

    name: ClassVar[str] = "grainy"
    options = Seeded  # type: ignore[assignment]
    params = Seeded  # type: ignore[assignment]
    grain = ("seed",)

    def apply(self, image: Image, params: Seeded) -> Image:  # type: ignore[override]
        out = image.copy()
        out[0, 0] = params.seed % 251
        return out


class Backward(Darken):
    """Show a clip from its end."""

    name: ClassVar[str] = "backward"

    def apply_clips(self, clips: Sequence[Sequence[Image]], params: Params) -> list[list[Image]]:
        return [list(clip[::-1]) for clip in clips]

    def shown(self, params: Params, count: int) -> list[int]:
        return list(range(count))[::-1]


def test_a_clip_of_one_frame_is_degraded_as_an_image() -> None:
    image = np.clip(made_face(3, 128).image, 40, 255)
    steps = [step(Slide, 7), step(Darken, 5), step(Slide, 3)]
    still, clip = apply_steps([image], steps), apply_steps_to_clips([[image]], steps)
    assert np.array_equal(clip.clips[0][0], still.images[0])
    assert (clip.operations, clip.psnr) == (still.operations, still.psnr)
    assert np.array_equal(clip.matrix, still.matrix)  # type: ignore[arg-type]
    assert clip.shown is None


def test_every_operation_says_what_it_did_to_the_clip(clips: list[list[Image]]) -> None:
    done = apply_steps_to_clips(clips, [step(Darken, 5), step(Darken, 0), step(Slide, 4)])
    first, second, third = done.operations[1]
    assert (first["use"], first["changed"]) == ("darken", True)
    assert first["psnr"] == done.psnr[1] == pytest.approx(20 * np.log10(255 / 5), abs=0.01)
    assert (second["changed"], second["psnr"]) == (False, None)
    assert third["changed"]
    assert done.matrix is not None
    assert done.matrix[0, 2] == 4


def test_the_psnr_of_a_clip_is_that_of_all_its_frames(clips: list[list[Image]]) -> None:
    class Once(Darken):
        def apply_clips(
            self, clips: Sequence[Sequence[Image]], params: Params
        ) -> list[list[Image]]:
            return [[*clip[:-1], clip[-1] - np.uint8(12)] for clip in clips]

    value = apply_steps_to_clips(clips, [step(Once, 0)]).psnr[0]
    assert value == pytest.approx(10 * np.log10(255**2 / (144 / 6)), abs=0.01)


def test_no_steps_give_the_same_frames(clips: list[list[Image]]) -> None:
    done = apply_steps_to_clips(clips, [])
    assert done.clips[0][3] is clips[0][3]
    assert (done.psnr, done.operations, done.matrix) == ([None, None], [[], []], None)


def test_grain_is_anew_in_each_frame_and_the_same_in_each_clip(clips: list[list[Image]]) -> None:
    built = Grainy.build({})
    done = apply_steps_to_clips(clips, [Step(built, built.config)])
    seen = [[int(frame[0, 0, 0]) for frame in clip] for clip in done.clips]
    assert seen[0] == seen[1]
    assert seen[0][0] == 7
    assert len(set(seen[0])) > 3
    assert done.operations[0][0]["params"] == {"value": 0, "seed": 7}


def test_frames_that_only_changed_places_have_no_psnr(clips: list[list[Image]]) -> None:
    done = apply_steps_to_clips(clips, [step(Backward, 0), step(Darken, 5)])
    assert done.shown == [5, 4, 3, 2, 1, 0]
    assert done.operations[0][0]["changed"]
    assert done.operations[0][0]["psnr"] is None
    assert done.psnr[0] == pytest.approx(20 * np.log10(255 / 5), abs=0.01)
    twice = apply_steps_to_clips(clips, [step(Backward, 0), step(Backward, 0)])
    assert twice.shown == [0, 1, 2, 3, 4, 5]
    assert all(map(np.array_equal, twice.clips[0], clips[0]))


def test_orders_of_frames_are_joined(clips: list[list[Image]]) -> None:
    steps = []
    for name in ("frame_rate", "frame_drops"):
        built = DEGRADATIONS.load(name).at(5)
        steps.append(Step(built, built.sample(draws(4), (64, 80))))
    done = apply_steps_to_clips(clips, steps)
    assert done.shown is not None
    assert done.shown != list(range(6))
    for clip, out in zip(clips, done.clips, strict=True):
        assert all(out[place] is clip[number] for place, number in enumerate(done.shown))


def wrong(answer: object) -> type[Darken]:
    class Wrong(Darken):
        def apply_clips(
            self, clips: Sequence[Sequence[Image]], params: Params
        ) -> list[list[Image]]:
            return answer(clips)  # type: ignore[operator, no-any-return]

    return Wrong


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (lambda clips: clips[:1], r"returned clips of \[6\] frames, expected 2 of 6"),
        (lambda clips: [clip[1:] for clip in clips], r"returned clips of \[5, 5\] frames"),
        (lambda clips: [[f[::2] for f in clip] for clip in clips], "expected .* uint8"),
        (lambda clips: [[None for _ in clip] for clip in clips], "returned NoneType"),
    ],
)
def test_what_comes_back_is_checked(answer: object, text: str, clips: list[list[Image]]) -> None:
    with pytest.raises(ContractError, match=text):
        apply_steps_to_clips(clips, [step(wrong(answer), 0)])


def test_a_kind_that_writes_to_its_input_is_refused(clips: list[list[Image]]) -> None:
    class InPlace(Darken):
        def apply(self, image: Image, params: Amount) -> Image:
            image -= 1
            return image

    before = [frame.copy() for frame in clips[0]]
    with pytest.raises(ContractError, match="'darken' writes to its input"):
        apply_steps_to_clips(clips, [step(InPlace, 1)])
    assert all(map(np.array_equal, clips[0], before))


def test_shown_frames_must_exist(clips: list[list[Image]]) -> None:
    class Beyond(Backward):
        def shown(self, params: Params, count: int) -> list[int]:
            return [*range(1, count), count]

    with pytest.raises(ContractError, match=r"'shown' returned .* expected 6 numbers from 0 to 5"):
        apply_steps_to_clips(clips, [step(Beyond, 0)])


def test_two_results_are_compared(clips: list[list[Image]]) -> None:
    first = apply_steps_to_clips(clips, [step(Darken, 5)])
    check_same_clips("darken", apply_steps_to_clips(clips, [step(Darken, 5)]), first)
    with pytest.raises(ContractError, match="'darken' gave two results"):
        check_same_clips("darken", apply_steps_to_clips(clips, [step(Darken, 6)]), first)
