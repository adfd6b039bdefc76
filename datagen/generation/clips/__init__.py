"""Clip pairs: what a still pair is, for every frame of a clip, with one draw for all of them."""
