from __future__ import annotations

import pytest

from datagen.release.other_recipe import how_they_differ

THERE = """
name: small
seed: 1
splits: {train: 20}
methods: [{use: self_blend, share: 1/2}, {use: morph, share: 1/2}]
encode: {format: jpeg, quality: [75, 95]}
"""


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("seed: 1", "seed: 9", "seed: 1 there, 9 here"),
        ("[75, 95]", "[75, 90]", "encode.quality: [75, 95] there, [75, 90] here"),
        ("use: morph", "use: part_swap", "methods[1].use: 'morph' there, 'part_swap' here"),
        ("seed: 1\n", "", "seed: 1 there, not set here"),
        ("seed: 1\n", "seed: 1\ncontrols: 1/2\n", "controls: not set there, '1/2' here"),
        ("{train: 20}", "{train: 30}", "a source card, a plug-in, weights or a default is"),
    ],
)
def test_the_keys_that_differ_are_named(old: str, new: str, words: str) -> None:
    assert how_they_differ(THERE, THERE.replace(old, new), "recipe.yaml").startswith(words)


def test_a_long_list_of_differences_is_cut() -> None:
    here = "\n".join(f"key{number}: 1" for number in range(9))
    assert how_they_differ(THERE, here, "recipe.yaml").endswith(" more")


@pytest.mark.parametrize("there", ["[1", "just words", "", "a: &a [*a]"])
def test_what_is_no_recipe_is_no_traceback(there: str) -> None:
    assert how_they_differ(there, THERE, "recipe.yaml")
