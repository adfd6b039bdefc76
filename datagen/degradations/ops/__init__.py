"""Pixel operations that several degradations share."""
