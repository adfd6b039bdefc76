from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from datagen.core.phash import distance
from datagen.faces.indexing.duplicates import group_near_duplicates

BITS = st.integers(0, 63)


@st.composite
def families(draw: st.DrawFn) -> list[str]:
    """Draw hashes in clusters whose members differ in few or just too many bits."""
    seeds = draw(st.lists(st.integers(0, 2**64 - 1), min_size=0, max_size=5))
    found = list(seeds)
    for _ in range(draw(st.integers(0, 14))):
        if not found:
            break
        parent = found[draw(st.integers(0, len(found) - 1))]
        for bit in draw(st.sets(BITS, max_size=10)):
            parent ^= 1 << bit
        found.append(parent)
    return [f"{value:016x}" for value in draw(st.permutations(found))]


def brute(hashes: list[str]) -> list[int]:
    """Join whatever is at most 7 bits apart, over any number of steps."""
    leader = list(range(len(hashes)))
    changed = True
    while changed:
        changed = False
        for one in range(len(hashes)):
            for other in range(len(hashes)):
                near = distance(hashes[one], hashes[other]) <= 7
                if near and leader[other] < leader[one]:
                    leader[one] = leader[other]
                    changed = True
    return leader


@given(families())
def test_the_groups_are_those_of_brute_force(hashes: list[str]) -> None:
    assert group_near_duplicates(hashes) == brute(hashes)


def test_seven_bits_are_near_and_eight_are_not() -> None:
    start = "0000000000000000"
    assert group_near_duplicates([start, "0101010101010100"]) == [0, 0]
    assert group_near_duplicates([start, "0101010101010101"]) == [0, 1]


def test_chains_are_one_group_named_after_its_first() -> None:
    chain = ["ff00000000000000", "f000000000000000", "0000000000000000", "0123456789abcdef"]
    assert group_near_duplicates(chain) == [0, 0, 0, 3]
    assert group_near_duplicates([chain[3], chain[2], chain[0], chain[1]]) == [0, 1, 1, 1]


def test_nothing_is_no_group() -> None:
    assert group_near_duplicates([]) == []
