"""Files of network weights: where they come from, what they must be, what they permit."""

from datagen.weights.card import WeightCard, load_weight_card
from datagen.weights.files import find_weights, weights_folder

__all__ = ["WeightCard", "find_weights", "load_weight_card", "weights_folder"]
