"""What is inside of a cell."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from datagen.sources.inner_names import is_structured, pairs_in, signs_in, text_of
from tests.support.ends import ends_soon


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("age=15;sex=f", [("age", "15"), ("15;sex", "f")]),
        ('"age": 15, "sex"=>"f"', [("age", "15"), ('15, "sex', "f")]),
        ("[{'how old' : [15]}]", [("[{'how old", "")]),
        ("Age (years): 15", [("Age (years)", "15")]),
        ("Age, sex: 15, F", [("Age, sex", "15")]),
        ("x['age']=15", [("x['age']", "15")]),
        ("age|: 15\n", [("age|", "15")]),
        (
            "https://x.org/a.jpg?id=3&age=15",
            [
                ("https", "//x.org/a.jpg?id=3&age=15"),
                ("//x.org/a.jpg?id", "3&age=15"),
                ("0&age", "15"),
            ],
        ),
        ("年龄\uff1a15\uff0c性别\uff1a女", [("年龄", "15"), ("15\uff0c性别", "女")]),
        ("2012-05-01T12:30:05", [("0-0-0T12", "30:05"), ("0-0-0T12:0", "05")]),
        ("a 7 12 18 22 130: x", [("a 0 12 18 0 0", "x")]),
        ("a photo of a child", []),
        ("c2hhMjU2==", []),
        ("x" * 130 + "_age: 1", [("x" * 130 + "_age", "1")]),
        ("x" * 300 + ": 1", [("x" * 200, "1")]),
        ("x" * 30 + " " + "y" * 116 + " age: 1", [("y" * 116 + " age", "1")]),
        ("age>=15", [("age>=15", "15")]),
        ("is >=18: no", [("is >=18", "18: no"), ("is >=18", "no")]),
        ("over=18: no", [("over", "18: no"), ("over=18", "no")]),
        ("::==", []),
        ("Star Wars: A New Hope", [("Star Wars", "A New Hope")]),
        (": 1", []),
        ("", []),
    ],
)
def test_names_stand_before_a_colon_or_an_equals_sign(
    text: str, pairs: list[tuple[str, str]]
) -> None:
    assert list(pairs_in(text)) == pairs


@pytest.mark.parametrize(
    "cell",
    [
        *(
            '{"a": 1}',
            " [a]",
            "<b>",
            "('age', 15)",
            "\ufeff{'a'",
            "\u3010a\u3011",
            "\uff5ba: 1\uff5d",
        ),
        *("OrderedDict ([('a', 1)])", "data={'a'}", '\xa0{"a"', "$[x]", "b'{x}'", "\u3000(x,"),
        *("OrderedDict([('a', 1)])", "Person(age='15')", b'{"a"', "[1, 2, x]"),
        *({"a": 1}, ["a"], [1, "a"], [[{}]], ("a",), np.array(["a"], object)),
    ],
)
def test_brackets_and_names_make_a_cell_structured(cell: object) -> None:
    assert is_structured(cell)


@pytest.mark.parametrize(
    "cell",
    [
        *("", "a", "a: 1", "12", "[1, 2.5, -3e5, NaN, null]", "(1 2) (3 4)", "{}", "[[1],[2]]"),
        *(
            "Smith (left)",
            "photo(1).jpg",
            "IMG(2)",
            "a(b)/c.jpg",
            "<NA>",
            "(null)",
            "f(x)",
            "[True, False]",
        ),
        *(None, 15, 1.5, True, [], {}, [1, 2], [[1, None], [2.0]], np.zeros((2, 2)), b"\xff\xfe{"),
        *(np.array([[1], None], object), ()),
    ],
)
def test_single_values_and_lists_of_numbers_are_not_structured(cell: object) -> None:
    assert not is_structured(cell)


def test_a_time_has_no_names() -> None:
    assert signs_in("2012-05-01T12:30:05.123+02:00") == signs_in("12:30") == signs_in("") == 0
    assert signs_in("18+: 0") == signs_in("20:15 18+") == 1
    assert signs_in("at 12:30") == signs_in("a=1") == 1
    assert signs_in("a=1; b\uff1a2") == 2


def test_bytes_are_a_text_where_they_are_one() -> None:
    assert text_of(b"age") == "age"
    assert text_of(b"\xff") == text_of(15) == text_of(None) == ""


@pytest.mark.parametrize(
    "part", ["(", "a(", "a.", "1,", "a:", '"', "=", "n", "nan", "e", " ", "b'", ":", "1:", "<="]
)
def test_long_cells_take_no_time(part: str) -> None:
    with ends_soon():
        for begin in ("", "[", "a("):
            is_structured(begin + part * 300_000)
            list(pairs_in(begin + part * 300_000))


def test_a_long_number_is_no_time_for_long() -> None:
    tracemalloc.start()
    with ends_soon():
        assert signs_in("1" * 3_000_000 + ":x") == 1
    assert tracemalloc.get_traced_memory()[1] < 30_000_000
    tracemalloc.stop()
