from __future__ import annotations

from copy import deepcopy
from fractions import Fraction
from typing import Any

import pytest

from datagen.core.schema import parse
from datagen.errors import RecipeError
from datagen.recipe.schema import Encode, MethodUse, RecipeSpec, in_split

BASE: dict[str, Any] = {
    "name": "small",
    "seed": 7,
    "purpose": {"use": "research"},
    "sources": [{"card": "faces.yaml", "root": "faces"}],
    "splits": {"train": 20, "test": 10},
    "methods": [{"use": "self_blend", "share": 1}],
}


def changed(path: str, value: Any) -> dict[str, Any]:
    body = deepcopy(BASE)
    *way, last = path.split(".")
    node: Any = body
    for part in way:
        node = node[int(part)] if part.isdigit() else node.setdefault(part, {})
    node[last] = value
    return body


def problems(body: dict[str, Any]) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        parse(RecipeSpec, body, "recipe.yaml", RecipeError)
    head, *lines = str(caught.value).split("\n  - ")
    assert head == "recipe.yaml:"
    return lines


def made(path: str, value: Any) -> RecipeSpec:
    return parse(RecipeSpec, changed(path, value), "recipe.yaml", RecipeError)


def test_what_is_left_out_has_its_default() -> None:
    recipe = parse(RecipeSpec, BASE, "recipe.yaml", RecipeError)
    assert recipe.split.shares == {
        "train": Fraction(7, 10),
        "val": Fraction(1, 10),
        "test": Fraction(1, 5),
    }
    assert (recipe.split.origin, recipe.split.stratify) == ("hash", ("sex",))
    assert (recipe.face.size, recipe.face.margin, recipe.face.analyzer) == (380, 1.3, "mediapipe")
    assert isinstance(recipe.encode, Encode)
    assert (recipe.encode.format, recipe.encode.quality) == ("jpeg", None)
    assert (recipe.shard_pairs, recipe.rejects.max_share) == (250, 0.05)
    assert recipe.controls == Fraction(0)
    assert recipe.purpose.redistribute is False


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("seeed", "seeed: unknown key. Did you mean 'seed'?"),
        ("purpose.redistribut", "purpose.redistribut: unknown key. Did you mean 'redistribute'?"),
        ("split.share", "split.share: unknown key. Did you mean 'shares'?"),
        ("split.form", "split.form: unknown key. Did you mean 'from'?"),
        ("face.sise", "face.sise: unknown key. Did you mean 'size'?"),
        ("face.jitter.rotat", "face.jitter.rotat: unknown key. Did you mean 'rotate'?"),
        ("encode.qualty", "encode.qualty: unknown key. Did you mean 'quality'?"),
        ("rejects.zzz", "rejects.zzz: unknown key. Allowed: max_share, max_count"),
        ("sources.0.rot", "sources[0].rot: unknown key. Did you mean 'root'?"),
        (
            "methods.0.donor.strateg",
            "methods[0].donor.strateg: unknown key. Did you mean 'strategy'?",
        ),
    ],
)
def test_an_unknown_key_is_refused_with_its_path(path: str, line: str) -> None:
    assert problems(changed(path, 1)) == [line]


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("name", "Has Blanks", "name: must be lower-case letters, digits"),
        ("name", "a.b", "name: must be lower-case letters, digits"),
        ("name", "x" * 41, "name: must have at most 40"),
        ("version", 0, "version: must be greater than or equal to 1"),
        ("seed", -1, "seed: must be greater than or equal to 0"),
        ("seed", 2**63, "seed: must be less than"),
        ("purpose.use", "fun", "purpose.use: must be 'research' or 'commercial'"),
        ("sources", [], "sources: expected at least 1 entry"),
        ("sources.0.card", "", "sources[0].card: must not be empty (found '')"),
        ("sources.0.splits", ["dev"], "sources[0].splits[0]: must be 'train', 'val'"),
        ("splits", {}, "splits: expected at least 1 entry"),
        (
            "splits.train",
            0,
            "splits.train: must be a number of pairs from 1 to 1,000,000,000,000 (found 0)",
        ),
        ("splits.train", 10**12 + 1, "splits.train: must be a number of pairs from 1"),
        ("splits.dev", 5, "splits.dev: unknown key. Allowed: train, val, test"),
        ("split.stratify", ["shoe"], "split.stratify[0]: must be 'sex', 'age_band'"),
        ("face.size", 32, "face.size: must be greater than or equal to 64 (found 32)"),
        ("face.size", 2049, "face.size: must be less than or equal to 2048"),
        ("face.margin", 0.9, "face.margin: must be greater than or equal to 1"),
        ("face.min_side", 3, "face.min_side: must be greater than or equal to 16"),
        ("face.max_yaw", 0, "face.max_yaw: must be greater than 0"),
        ("face.max_yaw", 91, "face.max_yaw: must be less than or equal to 90"),
        ("face.jitter.shift", 0.3, "face.jitter.shift: must be less than"),
        ("face.jitter.scale", [0.4, 1], "face.jitter.scale: must be a range within 0.5 and 2"),
        ("face.jitter.scale", [1, 2.1], "face.jitter.scale: must be a range within 0.5 and 2"),
        ("face.jitter.scale", [1.2, 1], "face.jitter.scale: must be [low, high] with low <= high"),
        ("face.jitter.rotate", 46, "face.jitter.rotate: must be less than"),
        ("face.jitter.flip", 1.1, "face.jitter.flip: must be less than"),
        ("methods", [], "methods: expected at least 1 entry"),
        ("methods.0.share", 1.2, "methods[0].share: must be a share from 0 to 1 (found 1.2)"),
        ("methods.0.min_change", -1, "methods[0].min_change: must be greater"),
        ("methods.0.min_change", 256, "methods[0].min_change: must be less"),
        (
            "methods.0.donor",
            {"pool_size": 0},
            "methods[0].donor.pool_size: must be",
        ),
        (
            "methods.0.donor",
            {"fallback": "all"},
            "methods[0].donor.fallback: must be",
        ),
        ("methods.0.donor", {"match": ["age"]}, "methods[0].donor.match[0]: must be"),
        ("encode.format", "bmp", "encode.format: must be 'jpeg', 'png' or 'webp'"),
        ("encode.quality", [0, 90], "encode.quality: must be a range within 1 and 100 (found ["),
        ("encode.quality", [90, 101], "encode.quality: must be a range within 1 and 100 (found ["),
        ("encode.quality", [90, 80], "encode.quality: must be [low, high] with low <= high"),
        ("encode.subsampling", ["4:1:1"], "encode.subsampling[0]: must be '4:2:0'"),
        ("encode.subsampling", [], "encode.subsampling: must have at least one mode (found [])"),
        (
            "encode",
            {"format": "png", "quality": 90},
            "encode.quality: png is lossless and has none: remove the key (found 90)",
        ),
        (
            "encode",
            {"format": "webp", "subsampling": ["4:2:0"]},
            "encode.subsampling: webp has no such option: remove the key (found ['4:2:0'])",
        ),
        ("controls", -0.1, "controls: must be a share from 0 to 1"),
        ("rejects.max_share", 1.1, "rejects.max_share: must be less than"),
        ("rejects.max_count", -1, "rejects.max_count: must be greater"),
        ("shard_pairs", 0, "shard_pairs: must be greater than or equal to 1"),
        ("shard_pairs", 10_001, "shard_pairs: must be less than or equal to 10000"),
    ],
)
def test_a_wrong_value_is_refused_with_its_path(path: str, value: Any, words: str) -> None:
    (line,) = problems(changed(path, value))
    assert line.startswith(words)


