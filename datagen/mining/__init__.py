"""Hard-example mining: the next recipe, reweighted toward a detector's failures."""
