"""Files of network weights: where they come from, what they must be, what they permit."""

from datagen.weights.card import WeightCard, read_weight_card
from datagen.weights.io_contract import Diffusers, FaceInput, Network
from datagen.weights.store import WeightStore, weight_store

__all__ = [
    "Diffusers",
    "FaceInput",
    "Network",
    "WeightCard",
    "WeightStore",
    "read_weight_card",
    "weight_store",
]
