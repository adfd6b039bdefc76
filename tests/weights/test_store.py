from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from datagen.core.digests import digest_of, sha256_bytes
from datagen.errors import CardError, WeightsError
from datagen.weights.store import weight_store
from tests.weights.server import CONTENT, DIGEST, Served, card

PARTS = {"config.json": b"{}", "unet/model.safetensors": b"numbers"}
FOLDER_DIGEST = digest_of({name: sha256_bytes(content) for name, content in PARTS.items()})


def _put(folder: Path, content: bytes = CONTENT, name: str = "net.onnx") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(content)
    return path


def _put_folder(folder: Path) -> Path:
    for name, content in PARTS.items():
        path = folder / "vae" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder / "vae"


def _folder_card(**changes: Any) -> Any:
    contract = {"loads": "AutoencoderKL", "size": 64}
    return card(file="vae", form="diffusers", diffusers=contract, sha256="", **changes)


def test_a_file_that_is_there_is_found_and_nobody_is_asked(folder: Path, served: Served) -> None:
    path = _put(folder)
    assert weight_store().fetch(card(address=f"{served.address}/net", size=len(CONTENT))) == path
    assert weight_store().digest(card()) == DIGEST
    assert served.asked == []


def test_a_missing_file_without_address_says_which_where_and_license(folder: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        weight_store().fetch(card())
    for part in ("'net.onnx'", "A network", str(folder), "LicenseRef-Research", "example.org/net"):
        assert part in str(caught.value)


def test_a_missing_file_has_no_digest_and_is_not_fetched_for_one(
    folder: Path, served: Served
) -> None:
    with pytest.raises(WeightsError, match=rf"not in {folder}.*'datagen weights pull net'"):
        weight_store().digest(card(address=f"{served.address}/net"))
    assert served.asked == []


def test_a_local_file_with_another_digest_is_refused_and_kept(folder: Path) -> None:
    path = _put(folder, b"other")
    with pytest.raises(WeightsError) as caught:
        weight_store().fetch(card())
    for part in (str(path), hashlib.sha256(b"other").hexdigest(), DIGEST, "Remove it"):
        assert part in str(caught.value)
    assert path.read_bytes() == b"other"
    assert weight_store().digest(card()) == hashlib.sha256(b"other").hexdigest()


@pytest.mark.parametrize(("kept", "words"), [(100, "is incomplete"), (7100, "is too long")])
def test_a_file_of_another_size_is_refused_before_it_is_read(
    folder: Path, kept: int, words: str
) -> None:
    path = _put(folder, (CONTENT + CONTENT)[:kept])
    with pytest.raises(WeightsError) as caught:
        weight_store().fetch(card(size=len(CONTENT)))
    for part in (str(path), words, f"{kept} bytes", str(len(CONTENT)), "datagen weights pull net"):
        assert part in str(caught.value)


def test_a_local_file_of_unknown_digest_is_taken(folder: Path) -> None:
    path = _put(folder, b"other")
    assert weight_store().fetch(card(sha256="")) == path


def test_the_digest_of_a_folder_is_that_of_its_names_and_files(folder: Path) -> None:
    path = _put_folder(folder)
    assert weight_store().fetch(_folder_card()) == path
    assert weight_store().digest(_folder_card()) == FOLDER_DIGEST
    (path / ".cache").mkdir()
    (path / ".cache" / "note").write_text("a downloader was here")
    (path / ".gitattributes").write_text("")
    assert weight_store().digest(_folder_card()) == FOLDER_DIGEST
    (path / "unet" / "more.txt").write_text("")
    assert weight_store().digest(_folder_card()) != FOLDER_DIGEST


def test_a_file_of_a_folder_that_moves_makes_another_digest(folder: Path) -> None:
    path = _put_folder(folder)
    (path / "unet" / "model.safetensors").rename(path / "model.safetensors")
    assert weight_store().digest(_folder_card()) != FOLDER_DIGEST


def test_a_folder_of_another_digest_or_size_is_refused(folder: Path) -> None:
    _put_folder(folder)
    right = _folder_card().model_copy(update={"sha256": FOLDER_DIGEST, "size": 9})
    assert weight_store().fetch(right).name == "vae"
    with pytest.raises(WeightsError, match=f"sha256 is {FOLDER_DIGEST}, but the card says 0000"):
        weight_store().fetch(right.model_copy(update={"sha256": "0" * 64}))
    with pytest.raises(WeightsError, match="9 bytes, but the card of A network says 10"):
        weight_store().fetch(right.model_copy(update={"size": 10}))


def test_a_file_in_the_place_of_a_folder_is_refused_and_the_other_way_round(folder: Path) -> None:
    _put(folder, name="vae")
    with pytest.raises(WeightsError, match=r"vae is a file; .* of form 'diffusers' are a folder"):
        weight_store().fetch(_folder_card())
    (folder / "net.onnx").mkdir()
    with pytest.raises(WeightsError, match=r"net\.onnx is a folder; .* of form 'onnx' are a file"):
        weight_store().fetch(card())


def test_an_empty_folder_holds_no_weights(folder: Path) -> None:
    (folder / "vae").mkdir(parents=True)
    with pytest.raises(WeightsError, match="no weights in this folder"):
        weight_store().fetch(_folder_card())


@pytest.mark.parametrize("place", ["buffalo_l", "models/buffalo_l"])
def test_a_pack_lies_in_models_or_beside_it_and_only_its_networks_count(
    folder: Path, place: str
) -> None:
    pack = card(form="insightface", file="buffalo_l", sha256="")
    (folder / "models" / "buffalo_l").mkdir(parents=True)
    assert weight_store().find(pack) is None
    _put(folder / place, b"det", "det.onnx")
    assert weight_store().fetch(pack) == folder / place
    digest = weight_store().digest(pack)
    assert digest == digest_of({"det.onnx": sha256_bytes(b"det")})
    _put(folder / place, b"bought", "MODEL.LICENSE")
    assert weight_store().digest(pack) == digest


def test_a_missing_pack_is_never_fetched(folder: Path, served: Served) -> None:
    pack = card(form="insightface", file="buffalo_l", address=f"{served.address}/net")
    with pytest.raises(WeightsError) as caught:
        weight_store().fetch(pack)
    for part in ("not downloaded for you", "example.org/net", f"{folder}/models/buffalo_l"):
        assert part in str(caught.value)
    assert served.asked == []


def test_what_training_made_may_be_a_file_or_a_folder(folder: Path) -> None:
    made = card(form="datagen", file="pair", sha256="")
    path = _put(folder, name="pair")
    assert weight_store().fetch(made) == path
    path.unlink()
    _put(path, name="decoder.safetensors")
    assert weight_store().fetch(made) == path


def test_the_folder_is_named_by_the_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert weight_store().folder == folder
    monkeypatch.delenv("DATAGEN_WEIGHTS")
    assert weight_store().folder == Path.home() / ".cache" / "datagen" / "weights"


def test_a_check_gives_the_digest(folder: Path) -> None:
    assert weight_store().check(card(), _put(folder)) == DIGEST


def test_a_file_that_cannot_be_read_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _put(folder)

    def refuse(path: Path) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("datagen.weights.digest.sha256_file", refuse)
    with pytest.raises(WeightsError, match=rf"{path}: cannot be read: .*Permission denied"):
        weight_store().fetch(card())


def test_a_broken_link_is_no_file(folder: Path) -> None:
    folder.mkdir(parents=True)
    os.symlink(folder / "elsewhere", folder / "net.onnx")
    assert weight_store().find(card()) is None


@pytest.mark.parametrize(
    "name", ["../../secret", "../secret", "{folder}/../secret", "x" * 300, "a\0b", "..", "", "A"]
)
def test_no_file_is_looked_for_under_a_name_that_is_no_id(folder: Path, name: str) -> None:
    # A recipe says `weights: ../../secret`, and any YAML file of the machine was read.
    (folder / "cards").mkdir(parents=True, exist_ok=True)
    for place in (folder, folder.parent):
        (place / "secret.yaml").write_text("id: only its owner reads this\n")
    store = weight_store()
    with pytest.raises(CardError, match="is no id of a weight card") as error:
        store.card(name.format(folder=folder))
    assert "only its owner" not in str(error.value)
    assert len(str(error.value)) < 400
    assert not store.is_own(name)
