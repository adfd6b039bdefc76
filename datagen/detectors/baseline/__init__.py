"""The baseline detector: fixed features and a ridge regression."""
