from __future__ import annotations

import pandas as pd

from datagen.release.report.choice import DEGRADED, STRONGEST, WEAKEST, choose, shares


def fakes(sizes: dict[str, int], psnr: bool = False) -> pd.DataFrame:
    rows = [
        {"pair_id": f"{method}-{n}", "method": method, "change_released": float((7 * n) % size)}
        for method, size in sizes.items()
        for n in range(size)
    ]
    table = pd.DataFrame(rows)
    table["psnr"] = [30.0 - n % 3 if psnr else None for n in range(len(rows))]
    return table


def test_the_weakest_of_each_method_come_first_and_then_the_strongest() -> None:
    table = fakes({"a": 30, "b": 30})
    chosen = choose(table, 24, set())
    change = table.set_index("pair_id")["change_released"]
    assert len(chosen) == 24
    reasons = list(chosen.values())
    assert reasons[:8] == [WEAKEST] * 4 + [STRONGEST] * 4
    assert set(reasons[8:]) == {""}
    weakest = [name for name, reason in chosen.items() if reason == WEAKEST]
    assert [name[0] for name in weakest] == ["a", "b", "a", "b"]
    assert sorted(change[weakest]) == [0, 0, 1, 1]
    assert sorted(change[[name for name in chosen if chosen[name] == STRONGEST]]) == [
        28,
        28,
        29,
        29,
    ]


def test_what_a_degradation_changed_most_is_among_them() -> None:
    table = fakes({"a": 30}, psnr=True)
    chosen = choose(table, 12, set())
    degraded = [name for name, reason in chosen.items() if reason == DEGRADED]
    assert len(degraded) == 2
    assert (table.set_index("pair_id")["psnr"][degraded] == 28).all()


def test_the_others_are_spread_and_some_have_a_control() -> None:
    chosen = choose(fakes({"a": 100}), 10, {"a-51", "a-52"})
    rest = [int(name[2:]) for name, reason in chosen.items() if not reason]
    assert rest == sorted(rest)
    assert {51, 52} & set(rest)
    assert max(rest) - min(rest) > 80


def test_a_pair_of_unknown_change_is_no_extreme() -> None:
    table = fakes({"a": 12})
    table.loc[0, "change_released"] = None
    assert choose(table, 12, set())["a-0"] == ""


def test_fewer_pairs_than_asked_for_are_all_chosen_once() -> None:
    chosen = choose(fakes({"a": 3, "b": 20}), 600, set())
    assert len(chosen) == 23
    assert len(choose(fakes({"a": 3, "b": 20}), 1, set())) == 1
    assert choose(fakes({"a": 3}).iloc[:0], 10, set()) == {}


def test_what_one_does_not_have_others_take() -> None:
    assert shares({"a": 2, "b": 50, "c": 50}, 42) == {"a": 2, "b": 20, "c": 20}
    assert shares({"a": 2, "b": 1}, 600) == {"a": 2, "b": 1}
    assert shares({}, 5) == {}
