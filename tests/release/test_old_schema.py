"""Releases of an older manifest schema are named and refused, or made again; never misread."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from datagen.errors import ReleaseError
from datagen.release import Folder, ShardWriter, is_whole, read_commit
from datagen.release.reader import Release
from datagen.release.record import ReleaseInfo, claim_folder
from datagen.release.schema import MANIFEST, SCHEMA_VERSION
from datagen.release.verify import verify
from tests.support.releases import GOOD

DIGEST = "d" * 64


def _info(digest: str = DIGEST) -> ReleaseInfo:
    return ReleaseInfo("small", 1, digest, "i" * 64, {}, "name: small\n", {})


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A half-made release of this schema with one shard."""
    made = Folder(str(tmp_path / "out"))
    claim_folder(made, _info(), {"train-000000": 1})
    with ShardWriter(made, GOOD, "s"):
        pass
    return made


def test_a_half_made_release_of_this_schema_is_continued(folder: Folder) -> None:
    claim_folder(folder, _info(), {"train-000000": 1})
    commit = read_commit(folder, "train-000000")
    assert commit is not None
    assert (commit.schema, is_whole(folder, commit)) == (SCHEMA_VERSION, True)
    assert MANIFEST.metadata == {b"datagen.schema": str(SCHEMA_VERSION).encode()}


def test_a_half_made_release_of_schema_1_is_refused_though_its_digest_agrees(
    folder: Folder,
) -> None:
    # Version 1 wrote the digest alone.
    folder.write("recipe.yaml", f"# recipe digest: {DIGEST}\nname: small\n".encode())
    before = folder.names()
    with pytest.raises(ReleaseError) as caught:
        claim_folder(folder, _info(), {"train-000000": 1})
    assert str(caught.value) == (
        f"{folder} holds a release with manifest schema 1; this datagen writes schema "
        f"{SCHEMA_VERSION}, and the two cannot be mixed. Choose a new folder"
    )
    assert caught.value.path == folder.address
    assert folder.names() == before


def test_a_release_of_another_recipe_is_refused(folder: Folder) -> None:
    with pytest.raises(ReleaseError, match="holds a release of another recipe"):
        claim_folder(folder, _info("e" * 64), {})


@pytest.mark.parametrize("schema", [None, 1, SCHEMA_VERSION + 1])
def test_a_shard_of_another_schema_is_made_again(folder: Folder, schema: int | None) -> None:
    name = "commits/train-000000.json"
    body = json.loads(folder.read(name))
    body["schema"] = schema
    if schema is None:
        del body["schema"]
    folder.write(name, json.dumps(body).encode())
    assert read_commit(folder, "train-000000") is None


@pytest.mark.parametrize("schema", [1, SCHEMA_VERSION + 1, None, "2"])
def test_a_finished_release_of_another_schema_is_refused(folder: Folder, schema: object) -> None:
    folder.write("release.json", json.dumps({"schema": schema, "files": {}}).encode())
    with pytest.raises(ReleaseError) as caught:
        Release(folder)
    assert str(caught.value).startswith(
        f"{folder}/release.json has schema version {schema!r}; this datagen reads version "
        f"{SCHEMA_VERSION}. Generate the release anew"
    )
    assert caught.value.key == "schema"
    assert list(verify(folder)) == [str(caught.value)]
