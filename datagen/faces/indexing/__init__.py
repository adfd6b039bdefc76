"""Construction of the face index from sources."""
