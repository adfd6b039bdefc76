"""Batches of a shard, with a network whose answers tell what went in together."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, ClassVar, cast

import numpy as np
import pytest

from datagen.core.schema import Frozen
from datagen.errors import ContractError, ItemError
from datagen.faces.index import Face
from datagen.generation.pair import MAX_ATTEMPTS, Draft, PairStarter
from datagen.generation.producers import BatchedProducer, SingleProducer, producers_for
from datagen.methods import Context, Method, Result
from datagen.methods.batched import BatchedMethod
from datagen.networks.options import NetworkOptions
from datagen.planning import Item
from tests.support.faces_made import made_face

ENOUGH = 10
"""Every fake of these methods changes less than this, until its draw is the accepted one."""


class Draw(Frozen):
    attempt: int


class Echo(BatchedMethod):
    """Answers with a number for each face; keeps which faces came together."""

    name = "echo"
    family = "face_swap"
    options = NetworkOptions
    params = Draw
    min_change: ClassVar[float] = ENOUGH
    accepted: ClassVar[dict[int, int]] = {6: 2, 7: MAX_ATTEMPTS}

    def __init__(self, config: NetworkOptions) -> None:
        super().__init__(config)
        self.calls: list[list[int]] = []
        self.opened = 0
        self.draws: dict[int, int] = {}

    def open(self) -> None:
        self.opened += 1

    def sample(self, rng: np.random.Generator, ctx: Context) -> Draw:
        number = int(ctx.target.age or 0)
        self.draws[number] = self.draws.get(number, -1) + 1
        return Draw(attempt=self.draws[number])

    def prepare(self, ctx: Context, params: Any) -> int:
        number = int(ctx.target.age or 0)
        if number == 3:
            raise ItemError("method_failed", "three")
        return number

    def run(self, prepared: Sequence[int]) -> list[Any]:
        self.calls.append(list(prepared))
        return [ItemError("network_failed") if n == 5 else n for n in prepared]

    def finish(self, ctx: Context, params: Any, prepared: int, output: Any) -> Result:
        if isinstance(output, ItemError):
            raise output
        enough = params.attempt >= self.accepted.get(prepared, 0)
        mask = np.full(ctx.target.image.shape[:2], 255, np.uint8)
        image = ctx.target.image.copy()
        if enough:
            image[...] = 100 + output
        return Result(image, mask, ctx.target.landmarks)

    def control(self, ctx: Context, params: Any) -> Any:
        return ctx.target.image


class Starter:
    """Stands for ``PairStarter``: the face of item n is black and of age n."""

    def __init__(self, method: Method) -> None:
        self.method = method
        self.started: list[int] = []

    def start(self, item: Item) -> Draft:
        self.started.append(item.number)
        if item.number == 8:
            raise ItemError("no_donor")
        face = made_face(0, 64)
        image = np.zeros_like(face.image)
        image.flags.writeable = False
        crop = type(face)(image, face.landmarks, age=float(item.number))
        target = cast(Face, None)
        args = (item, self.method, target, None, np.eye(2, 3), Context(crop))
        return Draft(*args, seed=1, min_change=ENOUGH)


def item(number: int, control: bool = False) -> Item:
    name = f"t-train-{number:08d}"
    return Item("train", number, number, name, name, 0, number, None, control=control)


def echo(batch: int, kind: type[Echo] = Echo) -> Echo:
    return kind(NetworkOptions(batch=batch))


def batched(method: Echo, items: Sequence[Item], proven: bool = True) -> BatchedProducer:
    starter = cast(PairStarter, Starter(method))
    return BatchedProducer(starter, method, items, {method.name} if proven else set())


@pytest.mark.parametrize("batch", [0, 1, 2, 4, 32])
def test_every_item_gets_its_own_fake_or_its_own_error(batch: int) -> None:
    """In batches of any size, and one at a time (0)."""
    items = [item(number) for number in range(10)]
    method = echo(batch or 1)
    starter = cast(PairStarter, Starter(method))
    producer = batched(method, items) if batch else SingleProducer(starter, {"echo"})
    made, codes = {}, {}
    for one in items:
        try:
            pair = producer.pair_for(one)
            assert pair.item == one
            made[one.number] = int(pair.images["fake"][0, 0, 0]) - 100, pair.attempt
        except ItemError as error:
            codes[one.number] = error.code
    assert made == {0: (0, 0), 1: (1, 0), 2: (2, 0), 4: (4, 0), 6: (6, 2), 9: (9, 0)}
    wanted = {3: "method_failed", 5: "network_failed", 7: "change_too_small", 8: "no_donor"}
    assert codes == wanted


def test_batches_are_formed_from_numbers_and_redraws_go_together() -> None:
    method = echo(4)
    items = [item(number) for number in range(10)]
    producer = batched(method, items)
    assert method.opened == 1
    assert method.calls == []
    producer.pair_for(items[0])
    assert method.calls == [[0, 1, 2]]
    producer.pair_for(items[4])
    again = [[6, 7], [6, 7], *[[7]] * (MAX_ATTEMPTS - 3)]
    assert method.calls[1:] == [[4, 5, 6, 7], *again]
    producer.pair_for(items[9])
    assert method.calls[-1] == [9]


def test_the_next_crops_are_taken_while_the_network_runs() -> None:
    running, crops_taken = threading.Event(), threading.Event()

    class Slow(Echo):
        def run(self, prepared: Sequence[int]) -> list[Any]:
            running.set()
            assert crops_taken.wait(20)
            return super().run(prepared)

    class Watched(Starter):
        def start(self, item: Item) -> Draft:
            if item.number == 1:
                assert running.wait(20)
                crops_taken.set()
            return super().start(item)

    method = echo(1, Slow)
    watched = Watched(method)
    items = [item(number) for number in range(3)]
    producer = BatchedProducer(cast(PairStarter, watched), method, items, {"echo"})
    producer.pair_for(items[0])
    assert watched.started == [0, 1]  # and not the third yet: memory is bounded


def test_an_unknown_method_is_proved_once() -> None:
    method = echo(2)
    items = [item(number) for number in (4, 9, 10, 11)]
    producer = batched(method, items, proven=False)
    producer.pair_for(items[0])
    producer.pair_for(items[2])
    assert method.calls == [[4, 9], [4, 9], [10, 11]]

    class Draws(Echo):
        def run(self, prepared: Sequence[int]) -> list[Any]:
            self.calls.append(list(prepared))
            return [n + len(self.calls) for n in prepared]

    drawing = batched(echo(2, Draws), [item(0), item(1)], proven=False)
    with pytest.raises(ContractError, match="pair t-train-00000000: method 'echo' gave two res"):
        drawing.pair_for(item(0))


def test_one_output_per_face_is_asked_for() -> None:
    class Loses(Echo):
        def run(self, prepared: Sequence[int]) -> list[Any]:
            return list(prepared)[1:]

    with pytest.raises(ContractError, match="returned 1 outputs for 2 faces"):
        batched(echo(2, Loses), [item(0), item(1)]).pair_for(item(0))


def test_the_control_comes_with_the_pair() -> None:
    pair = batched(echo(2), [item(0, control=True)]).pair_for(item(0))
    assert list(pair.images) == ["real", "control", "fake"]


def test_a_method_without_items_is_not_opened() -> None:
    method = echo(2)
    starter = cast(PairStarter, Starter(method))
    producers_for(starter, [method], [], set())
    assert method.opened == 0


def test_a_bug_names_its_pair() -> None:
    class Broken(Echo):
        def finish(self, ctx: Context, params: Any, prepared: int, output: Any) -> Result:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        batched(echo(2, Broken), [item(0), item(1)]).pair_for(item(1))
    assert caught.value.__notes__ == ["pair t-train-00000000, method 'echo'"]


def test_a_write_to_the_inputs_names_rule_and_pair() -> None:
    class Writes(Echo):
        def prepare(self, ctx: Context, params: Any) -> int:
            ctx.target.image[0] = 7
            return super().prepare(ctx, params)

    with pytest.raises(ContractError, match="pair t-train-00000000: method 'echo' writes to its"):
        batched(echo(2, Writes), [item(0)]).pair_for(item(0))
    single = SingleProducer(cast(PairStarter, Starter(echo(1, Writes))), set())
    with pytest.raises(ContractError, match="pair t-train-00000000: method 'echo' writes to its"):
        single.pair_for(item(0))


def test_params_of_another_type_are_refused() -> None:
    class Dict(Echo):
        def sample(self, rng: np.random.Generator, ctx: Context) -> Any:
            return {"attempt": 0}

    with pytest.raises(ContractError, match="returned dict from 'sample', expected its params"):
        batched(echo(2, Dict), [item(0)]).pair_for(item(0))
