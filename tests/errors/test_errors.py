from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from datagen import errors
from datagen.errors import DatagenError, ItemError, MissingExtraError, UserError, one_per_line

USER = {
    "ContractError",
    "DetectorError",
    "DeviceError",
    "CardError",
    "EngineError",
    "MissingExtraError",
    "RecipeError",
    "ReleaseError",
    "RightsError",
    "ScoresError",
    "SourceError",
    "UserError",
    "WeightsError",
}
OURS = {"DatagenError", "ImageError", "ItemError", "RunError", "SourceChangedError", "VideoError"}


def _made(name: str) -> DatagenError:
    kind = getattr(errors, name)
    if kind is MissingExtraError:
        return MissingExtraError("mediapipe", "mediapipe", "analyzer 'mediapipe'")
    if kind is ItemError:
        return ItemError("no_donor", "nobody is left")
    made: DatagenError = kind("what happened")
    return made


def test_the_list_is_whole() -> None:
    assert set(errors.__all__) == USER | OURS


@pytest.mark.parametrize("name", sorted(USER | OURS))
def test_survives_pickling(name: str) -> None:
    made = _made(name)
    again = pickle.loads(pickle.dumps(made))
    assert type(again) is type(made)
    assert str(again) == str(made)
    assert str(made)
    assert {k: v for k, v in vars(again).items() if k[0] != "_"} == {
        k: v for k, v in vars(made).items() if k[0] != "_"
    }


@pytest.mark.parametrize("name", sorted((USER | OURS) - {"MissingExtraError"}))
def test_says_where_to_programs_and_keeps_the_message(name: str) -> None:
    kind = getattr(errors, name)
    made = kind("what happened", path=Path("a.yaml"), key="methods[0].name", row=3)
    again = pickle.loads(pickle.dumps(made))
    assert str(again) == str(made) == "what happened"
    assert (again.path, again.key, again.row) == ("a.yaml", "methods[0].name", 3)
    assert (kind("x").path, kind("x").key, kind("x").row) == (None, None, None)


@pytest.mark.parametrize("name", sorted(USER | OURS))
def test_exit_code_says_who_must_act(name: str) -> None:
    made = _made(name)
    assert made.exit_code == (2 if name in USER else 1)
    assert isinstance(made, UserError) == (name in USER)
    assert isinstance(made, DatagenError)


def test_an_item_error_keeps_code_and_detail() -> None:
    again = pickle.loads(pickle.dumps(ItemError("no_donor", "nobody")))
    assert (again.code, again.detail, str(again)) == ("no_donor", "nobody", "no_donor: nobody")
    assert str(ItemError("no_donor")) == "no_donor"


def test_a_missing_extra_says_how_to_install_it() -> None:
    message = str(MissingExtraError("onnxruntime", "insightface", "analyzer 'insightface'"))
    assert message == (
        "analyzer 'insightface' needs the package 'onnxruntime', which is not installed. "
        "Install it with: pip install 'datagen[insightface]'"
    )


def test_one_per_line() -> None:
    assert one_per_line("wrong:", ["a", "b"]) == "wrong:\n  - a\n  - b"
    assert one_per_line("wrong:", []) == "wrong:"
