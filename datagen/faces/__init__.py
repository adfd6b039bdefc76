"""Faces: the index, analyzers, crops, landmarks, masks, and operations on geometry and pixels."""
