"""Files of network weights: where they come from, what they must be, what they permit."""

from datagen.weights.card import WeightCard, read_weight_card
from datagen.weights.catalog import known_weight_cards, load_weight_card
from datagen.weights.io_contract import Diffusers, FaceInput, Network
from datagen.weights.store import find_weights, local_weights, weights_digest, weights_folder

__all__ = [
    "Diffusers",
    "FaceInput",
    "Network",
    "WeightCard",
    "find_weights",
    "known_weight_cards",
    "load_weight_card",
    "local_weights",
    "read_weight_card",
    "weights_digest",
    "weights_folder",
]
