"""The evaluation report in every format."""
