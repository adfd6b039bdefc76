from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from datagen.sources import procedural
from datagen.sources.procedural import figure, light, portrait

from . import golden


@pytest.fixture(scope="module")
def sample() -> procedural.Portrait:
    return procedural.render(5, 3, 1, size=256)


def test_same_numbers_same_bytes(sample: procedural.Portrait) -> None:
    again = procedural.render(5, 3, 1, size=256)
    for field in dataclasses.fields(sample):
        first, second = getattr(sample, field.name), getattr(again, field.name)
        assert np.array_equal(first, second), field.name


def test_shapes_and_types(sample: procedural.Portrait) -> None:
    expected = {
        "image": ((256, 256, 3), np.uint8),
        "landmarks": ((68, 2), np.float32),
        "mesh": ((478, 3), np.float32),
        "box": ((4,), np.float32),
        "face_mask": ((256, 256), np.uint8),
        "hair_mask": ((256, 256), np.uint8),
    }
    for name, (shape, kind) in expected.items():
        value = getattr(sample, name)
        assert value.shape == shape
        assert value.dtype == kind
    assert isinstance(sample.age, int)
    assert sample.sex in {"female", "male"}
    assert all(isinstance(v, float) for v in sample.identity.values())
    assert all(isinstance(v, float) for v in sample.expression.values())
    assert all(isinstance(v, float) for v in sample.light.values())


def test_truth_equals_that_of_the_image(sample: procedural.Portrait) -> None:
    known = procedural.truth(5, 3, 1, size=256)
    for field in dataclasses.fields(known):
        assert np.array_equal(getattr(known, field.name), getattr(sample, field.name)), field.name


@pytest.mark.parametrize(("person", "image_number"), [(4, 1), (3, 2)])
def test_other_numbers_other_image(
    sample: procedural.Portrait, person: int, image_number: int
) -> None:
    other = procedural.render(5, person, image_number, size=256)
    difference = np.abs(other.image.astype(int) - sample.image.astype(int)).mean()
    assert difference > 5.0


def test_image_does_not_depend_on_what_was_made_before(sample: procedural.Portrait) -> None:
    procedural.render(6, 9, 9, size=128)
    assert np.array_equal(procedural.render(5, 3, 1, size=256).image, sample.image)


def test_masks_lie_where_the_truth_says(sample: procedural.Portrait) -> None:
    rows, columns = np.nonzero(sample.face_mask > 127)
    x0, y0, x1, y1 = sample.box
    assert x0 - 4 < columns.min()
    assert columns.max() < x1 + 4
    assert y0 - 4 < rows.min()
    assert rows.max() < y1 + 4
    nose = sample.landmarks[30].astype(int)
    assert sample.face_mask[nose[1], nose[0]] > 200
    assert sample.hair_mask[nose[1], nose[0]] < 50


def test_size_scales_the_truth() -> None:
    small, large = procedural.truth(5, 3, 1, size=256), procedural.truth(5, 3, 1, size=512)
    assert np.abs(small.mesh * 2.0 - large.mesh).max() < 0.1


def test_every_identity_parameter_changes_the_image() -> None:
    size = 256
    numbers = [(5, person, 0) for person in range(24)]
    figures = [figure.draw(*n, size) for n in numbers]
    # Each parameter shows in one of them: the lightest hair, some hair, none, and a beard.
    chosen = [
        min(range(24), key=lambda i: figures[i].identity.values["hair_black"]),
        next(i for i, f in enumerate(figures) if f.identity.hair in {"short", "swept"}),
        next(i for i, f in enumerate(figures) if f.identity.hair in {"bald", "cropped"}),
        next(i for i, f in enumerate(figures) if f.identity.beard != "none"),
    ]
    lamps = [light.draw_values(*n) for n in numbers]
    before = {
        i: portrait.draw_image(figures[i], lamps[i], numbers[i]).image.astype(int) for i in chosen
    }
    unseen = []
    for name in figures[0].identity.values:
        for i in chosen:
            values = dict(figures[i].identity.values)
            values[name] += -0.4 if 0.5 < values[name] <= 1.3 else 0.4
            changed = dataclasses.replace(figures[i].identity, values=values)
            posed = figure.pose(changed, figures[i].expression, figures[i].camera)
            image = portrait.draw_image(posed, lamps[i], numbers[i]).image
            if np.abs(image.astype(int) - before[i]).max() > 3:
                break
        else:
            unseen.append(name)
    assert unseen == []


def test_golden_images() -> None:
    with np.load(golden.PATH, allow_pickle=False) as kept:
        assert int(kept["version"]) == procedural.VERSION
        for index, numbers in enumerate(golden.NUMBERS):
            made = procedural.render(*numbers, size=golden.SIZE)
            assert np.abs(made.mesh - kept["meshes"][index]).max() < 0.05
            error = (made.image.astype(float) - kept["images"][index].astype(float)) ** 2
            psnr = 10.0 * np.log10(255.0**2 / max(error.mean(), 1e-9))
            assert psnr > 42.0
