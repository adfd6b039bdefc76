"""Alignment of a face with a network's template, and pasting its output back."""
