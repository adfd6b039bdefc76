"""Faces: crops, landmarks, analysers and the index."""
