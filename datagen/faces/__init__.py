"""Faces: crops, landmarks, analyzers and the index."""
