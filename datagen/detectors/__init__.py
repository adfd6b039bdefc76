"""Detectors over releases: score with one, train the baseline detector."""
