"""Gates: limits on metrics, with three outcomes."""
