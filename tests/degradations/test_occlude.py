from __future__ import annotations

import cv2
import numpy as np
import pytest

from datagen.core.arrays import Image
from datagen.degradations.occlude import Occlude, OccludeParams
from datagen.errors import RecipeError

KINDS = ("blocks", "sticker", "text", "emoji")


def draws(seed: int = 1) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(seed))


def plain(shape: tuple[int, int] = (200, 160)) -> Image:
    return np.full((*shape, 3), (90, 110, 140), np.uint8)


def covered(out: Image, image: Image) -> float:
    return float((out != image).any(axis=2).mean())


@pytest.mark.parametrize("per_256", [16, 32, 48, 64, 80])
def test_block_counts_are_those_of_deeper_forensics(per_256: int) -> None:
    built = Occlude.build({"per_256": per_256})
    for shape, times in (((300, 400), 1), ((600, 520), 2), ((255, 900), 0)):
        params = built.sample(draws(), shape)
        assert params.count == times * per_256
        image = plain(shape)
        out = built.apply(image, params)
        changed = (out != image).any(axis=2)
        assert (out[changed] == 128).all()
        assert changed.sum() <= 64 * params.count
        assert changed.sum() > 50 * params.count or not params.count


def test_one_block_is_8_by_8() -> None:
    image = plain((300, 300))
    params = OccludeParams(kind="blocks", count=1, size=0.0, seed=5)
    changed = (Occlude.build({}).apply(image, params) != image).any(axis=2)
    rows, columns = np.nonzero(changed)
    assert [int(np.ptp(rows)), int(np.ptp(columns)), len(rows)] == [7, 7, 64]


def test_too_small_an_image_is_left_alone() -> None:
    built = Occlude.build({"per_256": 16})
    image = plain()
    assert built.apply(image, built.sample(draws(), (200, 160))) is image


@pytest.mark.parametrize("kind", KINDS)
def test_more_and_larger_things_cover_more(kind: str) -> None:
    built, image = Occlude.build({"kind": [kind]}), plain()

    def mean(count: int, size: float) -> float:
        return float(
            np.mean(
                [
                    covered(
                        built.apply(
                            image,
                            OccludeParams.model_validate(
                                {"kind": kind, "count": count, "size": size, "seed": seed}
                            ),
                        ),
                        image,
                    )
                    for seed in range(12)
                ]
            )
        )

    assert 0 < mean(1, 0.15) < mean(3, 0.15) < mean(3, 0.3)


@pytest.mark.parametrize("kind", KINDS)
def test_more_things_begin_with_the_same(kind: str) -> None:
    built, image = Occlude.build({}), plain()
    values = {"kind": kind, "size": 0.1, "seed": 3}
    one = built.apply(image, OccludeParams.model_validate({**values, "count": 1}))
    two = built.apply(image, OccludeParams.model_validate({**values, "count": 2}))
    first = (one != image).any(axis=2)
    assert (two != image).any(axis=2)[first].all()


@pytest.mark.parametrize("size", [(64, 64), (31, 400), (400, 64)])
def test_captions_stay_within_any_image(size: tuple[int, int]) -> None:
    built, image = Occlude.build({}), plain(size)
    for seed in range(6):
        params = OccludeParams(kind="text", count=1, size=1.0, seed=seed)
        out = built.apply(image, params)
        bright = (out == 255).all(axis=2)
        assert bright.any()
        assert not bright[:, [0, -1]].any()
        assert not bright[[0, -1]].any()


def test_the_library_that_draws_letters_is_told() -> None:
    built = Occlude.build({})
    text = OccludeParams(kind="text", count=1, size=0.1, seed=1)
    assert built.encoder(text) == f"opencv {cv2.__version__}"
    assert built.encoder(text.model_copy(update={"kind": "emoji"})) is None


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"kind": ["hat"]}, "kind"),
        ({"kind": []}, "must have at least one of blocks"),
        ({"count": [0, 3]}, "count: must be a range within 1 and 100"),
        ({"size": 1.5}, "size: must be a range within 0.02 and 1"),
        ({"per_256": 0}, "per_256: must be a range within 1 and 1000"),
        ({"per_256": 16, "count": 2}, "per_256: excludes 'kind', 'count' and 'size'"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, object], told: str) -> None:
    with pytest.raises(RecipeError, match=told):
        Occlude.build(options)
