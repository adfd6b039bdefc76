"""Faces followed through the frames of a video: linked, cut at scene changes, smoothed."""
