"""Foundations: arrays, images, random streams, digests, files; without faces and recipes."""
