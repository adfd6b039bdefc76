"""Folders of strangers: what they name is refused before a library reads it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from datagen.errors import WeightsError
from datagen.networks.diffusion.folder import (
    autoencoder_folder,
    check_pipeline_folder,
    has_safety_checker,
)
from datagen.weights import WeightCard
from datagen.weights.catalog import shipped_weight_cards
from datagen.weights.store import weight_store

KIND = "StableDiffusionPipeline"


@pytest.fixture
def card() -> WeightCard:
    cards = map(weight_store().card, shipped_weight_cards())
    return next(card for card in cards if card.form == "diffusers")


@pytest.mark.parametrize(
    "changes",
    [
        {"_class_name": ["pipeline.py", KIND]},
        {"_class_name": {}},
        {"_class_name": None},
        {"unet": ["my_unet", "Unet"]},
        {"unet": [["diffusers"], "Unet"]},
        {"unet": ["diffusers", {"a": 1}]},
        {"unet": ["os", "system"]},
        {"unet": ["diffusers"]},
        {"../unet": ["diffusers", "UNet2DConditionModel"]},
        {"/unet": ["diffusers", "UNet2DConditionModel"]},
        {"": ["diffusers", "UNet2DConditionModel"]},
    ],
    ids=str,
)
def test_an_index_that_names_code_or_other_folders_is_refused(
    tmp_path: Path, card: WeightCard, changes: dict[str, Any]
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "unet").mkdir()
    index = {"_class_name": KIND, **changes}
    (tmp_path / "model" / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(WeightsError, match=r"model_index\.json: "):
        check_pipeline_folder(tmp_path / "model", card, KIND)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 50_000, "NaN", "9" * 5000, "\x00", "[]"])
def test_hostile_json_is_refused(tmp_path: Path, card: WeightCard, text: str) -> None:
    for name in ("model_index.json", "config.json"):
        (tmp_path / name).write_text(text)
    with pytest.raises(WeightsError, match=r"model_index\.json: .* get it again from"):
        check_pipeline_folder(tmp_path, card, KIND)
    (tmp_path / "model_index.json").unlink()
    with pytest.raises(WeightsError, match=r"config\.json: .* get it again from"):
        autoencoder_folder(tmp_path, card, "AutoencoderKL")


@pytest.mark.parametrize(
    "header",
    [b"[" * 100_000, b'{"a": NaN}', b'{"a": {"data_offsets": [0, "x"]}}', b"[]", b'{"a": 1}'],
)
def test_a_hostile_header_of_safetensors_is_refused(
    tmp_path: Path, card: WeightCard, header: bytes
) -> None:
    (tmp_path / "config.json").write_text('{"_class_name": "AutoencoderKL"}')
    path = tmp_path / "model.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(WeightsError, match="is truncated, or not a safetensors file"):
        autoencoder_folder(tmp_path, card, "AutoencoderKL")


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, False), ([None, None], False), (["a", "b"], True), ("x", True), (3, True), ([], False)],
)
def test_a_safety_checker_counts_as_one_in_any_form(
    tmp_path: Path, value: Any, expected: bool
) -> None:
    (tmp_path / "model_index.json").write_text(json.dumps({"safety_checker": value}))
    assert has_safety_checker(tmp_path) is expected
