from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest

from datagen.detectors.batched import ArrayDetector, Encoded
from datagen.detectors.config import DetectorConfig
from datagen.detectors.postprocess import BadAnswerError, read_answers
from datagen.errors import DetectorError
from tests.detectors.made import png


def config(**keys: Any) -> DetectorConfig:
    return DetectorConfig.model_validate(keys)


@pytest.mark.parametrize(
    ("keys", "raw", "score"),
    [
        ({}, [0.25], 0.25),
        ({"higher_is": "real"}, [0.25], 0.75),
        ({"logits": True}, [0.0], 0.5),
        ({"output": "sigmoid"}, [[800.0]], 1.0),
        ({"output": "softmax"}, [[0.0, math.log(3)]], 0.75),
        ({"output": "softmax", "index": 0}, [[0.0, math.log(3)]], 0.25),
        ({"index": 1}, [[0.9, 0.1]], 0.1),
        ({}, 0.25, 0.25),
        ({}, np.float16(0.25), 0.25),
        ({}, np.array(0.25), 0.25),
        ({}, np.array([1.001], np.float16), 1.0),
        ({"output": "softmax", "index": 2}, [[0.0, 0.0, math.log(2)]], 0.5),
    ],
)
def test_answers_become_the_probability_of_fake(
    keys: dict[str, Any], raw: object, score: float
) -> None:
    (answer,) = read_answers(raw, 1, config(**keys))
    assert answer.status == "ok"
    assert answer.score == pytest.approx(score)


@pytest.mark.parametrize(
    ("keys", "raw", "words"),
    [
        ({}, [math.nan], "NaN, expected a finite number"),
        ({"logits": True}, [math.inf], "inf, expected a finite number"),
    ],
)
def test_what_is_no_score_is_failed_and_says_why(
    keys: dict[str, Any], raw: object, words: str
) -> None:
    (answer,) = read_answers(raw, 1, config(**keys))
    assert (answer.score, answer.status) == (None, "failed")
    assert words in answer.detail


@pytest.mark.parametrize(
    ("keys", "raw", "words"),
    [
        ({}, [1.5], "set 'logits: true'"),
        ({}, [0.5, -0.01], "answered -0.01, which is not a probability"),
        ({}, [[0.1, 0.9]], "set 'output: softmax' or 'index'"),
        ({"output": "softmax"}, [0.5], "two or more"),
        ({"output": "softmax"}, [[1.0, 2.0, 3.0]], "answered 3 numbers per image: set 'index'"),
        ({}, [[0.1, 0.2, 0.7]], "answered 3 numbers per image: set 'index'"),
        ({"output": "softmax"}, [[0.1, 0.9], [0.5, 0.5]], "are probabilities already"),
        ({"index": 1}, np.zeros((2, 8, 8)).tolist(), "answered 8 x 8 numbers per image"),
        ({}, [97.5], "if it is a percentage, divide it by 100; if it is a logit"),
        ({"output": "softmax", "index": 2}, [[0.1, 0.9]], "index 2: the detector gives 2 numbers"),
    ],
)
def test_answers_on_another_scale_are_the_detectors_fault_not_the_images(
    keys: dict[str, Any], raw: list[Any], words: str
) -> None:
    """Of logits some lie between 0 and 1: taken one by one they would pass for probabilities."""
    with pytest.raises(DetectorError, match=re.escape(words)):
        read_answers(raw, len(raw), config(**keys))
    detector = ArrayDetector(lambda images: raw, config(**keys))
    with pytest.raises(DetectorError, match=re.escape(words)):
        detector.score(pictures(*range(len(raw))), 8)


def test_rounding_of_float32_is_no_other_scale() -> None:
    high, low = read_answers(np.array([1.0000001, -1e-8], np.float32), 2, config())
    assert (high.score, low.score) == (1.0, 0.0)


