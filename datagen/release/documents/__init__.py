"""The documents of a release: croissant and dataset card."""
