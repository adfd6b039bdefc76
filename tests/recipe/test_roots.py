"""What a stranger's recipe may name: variables, roots, cards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from datagen.cli.main import run
from datagen.errors import CardError, DatagenError, RecipeError, SourceError, UserError
from datagen.recipe import Recipe, load_recipe
from datagen.recipe.roots import source_root, unset_variables

CARD: dict[str, Any] = {
    "id": "faces",
    "title": "Faces",
    "license": "CC0-1.0",
    "consent": {
        "basis": "public_domain",
        "alteration": True,
        "grounds": "CC0",
        "adults_only": True,
    },
    "layout": "table",
}
SECRET = "hunter2"


def write(folder: Path, options: dict[str, Any] | None = None, **source: Any) -> Path:
    """Write recipe and card and return the recipe's path."""
    folder.mkdir(exist_ok=True)
    card = {**CARD, "options": options or {}}
    (folder / "faces.yaml").write_text(yaml.safe_dump(card))
    recipe = {
        "name": "made",
        "seed": 1,
        "purpose": {"use": "research"},
        "sources": [{"card": "faces.yaml", "root": "images", **source}],
        "splits": {"train": 1},
        "split": {"shares": {"train": 1}},
        "methods": [{"use": "self_blend", "share": 1}],
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    (folder / "images").mkdir(exist_ok=True)
    return path


def load(folder: Path, **source: Any) -> Recipe:
    return load_recipe(write(folder, **source))


@pytest.mark.parametrize(
    "root",
    [
        "http://host/${SECRET}",
        "http://host/${AWS_SECRET_ACCESS_KEY}",
        "http://${SECRET}.host/x",
        "${SECRET}",
        "$SECRET/faces",
        "${SECRET_ROOT_X}",
        "${}",
        "${a-b_ROOT}",
        "images/$SECRET",
        "${HOME}/faces",
        "${ÄROOT}",
    ],
)
def test_other_variables_are_refused_whether_they_are_set_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("SECRET", "AWS_SECRET_ACCESS_KEY", "SECRET_ROOT_X"):
        monkeypatch.setenv(name, SECRET)
    with pytest.raises(RecipeError, match=r"only names that end in _ROOT are") as caught:
        load(tmp_path, root=root)
    assert caught.value.key == "sources[0].root"
    assert SECRET not in str(caught.value)
    assert run(["validate", str(tmp_path / "recipe.yaml")]) == 2
    assert SECRET not in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    "root",
    [
        "http://${A_ROOT}/x",
        "http://host/${A_ROOT}",
        "http://${A_ROOT}@host",
        "${A_ROOT}.evil.example/x",
        "$A_ROOT@evil.example",
        "${A_ROOT}${B_ROOT}",
        "${A_ROOT}:${B_ROOT}",
        "x/${DATAGEN_LONDON}",
    ],
)
def test_a_variable_never_gets_into_an_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: str
) -> None:
    for name in ("A_ROOT", "B_ROOT", "DATAGEN_LONDON"):
        monkeypatch.setenv(name, "https://me:hunter2@files.example")
    with pytest.raises(RecipeError, match="must be the beginning"):
        load(tmp_path, root=root)


@pytest.mark.parametrize(
    "root",
    ["reference::http://h/x.json", "simplecache::${A_ROOT}", "${A_ROOT}/::reference://x", "x://y"],
)
def test_a_root_is_storage_and_nothing_that_interprets(tmp_path: Path, root: str) -> None:
    with pytest.raises(RecipeError, match=r"sources\[0\]\.root: .*(chains|is no storage)"):
        load(tmp_path, root=root)


def test_variables_of_folders_are_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_ROOT", "/data/$HOME")
    monkeypatch.setenv("DATAGEN_LONDON", "s3://bucket/london")
    assert source_root("${STUDIO_ROOT}/a", "r.yaml", 0) == "/data/$HOME/a"
    assert source_root("$STUDIO_ROOT", "r.yaml", 0) == "/data/$HOME"
    assert source_root("${DATAGEN_LONDON}/a", "r.yaml", 0) == "s3://bucket/london/a"
    assert unset_variables("${NOT_SET_ROOT}/x") == ["NOT_SET_ROOT"]


@pytest.mark.parametrize("root", ["oci://bucket/x", "abfs://x", "hf://a"])
def test_storage_whose_package_is_missing_is_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: str
) -> None:
    def fails(url: str) -> None:
        raise ImportError(url)

    monkeypatch.setattr("fsspec.core.url_to_fs", fails)
    with pytest.raises(UserError, match=root):
        list(load(tmp_path, root=root).sources()[0].records())


def test_a_home_folder_of_no_user_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"sources\[0\]\.root: cannot be resolved"):
        load(tmp_path, root="~no_such_user_here/x").sources()


def outside(tmp_path: Path) -> Path:
    """Write a card and a table outside of the recipe's folder; return the recipe's folder."""
    write(tmp_path / "other")
    table = "image,identity\na.jpg,anna\n"
    (tmp_path / "other" / "faces.csv").write_text(table)
    return tmp_path / "mine"


