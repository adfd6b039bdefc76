from __future__ import annotations

import dataclasses
from copy import deepcopy
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from pydantic import Field

from datagen.core.schema import Frozen
from datagen.errors import CardError, RecipeError
from datagen.methods import METHODS, Context, Method, Result
from datagen.recipe import Recipe, load_recipe

ROOT = Path(__file__).parents[2]

CARD: dict[str, Any] = {
    "id": "faces",
    "title": "Faces",
    "license": "CC-BY-4.0",
    "consent": {"basis": "signed", "alteration": True, "words": "may be altered"},
    "layout": "folder",
}
RECIPE: dict[str, Any] = {
    "name": "small",
    "seed": 7,
    "purpose": {"use": "research"},
    "sources": [{"card": "faces.yaml", "root": "images"}],
    "splits": {"train": 20, "test": 10},
    "face": {"analyzer": "given"},
    "methods": [
        {"use": "self_blend", "share": "1/4"},
        {"use": "landmark_swap", "share": "3/4"},
    ],
}

# If this fails, old releases no longer match their recipe: allowed only where defaults change.
GOLDEN = "41af98eef36a7a47a6edc92639794acc1afa64b40b0df67427e500f2edf102df"


class Strength(Frozen):
    of: float = Field(default=1.0, ge=0)


class DialOptions(Frozen):
    strength: Strength = Strength()
    steps: int = 3


class Dial(Method):
    name = "dial"
    family = "attribute_edit"
    options = DialOptions
    params = DialOptions
    min_change = 1.0

    def sample(self, rng: np.random.Generator, ctx: Context) -> DialOptions:
        raise NotImplementedError

    def apply(self, ctx: Context, params: Any) -> Result:
        raise NotImplementedError


class Meshed(Dial):
    name = "meshed"
    needs_mesh = True


@pytest.fixture(autouse=True)
def _more_methods(monkeypatch: pytest.MonkeyPatch) -> None:
    for method in (Dial, Meshed):
        monkeypatch.setitem(METHODS._added, method.name, method)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    write_card(tmp_path)
    write(tmp_path)
    return tmp_path


def write_card(folder: Path, name: str = "faces.yaml", **changes: Any) -> None:
    (folder / name).write_text(yaml.safe_dump({**CARD, **changes}))


def write(folder: Path, **changes: Any) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump({**RECIPE, **changes}, sort_keys=False))
    return path


def load(folder: Path, *overrides: str, **changes: Any) -> Recipe:
    return load_recipe(write(folder, **changes), overrides)


def refused(folder: Path, *overrides: str, **changes: Any) -> str:
    with pytest.raises(RecipeError) as caught:
        load(folder, *overrides, **changes)
    return str(caught.value)


def test_a_recipe_comes_with_its_cards_methods_and_analyzer(folder: Path) -> None:
    write_card(folder, "more.yaml", id="more")
    made = load(folder, sources=[{"card": "more.yaml"}, *RECIPE["sources"]])
    assert [card.id for card in made.cards] == ["more", "faces"]
    assert [method.name for method in made.methods] == ["self_blend", "landmark_swap"]
    assert made.analyzer().name == "given"


def test_options_reach_their_method(folder: Path) -> None:
    dial = {"use": "dial", "share": 1, "strength": {"of": 2}, "min_change": 4}
    (method,) = load(folder, methods=[dial]).methods
    assert method.config == DialOptions(strength=Strength(of=2.0))


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"stepz": 3}, "- methods[0].stepz: unknown key. Did you mean 'steps'?"),
        ({"donr": {}}, "- methods[0].donr: unknown key. Did you mean 'donor'?"),
        ({"zzz": 1}, "- methods[0].zzz: unknown key. Allowed: strength, steps, use, share, donor"),
        (
            {"strength": {"off": 2}},
            "- methods[0].strength.off: unknown key. Did you mean 'of'?",
        ),
        (
            {"strength": {"of": -2}},
            "- methods[0].strength.of: must be greater than or equal to 0 (found -2)",
        ),
        ({"steps": "many"}, "- methods[0].steps: must be a whole number"),
    ],
)
def test_a_wrong_option_of_a_method_is_refused_with_its_path(
    folder: Path, keys: dict[str, Any], words: str
) -> None:
    assert words in refused(folder, methods=[{"use": "dial", "share": 1, **keys}])


