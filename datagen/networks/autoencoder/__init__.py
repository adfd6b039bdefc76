"""The autoencoder of the first deepfakes: a shared encoder and a decoder per identity."""
