"""Training of networks on the licensed faces of a recipe's sources."""
