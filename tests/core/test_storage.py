"""Errors of storage: what the user must change is said, with the address."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from datagen.cli.main import run
from datagen.core.storage import open_storage
from datagen.errors import UserError
from tests.support.world import World


@pytest.fixture
def no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    import s3fs

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    s3fs.S3FileSystem.clear_instance_cache()
    yield
    s3fs.S3FileSystem.clear_instance_cache()


def test_missing_credentials_are_the_users_to_set(
    no_credentials: None, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["generate", str(world.recipe), "-o", "s3://bucket/out", "--inline"]) == 2
    told = capsys.readouterr().err
    assert "s3://bucket/out" in told
    assert "AWS_ACCESS_KEY_ID" in told


def test_storage_that_does_not_answer_is_worth_a_rerun(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert run(["verify", "s3://bucket/out"]) == 1
    assert "storage s3://bucket/out" in capsys.readouterr().err
    s3fs.S3FileSystem.clear_instance_cache()


class Odd(Exception):
    """An error of a library that fsspec passes on."""


class AuthFailed(Odd):
    """One that a rerun does not mend."""


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (AuthFailed("who"), UserError),
        (Odd("later"), ConnectionError),
        (PermissionError("no"), UserError),
        (FileNotFoundError("bucket"), UserError),
        (OSError("full"), OSError),
        (TypeError("a bug"), TypeError),
    ],
)
def test_each_kind_of_error_becomes_one_that_says_what_to_do(
    raised: Exception, expected: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    storage, path = open_storage("memory://out")

    def fails(*args: object) -> None:
        raise raised

    monkeypatch.setattr(storage._filesystem, "pipe_file", fails)
    with pytest.raises(expected) as caught:
        storage.pipe_file(path, b"")
    assert type(caught.value) is expected


def test_files_that_do_not_exist_stay_what_they_are() -> None:
    storage, path = open_storage("memory://nothing")
    with pytest.raises(FileNotFoundError):
        storage.cat_file(path)


def test_an_absent_package_is_named() -> None:
    with pytest.raises(UserError, match="adlfs"):
        open_storage("abfs://container/out")


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="nope"):
        open_storage("nope://out")


def test_a_path_with_two_colons_is_a_path(tmp_path: Path) -> None:
    folder = tmp_path / "faces::2024" / "zip::x"
    folder.mkdir(parents=True)
    (folder / "a::b.csv").write_text("x")
    storage, path = open_storage(str(folder))
    assert storage.is_local
    assert path == str(folder)
    assert storage.cat_file(f"{path}/a::b.csv") == b"x"
