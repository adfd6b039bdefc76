"""Batches of a shard, with a network whose answers tell what went in together."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pytest

from datagen.core.schema import Frozen
from datagen.errors import ItemError
from datagen.generation.batches import ATTEMPTS, Ahead, Begun, Fake, Steps
from datagen.methods import Context, Result
from datagen.methods.batched import BatchedMethod
from datagen.networks.options import NetworkOptions
from datagen.planning import Item
from tests.support.faces_made import made_face


class NoParams(Frozen):
    attempt: int


class Echo(BatchedMethod):
    """Answers with the number of the face; keeps which faces came together."""

    name = "echo"
    family = "face_swap"
    options = NetworkOptions
    params = NoParams
    min_change: ClassVar[float] = 1.0

    def __init__(self, config: NetworkOptions) -> None:
        super().__init__(config)
        self.calls: list[list[int]] = []
        self.threads: set[int] = set()
        self.opened = 0

    def sample(self, rng: np.random.Generator, ctx: Context) -> NoParams:
        raise NotImplementedError

    def open(self) -> None:
        self.opened += 1

    def prepare(self, ctx: Context, params: Any) -> int:
        number = int(ctx.target.age or 0)
        if number == 3:
            raise ItemError("method_failed", "three")
        return number

    def run(self, prepared: Sequence[int]) -> list[Any]:
        self.calls.append(list(prepared))
        self.threads.add(threading.get_ident())
        return [ItemError("network_failed") if n == 5 else n for n in prepared]

    def finish(self, ctx: Context, params: Any, prepared: int, output: Any) -> Result:
        if isinstance(output, ItemError):
            raise output
        mask = np.full(ctx.target.image.shape[:2], 255, np.uint8)
        return Result(np.full_like(ctx.target.image, output), mask, ctx.target.landmarks)


def item(number: int) -> Item:
    name = f"t-train-{number:08d}"
    return Item("train", number, number, name, name, 0, number, None, control=False)


def begin(one: Item) -> Begun:
    if one.number == 8:
        raise ItemError("no_donor")
    face = made_face(0, 64)
    seen = type(face)(face.image, face.landmarks, age=float(one.number))
    return Begun(one, face, np.eye(2, 3), Context(seen))


def draw(begun: Begun, attempt: int) -> NoParams:
    return NoParams(attempt=attempt)


def judge(begun: Begun, attempt: int, params: Any, result: Result) -> Fake | None:
    wanted = {6: 2, 7: ATTEMPTS}.get(begun.item.number, 0)
    if attempt >= wanted:
        return Fake(attempt, params, result, 1.0)
    if attempt + 1 == ATTEMPTS:
        raise ItemError("change_too_small")
    return None


def repeat(begun: Begun, again: Result, result: Result) -> None:
    assert np.array_equal(again.image, result.image)


STEPS = Steps(begin, draw, judge, repeat)


def echo(batch: int) -> Echo:
    return Echo(NetworkOptions(batch=batch))


@pytest.mark.parametrize("batch", [1, 2, 4, 32])
def test_every_item_gets_its_own_fake_or_its_own_error(batch: int) -> None:
    items = [item(number) for number in range(10)]
    ahead = Ahead(echo(batch), items, STEPS, prove=False)
    made, codes = {}, {}
    for one in items:
        try:
            begun, fake = ahead.take(one)
            assert begun.item == one
            made[one.number] = int(fake.result.image[0, 0, 0]), fake.attempt
        except ItemError as error:
            codes[one.number] = error.code
    assert made == {0: (0, 0), 1: (1, 0), 2: (2, 0), 4: (4, 0), 6: (6, 2), 9: (9, 0)}
    wanted = {3: "method_failed", 5: "network_failed", 7: "change_too_small", 8: "no_donor"}
    assert codes == wanted


def test_batches_are_formed_from_numbers_and_redraws_go_together() -> None:
    method = echo(4)
    items = [item(number) for number in range(10)]
    ahead = Ahead(method, items, STEPS, prove=False)
    assert method.opened == 1
    assert method.calls == []
    ahead.take(items[0])
    assert method.calls == [[0, 1, 2]]
    ahead.take(items[4])
    again = [[6, 7], [6, 7], *[[7]] * (ATTEMPTS - 3)]
    assert method.calls[1:] == [[4, 5, 6, 7], *again]
    ahead.take(items[9])
    assert method.calls[-1] == [9]


def test_the_next_crops_are_taken_while_the_network_runs() -> None:
    begun: list[int] = []
    running, crops_taken = threading.Event(), threading.Event()

    class Slow(Echo):
        def run(self, prepared: Sequence[int]) -> list[Any]:
            running.set()
            assert crops_taken.wait(20)
            return super().run(prepared)

    def watched(one: Item) -> Begun:
        begun.append(one.number)
        if one.number == 1:
            assert running.wait(20)
            crops_taken.set()
        return begin(one)

    items = [item(number) for number in range(3)]
    ahead = Ahead(Slow(NetworkOptions(batch=1)), items, Steps(watched, draw, judge, repeat), False)
    ahead.take(items[0])
    assert begun == [0, 1]  # and not the third yet: memory is bounded


def test_an_unknown_method_is_proved_once() -> None:
    method = echo(2)
    items = [item(number) for number in range(4, 8)]
    ahead = Ahead(method, items, STEPS, prove=True)
    ahead.take(items[0])
    assert method.calls == [[4, 5], [4, 5]]

    class Draws(Echo):
        def run(self, prepared: Sequence[int]) -> list[Any]:
            self.calls.append(list(prepared))
            return [n + len(self.calls) for n in prepared]

    drawing = Ahead(Draws(NetworkOptions(batch=2)), [item(0), item(1)], STEPS, prove=True)
    with pytest.raises(AssertionError):
        drawing.take(item(0))


def test_a_bug_names_its_pair() -> None:
    class Broken(Echo):
        def finish(self, ctx: Context, params: Any, prepared: int, output: Any) -> Result:
            raise ZeroDivisionError

    ahead = Ahead(Broken(NetworkOptions(batch=2)), [item(0), item(1)], STEPS, prove=False)
    with pytest.raises(ZeroDivisionError) as caught:
        ahead.take(item(1))
    assert caught.value.__notes__ == ["pair t-train-00000000, method 'echo'"]
