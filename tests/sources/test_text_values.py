from __future__ import annotations

import pytest

from datagen.sources.text_values import listed_names, named_values
from tests.support.ends import ends_soon


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"a": {"b c": 1}}', [("a", "b c"), ("b c", "1")]),
        ("{'a': 'x', 'b': None}", [("a", "x"), ("b", "None")]),
        ('"{\\"a\\": 15}"', [("a", "15")]),
        ('\ufeff\n {"\\u0061": 1}', [("a", "1")]),
        ("<a x='1'><b>2</b></a>", [("b", "2")]),
        ("a=1;b=2", [("a", "1"), ("b", "2")]),
        ("a: 1\nb: two words", [("a", "1"), ("b", "two words")]),
        ("a=1", [("a", "1")]),
        ("Baby: 3 months", []),
        ("Kids, age: 5", []),
        ("https://example.org/a?b=1", []),
        ("a photograph", []),
        ("", []),
    ],
)
def test_names_with_their_values(text: str, found: list[tuple[str, str]]) -> None:
    assert list(named_values(text)) == found


def test_texts_of_lists() -> None:
    assert ("age", "15") in list(listed_names('[["age", 15]]'))
    assert ("age", "value") in list(listed_names('[{"name": "age", "value": 15}]'))
    assert list(listed_names('my "best", day')) == []


@pytest.mark.parametrize("part", ["[", "a", "a:", "'a", " =", '{"', "<a", "\\u0041", "a=1;", '",'])
def test_long_texts_take_no_time(part: str) -> None:
    for begin in ("", "{", "[", "<"):
        with ends_soon():
            list(named_values(begin + part * 200_000))
            list(listed_names(begin + part * 200_000))
