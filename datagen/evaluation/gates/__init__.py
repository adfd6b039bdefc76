"""Gates: the limits a detector must keep."""