@pytest.mark.parametrize("kind", ["relative", "absolute", "link"])
def test_a_card_outside_of_the_recipes_folder_must_be_allowed(tmp_path: Path, kind: str) -> None:
    folder, other = outside(tmp_path), tmp_path / "other" / "faces.yaml"
    card = {"relative": "../other/faces.yaml", "absolute": str(other), "link": "link.yaml"}[kind]
    path = write(folder, card=card)
    (folder / "link.yaml").symlink_to(other)
    with pytest.raises(RecipeError, match=r"outside of the recipe's folder.*--allow-outside"):
        load_recipe(path)
    assert load_recipe(path, allow_outside=True).cards[0].id == "faces"


def test_a_card_is_no_address(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="a card is a file") as caught:
        load(tmp_path, card="http://user:hunter2@host/card.yaml")
    assert SECRET not in str(caught.value)


def test_an_absolute_card_in_the_recipes_folder_is_fine(tmp_path: Path) -> None:
    assert load(tmp_path, card=str(tmp_path / "faces.yaml")).cards[0].id == "faces"


@pytest.mark.parametrize("card", ["a\0b", "x" * 5000, "loop.yaml"])
def test_a_card_that_no_file_can_be_is_no_traceback(tmp_path: Path, card: str) -> None:
    (tmp_path / "loop.yaml").symlink_to(tmp_path / "loop.yaml")
    with pytest.raises((RecipeError, CardError)):
        load_recipe(write(tmp_path), {"sources.0.card": card})


@pytest.mark.parametrize("table", ["../../other/faces.csv", "{other}/faces.csv"])
def test_a_table_outside_of_the_root_must_be_allowed(tmp_path: Path, table: str) -> None:
    folder = outside(tmp_path)
    path = write(folder, {"table": table.format(other=tmp_path / "other")})
    (source,) = load_recipe(path).sources()
    with pytest.raises(SourceError, match=r"leads outside of the root.*--allow-outside"):
        list(source.records())


def test_a_table_outside_of_the_root_is_read_if_allowed(tmp_path: Path) -> None:
    path = write(outside(tmp_path), {"table": "../../other/faces.csv"})
    (source,) = load_recipe(path, allow_outside=True).sources()
    assert [record.identity for record in source.records()] == ["anna"]


@pytest.mark.parametrize(
    ("layout", "options"),
    [
        ("ffhq", {"metadata": "../x.json"}),
        ("ffhq", {"metadata": "/etc/passwd"}),
        ("london", {"info": "../../../etc/passwd"}),
        ("faceforensics", {"splits": "../.."}),
        ("celeba", {"ages": "/etc/passwd"}),
        ("celeba", {"ages": "http://host/ages.csv"}),
        ("celeba", {"ages": "~/ages.csv"}),
        ("celeba", {"ages": "file:///etc/passwd"}),
    ],
)
def test_no_layout_reads_outside_of_its_root(
    tmp_path: Path, layout: str, options: dict[str, Any]
) -> None:
    path = write(tmp_path)
    (tmp_path / "faces.yaml").write_text(
        yaml.safe_dump({**CARD, "layout": layout, "options": options})
    )
    images = tmp_path / "images"
    for name in ("identity_CelebA.txt", "list_attr_celeba.txt", "list_eval_partition.txt"):
        (images / name).write_text("0\nMale\n")
    (images / "img_align_celeba").mkdir()
    (images / "original_sequences/youtube/c23/images/003").mkdir(parents=True)
    (images / "original_sequences/youtube/c23/images/003/0000.png").touch()
    with pytest.raises(DatagenError) as caught:
        list(load_recipe(path).sources()[0].records())
    assert "root:" not in str(caught.value)
    if layout != "london":  # which lists its folder and finds no such table in it
        assert "leads outside of the root" in str(caught.value)


@pytest.mark.parametrize(
    "content",
    ["password: hunter2\n", "machine x login y password hunter2\n", "[default]\nkey=hunter2\n",
     "- hunter2\n", "a: b: hunter2\n", "\x1b: hunter2", "root:x:0:0:hunter2:/root:/bin/bash\n"],
)  # fmt: skip
def test_what_is_no_card_is_not_quoted(tmp_path: Path, content: str) -> None:
    path = write(tmp_path, card="notes.txt")
    (tmp_path / "notes.txt").write_text(content)
    with pytest.raises(CardError) as caught:
        load_recipe(path)
    assert "notes.txt" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_the_option_reaches_every_command(tmp_path: Path) -> None:
    path = write(outside(tmp_path), card="../other/faces.yaml")
    assert run(["validate", str(path)]) == 2
    (path.parent / "images" / "faces.csv").write_text("image,identity\na.jpg,anna\n")
    for command in (["validate"], ["index", "--inline"], ["plan", "--inline"]):
        assert run([command[0], str(path), *command[1:], "--allow-outside"]) in (0, 2)


def test_odd_names_of_images_stay_images(tmp_path: Path) -> None:
    path = write(tmp_path)
    (tmp_path / "faces.yaml").write_text(yaml.safe_dump({**CARD, "layout": "folder"}))
    for name in ("~anna", "C:", "ben..", "$HOME"):
        (tmp_path / "images" / name).mkdir()
        (tmp_path / "images" / name / "1.jpg").write_bytes(b"x")
    (source,) = load_recipe(path).sources()
    assert [source.read(record.path) for record in source.records()] == [b"x"] * 4
