"""Files of network weights: where they come from, what they must be, what they permit."""

from datagen.weights.card import WeightCard, read_weight_card
from datagen.weights.embedder import Embedder
from datagen.weights.io_contract import Autoencoder, Diffusers, FaceInput, Network
from datagen.weights.store import WeightStore, weight_store

__all__ = [
    "Autoencoder",
    "Diffusers",
    "Embedder",
    "FaceInput",
    "Network",
    "WeightCard",
    "WeightStore",
    "read_weight_card",
    "weight_store",
]
