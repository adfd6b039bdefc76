from __future__ import annotations

from dataclasses import replace

from datagen.core.rng import rng
from datagen.generation.resemblance import Resembles, resembles
from datagen.methods.base import Context
from datagen.methods.cross_blend import CrossBlend
from tests.support.assets import weights
from tests.support.faces_made import made_face


def test_a_fake_is_compared_with_target_and_donor() -> None:
    weights("mobileface.onnx")
    ctx = Context(made_face(0, 300), made_face(1, 300))
    method = CrossBlend.build({"identity": "strong"})
    result = method.apply(ctx, method.sample(rng("resemblance"), ctx))
    found = resembles("mobileface", ctx, result)
    assert found.target is not None
    assert found.donor is not None
    assert found.donor > found.target
    assert resembles("mobileface", replace(ctx, donor=None), result).donor is None
    assert resembles("mobileface", ctx, replace(result, placed=False)) == Resembles(None, None)