def test_a_method_names_the_keys_it_takes(folder: Path) -> None:
    text = refused(folder, methods=[{"use": "mesh_swap", "share": 1, "strength": 1}])
    assert "methods[0].strength: unknown key. Allowed: identity, use, share, donor" in text


def test_unknown_names_are_refused_with_near_ones(folder: Path) -> None:
    path = folder / "recipe.yaml"
    text = refused(folder, methods=[{"use": "self_blond", "share": 1}])
    assert text.startswith(f"{path}: methods[0].use: unknown method 'self_blond'. Did you mean")
    text = refused(folder, face={"analyzer": "mediapip"})
    assert text.startswith(f"{path}: face.analyzer: unknown analyzer 'mediapip'. Did you mean")
    write_card(folder, layout="foldr")
    assert "faces.yaml: layout: unknown layout 'foldr'. Did you mean 'folder'" in refused(folder)


def test_a_donor_for_a_method_that_takes_none_is_refused(folder: Path) -> None:
    text = refused(folder, methods=[{"use": "self_blend", "share": 1, "donor": {}}])
    assert "methods[0].donor: method 'self_blend' takes no donor: remove the key" in text
    load(folder, methods=[{"use": "landmark_swap", "share": 1, "donor": {}}])


def test_a_method_that_needs_the_mesh_refuses_an_analyzer_without_it(folder: Path) -> None:
    methods = [{"use": "meshed", "share": 1}]
    text = refused(folder, methods=methods, face={"analyzer": "insightface"})
    assert "methods[0]: method 'meshed' needs the 478-point mesh" in text
    assert "Set face.analyzer to mediapipe" in text
    load(folder, methods=methods, face={"analyzer": "mediapipe"})


def test_two_sources_of_one_id_are_refused(folder: Path) -> None:
    write_card(folder, "copy.yaml", title="The same faces again")
    sources = [{"card": "faces.yaml", "root": "a"}, {"card": "copy.yaml", "root": "b"}]
    assert "sources: card id 'faces' is used twice" in refused(folder, sources=sources)


def test_a_file_that_is_not_there_is_named(folder: Path) -> None:
    with pytest.raises(RecipeError, match=r"gone\.yaml: no such file"):
        load_recipe(folder / "gone.yaml")
    said = rf"recipe\.yaml: sources\[0\]\.card: 'no/card\.yaml': no such file.* folder, {folder}$"
    with pytest.raises(CardError, match=said):
        load(folder, sources=[{"card": "no/card.yaml"}])


def test_a_key_given_twice_is_refused(folder: Path) -> None:
    path = write(folder)
    path.write_text(path.read_text() + "seed: 8\n")
    with pytest.raises(RecipeError, match="key 'seed' is given twice"):
        load_recipe(path)


def test_a_card_is_no_recipe(folder: Path) -> None:
    write_card(folder)
    with pytest.raises(RecipeError) as caught:
        load_recipe(folder / "faces.yaml")
    assert str(caught.value) == (
        f"{folder / 'faces.yaml'}: is no recipe: it has none of the keys name, seed, purpose, "
        "sources, splits, methods; it looks like a source card"
    )


def test_a_wrong_card_is_refused_with_its_key(folder: Path) -> None:
    write_card(folder, licnce="MIT")
    with pytest.raises(CardError, match=r"faces\.yaml:\n  - licnce: unknown key\. .* 'license'"):
        load(folder)


