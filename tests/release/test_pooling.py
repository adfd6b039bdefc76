from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit

from datagen.errors import UserError
from datagen.release.pooling import Pooling, asked_pooling, parse_pooling, pool


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mean", Pooling("mean")),
        (" max ", Pooling("max")),
        ("top:0.1", Pooling("top", 0.1)),
        ("top:.25", Pooling("top", 0.25)),
        ("top:1", Pooling("top", 1.0)),
    ],
)
def test_rules_by_name(text: str, expected: Pooling) -> None:
    assert parse_pooling(text) == expected
    assert parse_pooling(str(expected)) == expected


@pytest.mark.parametrize("text", ["", "median", "top", "top:", "top:0", "top:1.5", "top:10%", "-1"])
def test_other_names_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected mean, max, or top:0\.1"):
        parse_pooling(text)
    with pytest.raises(UserError, match="--pooling: expected mean"):
        asked_pooling(text, "--pooling")
    assert asked_pooling(None, "--pooling") is None


def test_a_share_is_rounded_up_and_never_none() -> None:
    assert [Pooling("top", 0.1).count(frames) for frames in (1, 10, 11, 30, 32)] == [1, 1, 2, 3, 4]


def test_each_clip_alone_whatever_the_order() -> None:
    raw = np.asarray([0.1, 0.9, 0.2, 0.5, 0.3, 0.4])
    clip = np.asarray([1, 0, 1, 1, 0, 1])
    for order in (np.arange(6), np.asarray([5, 2, 0, 1, 4, 3])):
        some, whose = raw[order], clip[order]
        assert pool(some, whose, Pooling("mean"), False) == pytest.approx([0.6, 0.3])
        assert pool(some, whose, Pooling("max"), False).tolist() == [0.9, 0.5]
        assert pool(some, whose, Pooling("top", 0.5), False) == pytest.approx([0.9, 0.45])


def test_equal_scores_stay_what_they_are() -> None:
    for value in (0.1, 0.3, 1.0, 0.0):
        found = pool(np.full(7, value), np.zeros(7, np.int64), Pooling("mean"), False)
        assert found.tolist() == [value]


@pytest.mark.parametrize("rule", ["mean", "max", "top:0.4"])
def test_logits_are_pooled_as_probabilities(rule: str) -> None:
    raw = np.random.default_rng(0).normal(0, 2, 20)
    clip = np.arange(20) % 4
    pooling = parse_pooling(rule)
    found = pool(raw, clip, pooling, True)
    assert found == pytest.approx(logit(pool(expit(raw), clip, pooling, False)))


def test_logits_near_0_and_1_are_not_lost() -> None:
    raw = np.asarray([50.0, 60.0, -800.0, -900.0])
    found = pool(raw, np.asarray([0, 0, 1, 1]), Pooling("mean"), True)
    assert np.isfinite(found).all()
    assert found == pytest.approx([50 + np.log(2), -800 - np.log(2)], abs=1e-3)
