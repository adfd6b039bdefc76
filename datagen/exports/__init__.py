"""Copies of a release in the forms that other tools read."""
