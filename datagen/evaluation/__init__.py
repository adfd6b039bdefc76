"""Scores of a detector over a release: metrics with intervals, gates and a report for CI."""