@pytest.mark.parametrize(
    ("override", "way", "value"),
    [
        ("seed=11", ("seed",), 11),
        ("name=other", ("name",), "other"),
        ("splits.train=99", ("splits", "train"), 99),
        ("face.jitter.flip=0.5", ("face", "jitter", "flip"), 0.5),
        ("face.jitter={flip: 0.25, rotate: 3}", ("face", "jitter", "rotate"), 3.0),
        ("purpose.redistribute=true", ("purpose", "redistribute"), True),
        ("rejects.max_count=null", ("rejects", "max_count"), None),
        ("split.from=source", ("split", "from"), "source"),
        ("encode.quality=[75, 90]", ("encode", "quality"), [75, 90]),
        ("methods.0.min_change=2.5", ("methods", 0, "min_change"), 2.5),
        ("methods[0].min_change=2.5", ("methods", 0, "min_change"), 2.5),
        ("methods[1].donor.match=[sex]", ("methods", 1, "donor", "match"), ["sex"]),
        (" methods . 0 .min_change = 2.5", ("methods", 0, "min_change"), 2.5),
        ("sources.0.root=/else=where", ("sources", 0, "root"), "/else=where"),
        ("sources.0.root=", ("sources", 0, "root"), ""),
    ],
)
def test_set_changes_one_value(
    folder: Path, override: str, way: tuple[str | int, ...], value: Any
) -> None:
    if override.endswith("root="):
        override += '""'
    node: Any = load(folder, override).spec.model_dump(mode="json", by_alias=True)
    for part in way:
        node = node[part]
    assert node == value


def test_set_reaches_a_list_item_whole_and_later_ones_win(folder: Path) -> None:
    made = load(
        folder,
        "methods.1={use: dial, share: 3/4, steps: 9}",
        "methods[1].steps=10",
        "methods.1.strength.of=4",
    )
    assert made.methods[1].config == DialOptions(strength=Strength(of=4.0), steps=10)


def test_overrides_may_be_a_mapping(folder: Path) -> None:
    path = write(folder)
    dial = {"use": "dial", "share": Fraction(3, 4)}
    changes = {"splits.train": 99, "face.jitter.scale": (0.9, 1.1), "methods[1]": dial}
    made = load_recipe(path, changes)
    assert made.spec.splits == {"train": 99, "test": 10}
    assert made.spec.face.jitter.scale == (0.9, 1.1)
    assert made.methods[1].name == "dial"
    texts = ["splits.train=99", "face.jitter.scale=[0.9, 1.1]"]
    assert load_recipe(str(path), {**changes, "methods.1": RECIPE["methods"][1]}).spec == (
        load_recipe(path, texts).spec
    )
    assert load_recipe(path, "seed=3").spec.seed == 3


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("", "override '': expected a dotted key"),
        (
            "methods.2.share",
            "override 'methods.2.share': 'methods' is a list: its entries are named by their "
            "positions, 0 to 1, e.g. methods.0.share (found '2')",
        ),
        ("seed.deep", "override 'seed.deep': 'seed' is a single value and has no keys"),
    ],
)
def test_a_wrong_override_is_refused_with_its_key(folder: Path, key: str, words: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(write(folder), {key: 1})
    assert words in str(caught.value)
    assert caught.value.key == key


def test_errors_carry_path_and_key(folder: Path) -> None:
    path = write(folder, methods=[{"use": "self_blond", "share": 1}])
    with pytest.raises(RecipeError) as caught:
        load_recipe(path)
    assert (caught.value.path, caught.value.key) == (str(path), "methods[0].use")


def test_set_changes_shares_exactly(folder: Path) -> None:
    made = load(folder, "methods.0.share=1/3", "methods[1].share=2/3")
    assert [str(use.share) for use in made.spec.methods] == ["1/3", "2/3"]


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("seed", "override 'seed': expected key.path=value"),
        ("=3", "override '=3': expected key.path=value"),
        (".=3", "override '.=3': expected key.path=value"),
        ("[]=3", "override '[]=3': expected key.path=value"),
        ("methods.2.share=1", "positions, 0 to 1, e.g. methods.0.share (found '2')"),
        ("methods.use=x", "positions, 0 to 1, e.g. methods.0.use (found 'use')"),
        ("methods.last.share=1", "positions, 0 to 1, e.g. methods.0.share (found 'last')"),
        ("methods[²].share=1", "positions, 0 to 1, e.g. methods.0.share (found '²')"),
        ("methods.2={}", "positions, 0 to 1, e.g. methods.0 (found '2')"),
        ("seed.deep=1", "'seed' is a single value and has no keys"),
        ("seed.much.deeper=1", "'seed' is a single value and has no keys"),
        ("seed=[1", "not valid YAML"),
        ("seed: 3", "expected key.path=value, e.g. splits.train=100"),
        ("splits={train: 1, train: 2}", "key 'train' is given twice"),
        ("seeed=1", "seeed: unknown key. Did you mean 'seed'?"),
        ("face.jitter.flp=1", "face.jitter.flp: unknown key. Did you mean 'flip'?"),
        ("seed=words", "seed: must be a whole number"),
    ],
)
def test_a_wrong_set_is_refused(folder: Path, override: str, words: str) -> None:
    assert words in refused(folder, override)


