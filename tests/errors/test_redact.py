"""What is shown holds no credentials, and what is written names no places of a user."""

from __future__ import annotations

import pickle

import pytest

from datagen.errors import ItemError, RecipeError
from datagen.errors.redact import is_absolute, portable, redacted
from tests.support.ends import ends_soon

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("s3://KEY:hunter2@bucket/faces", "s3://***@bucket/faces"),
        ("s3://KEY:hun/ter2+x@bucket/faces: gone", "s3://***@bucket/faces: gone"),
        ("http://user:hunter2@host:80/x", "http://***@host:80/x"),
        ("http://u:1234@host", "http://***@host"),
        ("recipeshttp:/u:hunter2@host/x", "recipeshttp:/***@host/x"),
        ("redis://:hunter2@host", "redis://***@host"),
        ("'https://x/y?X-Amz-Signature=hunter2&a=1'", "'https://x/y?X-Amz-Signature=***&a=1'"),
        ("https://x/y?token=hunter2&a=1", "https://x/y?token=***&a=1"),
        ("https://x/y?sig=hunter2 and more", "https://x/y?sig=*** and more"),
        ("cmd: prog --token=hunter2 {paths}", "cmd: prog --token=*** {paths}"),
        ("prog --api-key 'hunter2 x' -v", "prog --api-key *** -v"),
        ("prog --db-password hunter2", "prog --db-password ***"),
        ("HF_TOKEN=hunter2 prog", "HF_TOKEN=*** prog"),
        ("Authorization: Bearer hunter2", "Authorization: Bearer ***"),
    ],
)
def test_credentials_are_hidden_and_the_rest_stays(text: str, shown: str) -> None:
    assert redacted(text) == shown
    assert redacted(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "https://host:8080/a@b",
        "https://example.org/@user/page",
        "set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN",
        "prog --authors bob --keys 3",
        "Option '--token' requires an argument.",
        "mail me@example.org",
        "sources[0].root: must be a folder",
    ],
)
def test_what_is_no_credential_stays(text: str) -> None:
    assert redacted(text) == text


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("/home/me/data/faces", "…/faces"),
        ("~/data/faces", "…/faces"),
        ("~me/ages.csv", "…/ages.csv"),
        ("file:///home/me/ages.csv", "…/ages.csv"),
        (r"C:\Users\me\ages.csv", "…/ages.csv"),
        ("image 'a/b.jpg' at /data/x/y.jpg: bad", "image 'a/b.jpg' at …/y.jpg: bad"),
        ("cmd: /usr/bin/prog --net=/home/me/w.pt", "cmd: …/prog --net=…/w.pt"),
        ({"/home/me/plugin.py": ["s3://K:S@b/x"]}, {"…/plugin.py": ["s3://***@b/x"]}),
    ],
)
def test_places_of_a_user_are_not_written(value: object, written: object) -> None:
    assert portable(value) == written
    assert portable(written) == written


@pytest.mark.parametrize(
    "value",
    ["${DATAGEN_LONDON}/faces", "../a/b", "a/b/c", "s3://bucket/a/b", "he/she", "/", "1/2 /3", 7],
)
def test_what_names_no_place_is_written_as_it_is(value: object) -> None:
    assert portable(value) == value


def test_errors_hide_credentials_in_message_and_attributes() -> None:
    error = RecipeError(f"s3://K:{SECRET}@b: no", path=f"s3://K:{SECRET}@b/x", key="a")
    for found in (error, pickle.loads(pickle.dumps(error))):
        assert SECRET not in f"{found} {found!r} {found.path}"
        assert found.key == "a"
    item = ItemError("bad", f"http://u:{SECRET}@h")
    assert SECRET not in f"{item} {item!r} {item.detail}"


def test_absolute_paths_of_all_systems_are_known() -> None:
    assert all(map(is_absolute, ["/a", "~/a", "C:/a", r"\\host\a", "file:///a"]))
    assert not any(map(is_absolute, ["a/b", "../a", "s3://a/b", "${A_ROOT}/b"]))


@pytest.mark.parametrize(
    "text", ["://", "a:@", "-token ", "/a", "http://", "token", "~/", "http://a:b@", "=", "?key="]
)
def test_long_texts_take_no_time(text: str) -> None:
    with ends_soon():
        portable(text * (200_000 // len(text)))
        portable("http://" + text * (200_000 // len(text)))
