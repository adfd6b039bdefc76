"""The shared-encoder autoencoder of the first deepfakes."""