@pytest.mark.parametrize("raw", [[0.1], [0.1, 0.2, 0.3], 0.5, ["a", "b"], None, [0.5j, 0.5]])
def test_a_batch_answered_wrongly_is_nobodys(raw: object) -> None:
    with pytest.raises(BadAnswerError):
        read_answers(raw, 2, config())


def pictures(*values: int) -> list[Encoded]:
    return [Encoded(f"s{n}", png(value), "png") for n, value in enumerate(values)]


def test_one_bad_image_fails_alone_and_costs_few_calls() -> None:
    calls = []

    def infer(images: list[Any]) -> list[float]:
        calls.append(len(images))
        if any(image[0, 0, 0] == 99 for image in images):
            raise RuntimeError("cannot look at this\nsecond line")
        return [float(image.mean() / 255) for image in images]

    values = [*range(10, 20), 99, *range(20, 41)]
    answers = ArrayDetector(infer, config()).score(pictures(*values), 32)
    bad = [n for n, answer in enumerate(answers) if answer.status != "ok"]
    assert bad == [10]
    assert answers[10].detail == "RuntimeError: cannot look at this"
    assert [a.score for n, a in enumerate(answers) if n != 10] == pytest.approx(
        [v / 255 for v in values if v != 99]
    )
    assert len(calls) == 11


def test_a_detector_that_answers_too_few_is_asked_one_by_one() -> None:
    answers = ArrayDetector(lambda images: [0.5][: len(images)], config()).score(pictures(1, 2), 2)
    assert [answer.status for answer in answers] == ["ok", "ok"]
    answers = ArrayDetector(lambda images: [0.1, 0.2, 0.3], config()).score(pictures(1, 2), 2)
    assert [answer.detail for answer in answers] == [
        "3 answers for 1 image: is the axis of the batch lost?"
    ] * 2


def test_images_of_other_sizes_are_batched_apart_and_keep_their_order() -> None:
    seen: list[tuple[int, ...]] = []

    def infer(images: list[Any]) -> Any:
        batch = np.stack(images)
        seen.append(batch.shape)
        return batch.mean(axis=(1, 2, 3)) / 255

    mixed = [Encoded("a", png(10, 40), "png"), Encoded("b", png(20, 50), "png"), *pictures(30)]
    answers = ArrayDetector(infer, config()).score(mixed, 8)
    assert [answer.score for answer in answers] == pytest.approx([10 / 255, 20 / 255, 30 / 255])
    assert sorted(seen) == [(1, 50, 50, 3), (2, 40, 40, 3)]
    seen.clear()
    ArrayDetector(infer, config(size=[24, 32])).score(mixed, 8)
    assert seen == [(3, 24, 32, 3)]


def test_what_is_no_image_is_unreadable() -> None:
    broken = [
        Encoded("a", b"no image", "png"),
        Encoded("b", png(3)[:60], "png"),
        Encoded("c", None, "png", "media/x.tar is not there"),
    ]
    answers = ArrayDetector(lambda images: [0.5] * len(images), config()).score(broken, 8)
    assert [answer.status for answer in answers] == ["unreadable"] * 3
    assert answers[2].detail == "media/x.tar is not there"


def test_a_masked_answer_is_no_score() -> None:
    raw = np.ma.masked_array([0.9, 0.2, 0.7], mask=[True, False, False])
    answers = read_answers(raw, 3, config())
    assert [answer.score for answer in answers] == [None, 0.2, 0.7]
    assert answers[0].status == "failed"


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ([[{"label": "fake", "score": 0.9}]], "is a mapping"),
        ((one for one in [0.9]), "is a generator: return a list or an array"),
    ],
)
def test_answers_in_other_containers_are_named(raw: object, words: str) -> None:
    with pytest.raises(BadAnswerError, match=words):
        read_answers(raw, 1, config())


def test_a_function_that_must_be_awaited_is_named() -> None:
    async def answer() -> float:
        return 0.5

    with pytest.raises(BadAnswerError, match="is a coroutine: the detector must not be async"):
        read_answers(answer(), 1, config())
