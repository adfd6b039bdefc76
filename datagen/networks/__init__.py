"""Neural networks: opened from weight cards and run in batches, with face alignment."""
