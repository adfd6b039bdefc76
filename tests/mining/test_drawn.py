from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from datagen.degradations import DEGRADATIONS
from datagen.methods import METHODS, Context
from datagen.mining.drawn import Span, severity_span, spans_of
from tests.support.faces_made import made_face

DRAWS = 300
CLASSICAL = [name for name in METHODS if not METHODS.load(name).learned]
KINDS = [name for name in DEGRADATIONS if name != "any"]  # it has no options but a transform


def values(spans: list[Span], params: Sequence[Mapping[str, Any]]) -> dict[str, np.ndarray]:
    drawn = {span.name: [span.drawn(one) for one in params] for span in spans}
    return {
        name: np.array([value for value in found if value is not None])
        for name, found in drawn.items()
    }


def check(spans: list[Span], params: Sequence[Mapping[str, Any]]) -> None:
    """What is drawn from a range lies in it and fills it."""
    found = values(spans, params)
    for span in spans:
        own = found[span.name]
        assert len(own) > DRAWS / 10, span.name
        assert own.min() >= span.low - 1e-6, span.name
        assert own.max() <= span.high + 1e-6, span.name
        assert own.max() - own.min() > 0.6 * (span.high - span.low), span.name


@pytest.mark.parametrize("name", KINDS)
def test_what_a_degradation_draws_is_found_in_its_range(name: str) -> None:
    made = DEGRADATIONS.load(name).build({})
    rng = np.random.default_rng(2)
    params = [made.sample(rng, (512, 512)).model_dump(mode="json") for _ in range(DRAWS)]
    check(spans_of(name, made.params, made.config).spans, params)


@pytest.mark.parametrize("name", CLASSICAL)
def test_what_a_method_draws_is_found_in_its_range(name: str) -> None:
    made = METHODS.load(name).build({})
    if made.needs_mesh:
        assert not spans_of(name, made.params, made.config).spans
        return
    ctx = Context(made_face(0), made_face(1) if made.needs_donor else None)
    rng = np.random.default_rng(3)
    params = [made.sample(rng, ctx).model_dump(mode="json") for _ in range(DRAWS)]
    check(spans_of(name, made.params, made.config).spans, params)


def test_options_are_sorted_by_what_can_lean() -> None:
    made = METHODS.load("self_blend").build({"erode": 0.02})
    options = spans_of("self_blend", made.params, made.config)
    names = [span.name for span in options.spans]
    assert names[:3] == ["shift_x", "shift_y", "scale"]
    assert {"hue", "sharpen", "reduce", "bend", "blur"} < set(names)
    assert "erode" not in names  # one number cannot be narrower
    assert options.untold == ["rgb"]
    assert options.others == ["parts", "sides", "ratios", "details"]
    swap = METHODS.load("landmark_swap").build({})
    assert spans_of("landmark_swap", swap.params, swap.config) == ([], [], ["blend"])


def test_ends_that_two_options_set_or_one() -> None:
    morph = METHODS.load("morph").build({"least": 0.2})
    (span,) = spans_of("morph", morph.params, morph.config).spans
    assert (span.name, span.low, span.high) == ("factor", 0.2, 0.5)
    assert span.keys(0.3, 0.5) == {"least": 0.3, "most": 0.5}
    cross = METHODS.load("cross_blend").build({"color": 1.0})
    bend, blur = spans_of("cross_blend", cross.params, cross.config).spans
    assert bend.keys(0.01, 0.03) == {"bend": 0.03}
    assert (blur.low, blur.high_key) == (0.01, "blur")


def test_severity_is_a_range_of_whole_numbers() -> None:
    span = severity_span(1, 5)
    assert span.whole
    assert span.drawn({"severity": 3}) == 3
    assert span.keys(3, 5) == {"severity": [3, 5]}


def test_things_that_were_not_drawn_have_no_value() -> None:
    blur = DEGRADATIONS.load("blur").build({"kind": ["gaussian"], "kernel": 5})
    params = blur.sample(np.random.default_rng(0), (64, 64)).model_dump(mode="json")
    spans = spans_of("blur", blur.params, blur.config).spans
    assert [span.drawn(params) for span in spans] == [None]
    blocks = DEGRADATIONS.load("occlude").build({"per_256": 3})
    params = blocks.sample(np.random.default_rng(0), (512, 512)).model_dump(mode="json")
    spans = spans_of("occlude", blocks.params, blocks.config).spans
    assert {span.name: span.drawn(params) for span in spans} == {"count": None, "size": None}
