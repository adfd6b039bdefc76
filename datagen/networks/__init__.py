"""Networks that make faces: opened from weight cards, fed in batches, pasted back."""
