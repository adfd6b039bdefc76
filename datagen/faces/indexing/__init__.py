"""From sources to the face index."""
