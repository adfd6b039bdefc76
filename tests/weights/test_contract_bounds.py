"""Numbers and names of contracts are those of a network, whoever wrote the card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from datagen.errors import CardError
from datagen.weights.card import read_weight_card

FACE = {"template": "arcface_112_v2", "size": 112}
EMBEDDER = {"box": 1.5, "size": 112, "values": [0, 255], "input": "a", "output": "b"}
EMBEDDER |= {"length": 128, "match": 0.4}


def card(folder: Path, **changes: Any) -> Path:
    path = folder / "card.yaml"
    body = {"id": "own", "title": "Mine", "file": "own.onnx", "license": "MIT"}
    path.write_text(yaml.safe_dump(body | changes), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"values": [-1e308, 1e308]}, r"embedder\.values"),
        ({"values": [0, 1e-300]}, r"embedder\.values"),
        ({"values": [1, 0]}, r"embedder\.values: expected \[low, high\]"),
        ({"input": "a\nb"}, r"embedder\.input: must be one line"),
        ({"output": "b" * 5000}, r"embedder\.output: .*at most 200 characters"),
    ],
)
def test_an_embedder_of_no_network_is_refused(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    assert read_weight_card(card(tmp_path, embedder=EMBEDDER)).embedder is not None
    with pytest.raises(CardError, match=words):
        read_weight_card(card(tmp_path, embedder=EMBEDDER | changes))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"face": {**FACE, "mean": [1e308]}}, r"network\.face\.mean"),
        ({"face": {**FACE, "std": [1e-300]}}, r"network\.face\.std"),
        ({"face": {**FACE, "std": [1e300]}}, r"network\.face\.std"),
        ({"face": {**FACE, "std": [0]}}, r"network\.face\.std"),
        ({"face": {**FACE, "name": "a" * 5000}}, r"network\.face\.name: .*at most 200"),
        ({"output": [-1e308, 1e308]}, r"network\.output"),
        ({"output": [0, 1e-300]}, r"network\.output"),
        ({"fixed": {"w": 1e308}}, r"network\.fixed"),
        ({"fixed": {"a\nb": 1.0}}, r"network\.fixed"),
        ({"fixed": {f"w{number}": 1.0 for number in range(100)}}, r"network\.fixed"),
        ({"output_name": "a\rb"}, r"network\.output_name: must be one line"),
        ({"task": "swap", "identity": "embedding", "embedder": "a\nb"}, r"network\.embedder"),
    ],
)
def test_a_contract_of_no_network_is_refused(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    network = {"task": "edit", "face": {**FACE, "mean": [0.485, 0.456, 0.4], "std": [1 / 255]}}
    assert read_weight_card(card(tmp_path, network=network)).network is not None
    with pytest.raises(CardError, match=words):
        read_weight_card(card(tmp_path, network=network | changes))
