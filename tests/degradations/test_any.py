from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from datagen.core.arrays import Image
from datagen.degradations.any import AnyParams, AnyTransform
from datagen.degradations.ops.albumentations_lazy import albumentations, checked, functional
from datagen.errors import RecipeError
from tests.support.faces_made import made_face


@pytest.fixture(scope="module")
def image() -> Image:
    return made_face(2, 96).image


def built(transform: dict[str, Any]) -> AnyTransform:
    return AnyTransform.build({"transform": transform})


def draws(seed: int = 1) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(seed))


def test_it_does_what_albumentations_does(image: Image) -> None:
    kind = built({"name": "Posterize", "num_bits": 3})
    want = albumentations().Posterize(num_bits=3, p=1)(image=image)["image"]
    assert np.array_equal(kind.apply(image, kind.sample(draws(), (96, 96))), want)


def test_both_serialized_forms_are_taken(image: Image) -> None:
    library = albumentations()
    inner = [library.GaussNoise(p=1), library.OneOf([library.Blur(p=1), library.CLAHE(p=1)], p=1)]
    long = built(library.to_dict(library.Sequential(inner, p=1)))
    short = built(
        {
            "name": "Sequential",
            "transforms": [
                {"name": "GaussNoise"},
                {"name": "OneOf", "transforms": [{"name": "Blur"}, {"name": "CLAHE"}]},
            ],
        }
    )
    params, same = (kind.sample(draws(), (96, 96)) for kind in (long, short))
    assert params.seed == same.seed
    assert np.array_equal(long.apply(image, params), short.apply(image, same))
    built(library.to_dict(library.Compose(inner)))


def test_params_alone_remake_the_image(image: Image) -> None:
    kind = built({"name": "GaussNoise"})
    params = kind.sample(draws(), (96, 96))
    other = built({"name": "CLAHE"})
    assert np.array_equal(kind.apply(image, params), other.apply(image, params))


def test_seeds_differ_and_repeat(image: Image) -> None:
    kind = built({"name": "ISONoise"})
    first, second = (AnyParams(transform=kind.config.transform, seed=seed) for seed in (3, 4))
    once = kind.apply(image, first)
    assert not np.array_equal(once, kind.apply(image, second))
    assert np.array_equal(once, kind.apply(image, first))


def test_parts_of_a_composition_draw_from_one_stream(image: Image) -> None:
    noises = [{"name": "GaussNoise"}, {"name": "GaussNoise"}]
    kind = built({"name": "Sequential", "transforms": noises})
    flat = np.full_like(image, 128)
    params = kind.sample(draws(), (96, 96))
    once = built(noises[0]).apply(
        flat, AnyParams(transform={"name": "GaussNoise"}, seed=params.seed)
    )
    twice = kind.apply(flat, params).astype(int)
    first, both = (once.astype(int) - 128).ravel(), (twice - 128).ravel()
    assert abs(np.corrcoef(first, both - first)[0, 1]) < 0.5


def test_p_is_one_unless_given(image: Image) -> None:
    kind = built({"name": "InvertImg"})
    assert np.array_equal(kind.apply(image, kind.sample(draws(), (96, 96))), 255 - image)
    half = built({"name": "InvertImg", "p": 0.5})
    rng = draws()
    outs = {half.apply(image, half.sample(rng, (96, 96))).tobytes() for _ in range(20)}
    assert outs == {image.tobytes(), (255 - image).tobytes()}


def test_a_transform_that_keeps_others_is_no_composition(image: Image) -> None:
    kind = built({"name": "ColorJitter"})
    assert kind.apply(image, kind.sample(draws(), (96, 96))).shape == image.shape


@pytest.mark.parametrize(
    ("transform", "words"),
    [
        ({}, "under 'name'"),
        ({"name": "CLAH"}, "Did you mean 'CLAHE'"),
        ({"name": "CLAHE", "clip_limt": 3}, "arguments of CLAHE: Argument.*clip_limt"),
        ({"name": "CLAHE", "clip_limit": "much"}, "arguments of CLAHE: .*clip_limit"),
        ({"name": "CLAHE", "p": 1.5}, "must be a number from 0 to 1"),
        ({"name": "CLAHE", "clip_limit": {1, 2}}, "that JSON can represent"),
        ({"name": "Rotate"}, "masks and landmarks would no longer match"),
        ({"name": "CoarseDropout"}, "masks and landmarks would no longer match"),
        ({"name": "Lambda"}, "masks and landmarks would no longer match"),
        ({"name": "OneOf", "transforms": [{"name": "Affine"}]}, "landmarks would no longer match"),
        ({"name": "OneOf", "transforms": [{"name": "Blur", "x": 1}]}, "arguments of Blur"),
        ({"name": "OneOf", "transforms": []}, "must be a list"),
        ({"name": "OneOf", "transforms": ["Blur"]}, "must be a mapping"),
        ({"name": "SomeOf", "k": 1, "transforms": [{"name": "Blur"}]}, "arguments of SomeOf"),
        ({"name": "Compose", "seed": 1, "transforms": [{"name": "Blur"}]}, "found seed"),
        ({"name": "ToFloat"}, "does not return an 8-bit image"),
        ({"name": "FDA"}, "failed on an image"),
    ],
)
def test_what_cannot_be_done_is_refused(transform: dict[str, Any], words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        built(transform)


def test_the_version_is_told() -> None:
    kind = built({"name": "Blur"})
    assert kind.encoder(kind.sample(draws(), (9, 9))).startswith("albumentations 2.")


def test_functional_modules_and_checked_arguments() -> None:
    assert functional("pixel").__name__ == "albumentations.augmentations.pixel.functional"
    assert checked(albumentations().Blur, {"p": 0.25}).p == 0.25
    with pytest.raises(ValueError, match=r"arguments of Blur: .*sigma"):
        checked(albumentations().Blur, {"sigma": 3})


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        (
            {"name": "OneOf", "transforms": [{"name": "CLAHE", "p": 0}]},
            "transforms of OneOf: must have at least one with p above 0",
        ),
        ({"name": "OneOf", "transforms": [{"name": "CLAHE"}], "p": 2}, "p of OneOf"),
        ({"name": "CLAHE", "p": "often"}, "p of CLAHE"),
    ],
)
def test_a_chance_that_is_none_is_refused(transform: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        AnyTransform.build({"transform": transform})
