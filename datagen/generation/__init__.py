"""From a plan to committed shards."""
