"""Foundations: arrays, images, random streams, digests, files; knows no face and no recipe."""
