"""Alignment of a face to the template of a network, and the way back."""