@pytest.mark.parametrize("key", ["name", "seed", "purpose", "sources", "splits", "methods"])
def test_what_has_no_default_is_required(key: str) -> None:
    body = {name: value for name, value in BASE.items() if name != key}
    assert problems(body) == [f"{key}: missing"]


def shares(*written: Any) -> list[dict[str, Any]]:
    return [{"use": "self_blend", "share": share} for share in written]


def test_the_shares_of_methods_sum_to_exactly_one() -> None:
    assert len(made("methods", shares("1/3", "1/3", "1/3")).methods) == 3
    assert len(made("methods", shares(*[0.1] * 10)).methods) == 10
    (line,) = problems(changed("methods", shares(0.3333, 0.3333, 0.3333)))
    assert "methods: shares must sum to 1, found 0.9999" in line


def test_the_shares_of_people_sum_to_exactly_one() -> None:
    thirds = {"train": "1/3", "val": "1/3", "test": "1/3"}
    assert made("split", {"shares": thirds}).split.shares["val"] == Fraction(1, 3)
    (line,) = problems(changed("split", {"shares": {"train": 0.5, "test": 0.4}}))
    assert line.startswith("split.shares: shares of identities must sum to 1, found 0.9")


def test_every_split_has_a_method_a_source_and_people() -> None:
    train = [{"use": "self_blend", "share": 1, "splits": ["train"]}]
    (line,) = problems(changed("methods", train))
    assert "methods: split 'test' has no method" in line
    nothing = [*train, {"use": "landmark_swap", "share": 0}]
    (line,) = problems(changed("methods", nothing))
    assert "methods: split 'test' has no method" in line
    (line,) = problems(changed("sources", [{"card": "x.yaml", "splits": ["test"]}]))
    assert "sources: split 'train' has no source" in line
    (line,) = problems(changed("split", {"shares": {"train": 1}}))
    assert "split.shares: 'test' has no share, but 'splits' asks for pairs of it" in line
    assert made("split", {"shares": {"train": 1}, "from": "source"}).split.origin == "source"


def test_a_wrong_item_does_not_make_its_list_look_too_short() -> None:
    body = changed("methods", [{"use": "self_blend", "share": 2}, {"share": 0.5, "use": 3}])
    assert [line.partition(":")[0] for line in problems(body)] == [
        "methods[0].share",
        "methods[1].use",
    ]


def test_the_order_of_splits_in_the_file_decides_nothing() -> None:
    turned = made("splits", {"test": 10, "train": 20})
    assert list(turned.splits) == ["train", "test"]
    assert list(made("split", {"shares": {"test": 0.5, "train": 0.5}}).split.shares) == [
        "train",
        "test",
    ]


def test_further_keys_of_a_method_are_its_options() -> None:
    use = made("methods.0.strength", 3).methods[0]
    assert use.options == {"strength": 3}
    assert made("methods.0.min_change", 3).methods[0].options == {}


def test_an_entry_without_splits_takes_part_in_all() -> None:
    use = MethodUse.model_validate({"use": "x", "share": 1, "splits": ["val", "test"]})
    assert not in_split(use, "train")
    assert in_split(use, "test")
    assert in_split(made("seed", 1).methods[0], "train")


def test_names_in_python_and_in_yaml_may_both_be_given() -> None:
    swap = [{"use": "landmark_swap", "share": 1, "donor": {"fallback": "any"}}]
    rule = made("methods", swap).methods[0].donor
    assert rule is not None
    assert rule.fallback == "any"
    assert rule.model_dump()["fallback"] == "any"
