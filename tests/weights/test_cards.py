from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from datagen.errors import CardError, WeightsError
from datagen.rights import Purpose, license_of, weight_terms
from datagen.weights.catalog import shipped_weight_cards
from datagen.weights.store import weight_store
from tests.support.ends import ends_soon
from tests.weights.server import card

SHIPPED = shipped_weight_cards()
RESEARCH = Purpose(use="research")

# What may be done with what each makes; a card whose answer changes must be looked at again.
PURPOSES = {
    "codeformer": "research redistribute",
    "gfpgan_1_4": "research redistribute",
    "ghost_3_256": "research commercial redistribute",
    "gpen_bfr_512": "research",
    "hififace_256": "",
    "hyperswap_1a_256": "research",
    "insightface_buffalo_l": "research",
    "inswapper_128": "research",
    "sd15_inpaint": "research commercial redistribute",
    "sdxl_inpaint": "research commercial redistribute",
    "simswap_256": "research redistribute",
    "uniface_256": "",
}


def test_the_common_networks_have_cards() -> None:
    swaps = {"inswapper_128", "simswap_256", "hififace_256", "uniface_256", "blendswap_256"}
    swaps |= {f"ghost_{n}_256" for n in (1, 2, 3)} | {f"hyperswap_1{v}_256" for v in "abc"}
    enhancers = {"gfpgan_1_4", "codeformer", "gpen_bfr_512", "restoreformer_plus_plus"}
    packs = {"insightface_buffalo_l", "insightface_buffalo_s", "insightface_antelopev2"}
    diffusion = {"sd15", "sd15_inpaint", "sdxl_inpaint", "ddpm_celebahq_256"}
    diffusion |= {"sd_vae_ft_mse", "sdxl_vae", "taesd", "taesdxl", "flux1_vae"}
    assert swaps | enhancers | packs | diffusion | {"mediapipe_face_landmarker"} <= set(SHIPPED)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_card_says_where_from_and_under_which_terms(name: str) -> None:
    found = weight_store().card(name)
    assert found.homepage.startswith("https://")
    assert found.citation
    assert found.permits is None  # that is for the user to state
    assert len(found.sha256) in (0, 64)
    assert (found.size is None) == (not found.sha256)
    assert found.notes or (found.address and found.sha256)
    if found.license != "unknown":
        assert license_of(found.license).research is True


@pytest.mark.parametrize("name", SHIPPED)
def test_a_download_is_pinned_or_not_made_by_itself(name: str) -> None:
    found = weight_store().card(name)
    if found.address and not found.sha256:
        assert "is not downloaded automatically" in found.notes
    if found.hub is not None:
        assert len(found.hub.revision) == 40
        assert found.hub.files
        assert not any(pattern.endswith((".bin", ".ckpt", "*")) for pattern in found.hub.files)
    if found.form == "insightface":
        assert not found.address
        assert found.hub is None


@pytest.mark.parametrize("name", SHIPPED)
def test_what_a_card_leans_on_ships_too(name: str) -> None:
    network = weight_store().card(name).network
    if network is None:
        return
    for other, task in ((network.embedder, "embed"), (network.converter, "convert")):
        if other:
            leaned = weight_store().card(other).network
            assert leaned is not None
            assert leaned.task == task


@pytest.mark.parametrize(("name", "purposes"), PURPOSES.items())
def test_the_purposes_of_the_shipped_cards(name: str, purposes: str) -> None:
    assert weight_terms(weight_store().card(name), RESEARCH).purposes() == purposes.split()


def test_an_unknown_card_gets_the_near_one() -> None:
    with pytest.raises(CardError, match="Did you mean 'mediapipe_face_landmarker'"):
        weight_store().card("mediapipe_face_landmarks")


def test_the_name_of_a_cards_file_is_its_id(folder: Path) -> None:
    (folder / "cards").mkdir(parents=True)
    text = "id: other\ntitle: Mine\nfile: x.onnx\nlicense: MIT\n"
    (folder / "cards" / "mine.yaml").write_text(text)
    with pytest.raises(CardError, match="id is 'other', but the file is named 'mine'"):
        weight_store().card("mine")


@pytest.mark.parametrize(
    "change",
    [
        {"file": "../x"},
        {"file": ".."},
        {"file": ".hidden"},
        {"sha256": "12"},
        {"size": 0},
        {"license": ""},
        {"address": "file:///etc/passwd"},
        {"hub": {"repo": "a/b", "subfolder": "../up"}},
    ],
)
def test_a_wrong_card_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        card(**change)


def test_a_pipe_among_the_cards_is_not_waited_for(folder: Path) -> None:
    (folder / "cards").mkdir(parents=True, exist_ok=True)
    os.mkfifo(folder / "cards" / "net.yaml")
    with pytest.raises(CardError, match=r"net\.yaml: not a regular file"):
        weight_store().card("net")


def test_a_card_without_end_is_not_read_whole(folder: Path) -> None:
    path = folder / "cards" / "net.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(64 << 30)
    with ends_soon(), pytest.raises(CardError, match="too long for a YAML file"):
        weight_store().card("net")


def test_a_pipe_in_the_place_of_a_file_is_refused(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    os.mkfifo(folder / "net.onnx")
    for ask in (weight_store().fetch, weight_store().digest):
        with pytest.raises(WeightsError, match="is no regular file"):
            ask(card(sha256=""))