def test_a_root_is_relative_to_the_recipe(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert load(folder).sources()[0].root == str(folder / "images")
    assert load(folder, "sources.0.root=/a/b").sources()[0].root == "/a/b"
    assert load(folder, "sources.0.root=s3://x/y").sources()[0].root == "s3://x/y"
    assert load(folder, "sources.0.root=~/z").sources()[0].root == str(Path.home() / "z")
    monkeypatch.chdir(folder)
    assert load_recipe(Path("recipe.yaml")).sources()[0].root == str(folder / "images")


def test_a_variable_is_expanded_in_a_root(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MADE_ROOT", "/their/faces")
    for written in ("${MADE_ROOT}/sub", "$MADE_ROOT/sub"):
        assert load(folder, f"sources.0.root={written}").sources()[0].root == "/their/faces/sub"
    monkeypatch.setenv("MADE_ROOT", "s3://bucket")
    assert load(folder, "sources.0.root=$MADE_ROOT/a").sources()[0].root == "s3://bucket/a"


@pytest.mark.parametrize("value", [None, ""])
def test_a_variable_that_is_not_set_is_named_with_its_source(
    folder: Path, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    if value is None:
        monkeypatch.delenv("MADE_ROOT", raising=False)
    else:
        monkeypatch.setenv("MADE_ROOT", value)
    write_card(folder, "more.yaml", id="more")
    made = load(folder, sources=[*RECIPE["sources"], {"card": "more.yaml", "root": "$MADE_ROOT"}])
    with pytest.raises(RecipeError) as caught:
        made.sources()
    text = str(caught.value)
    assert text.startswith(f"{folder / 'recipe.yaml'}: sources[1].root: environment variable ")
    assert "MADE_ROOT is not set" in text
    assert "--set sources.1.root=" in text


def test_a_variable_is_expanded_in_roots_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MADE_ROOT", "faces.yaml")
    with pytest.raises(CardError, match=r"'\$MADE_ROOT': no such file"):
        load(folder, sources=[{"card": "$MADE_ROOT"}])


def test_an_option_of_a_source_is_checked_with_its_path(folder: Path) -> None:
    write_card(folder, layout="table", options={"table": "a.csv"})
    sources = [{"card": "faces.yaml", "root": "x", "options": {"table": "b.csv"}}]
    assert load(folder, sources=sources).sources()[0].config.table == "b.csv"
    sources = [{"card": "faces.yaml", "root": "x", "options": {"tabel": "b.csv"}}]
    with pytest.raises(RecipeError, match=r"sources\[0\]\.options\.tabel: unknown key.* 'table'"):
        load(folder, sources=sources).sources()


def digest(folder: Path, *overrides: str, **changes: Any) -> str:
    return load(folder, *overrides, **changes).digest


def test_the_digest_of_a_recipe_is_what_it_was(folder: Path) -> None:
    assert digest(folder) == GOLDEN


@pytest.mark.parametrize(
    "override",
    [
        "splits={train: 999}",
        "shard_pairs=3",
        "rejects.max_share=0.5",
        "rejects.max_count=3",
        "sources.0.root=/some/where/else",
        # written out, or written in another way, the same
        "methods.0.share=0.25",
        "methods.0.min_change=2",
        "methods.1.donor={strategy: nearest_landmarks}",
        "face.size=380",
        "split={shares: {test: 2/10, val: 0.1, train: 7/10}}",
        "encode={}",
    ],
)
def test_the_digest_knows_no_counts_places_and_budgets(folder: Path, override: str) -> None:
    assert digest(folder, override) == GOLDEN


def test_the_digest_knows_no_path_and_no_order_of_keys(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    write_card(other, "renamed.yaml", title=CARD["title"])
    turned = dict(reversed(deepcopy(RECIPE).items()))
    turned["sources"] = [{"root": "x", "card": "renamed.yaml"}]
    path = other / "another.yaml"
    path.write_text(yaml.safe_dump(turned, sort_keys=False))
    assert load_recipe(path).digest == GOLDEN


@pytest.mark.parametrize(
    "override",
    [
        "name=other",
        "version=2",
        "seed=8",
        "purpose.use=commercial",
        "purpose.redistribute=true",
        "split.from=source",
        "split.stratify=[]",
        "split.shares={train: 0.8, test: 0.2}",
        "face.size=256",
        "face.margin=1.4",
        "face.min_side=97",
        "face.max_yaw=59",
        "face.analyzer=mediapipe",
        "face.jitter.shift=0.01",
        "methods={}",
        "methods.0.min_change=1",
        "methods.0.splits=[train]",
        "methods.1.donor.pool_size=19",
        "methods.1.donor={fallback: any}",
        "encode.format=png",
        "encode.quality=90",
        "encode.subsampling=['4:4:4']",
        "controls=0.1",
        "sources.0.splits=[train, test]",
    ],
)
def test_the_digest_knows_what_is_made(folder: Path, override: str) -> None:
    if override == "methods={}":
        override = f"methods={list(reversed(RECIPE['methods']))}"
    assert digest(folder, override) != GOLDEN


def test_the_digest_knows_the_options_of_methods(folder: Path) -> None:
    options: list[dict[str, Any]] = [{}, {"steps": 4}, {"steps": 5}, {"strength": {"of": 2}}]
    found = {digest(folder, methods=[{"use": "dial", "share": 1, **keys}]) for keys in options}
    assert len(found) == 4


@pytest.mark.parametrize(
    "change",
    [
        {"title": "Others"},
        {"license": "CC0-1.0"},
        {"attribution": "Someone"},
        {"layout": "table", "options": {"table": "b.csv"}},
        {"consent": {**CARD["consent"], "words": "may be changed"}},
    ],
)
def test_the_digest_knows_what_a_card_says(folder: Path, change: dict[str, Any]) -> None:
    write_card(folder, **change)
    assert digest(folder) != GOLDEN


def test_the_digest_takes_options_as_they_work_out(folder: Path) -> None:
    write_card(folder, layout="table")
    plain = digest(folder)
    assert digest(folder, "sources.0.options={table: faces.csv}") == plain  # the default
    assert digest(folder, "sources.0.options={table: b.csv}") != plain


def test_options_that_a_layout_does_not_know_are_refused(folder: Path) -> None:
    write_card(folder, options={"depth": 1})
    assert "depth: unknown key" in refused(folder)


def test_a_loaded_recipe_does_not_change(folder: Path) -> None:
    made = load(folder)
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.path = "x"  # type: ignore[misc]


@pytest.mark.parametrize("path", sorted((ROOT / "recipes").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_shipped_recipe_is_valid(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAGEN_LONDON", "/dummy")
    made = load_recipe(path)
    assert len(made.digest) == 64
    assert made.methods
    assert len(made.sources()) == len(made.spec.sources)
