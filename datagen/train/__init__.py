"""Training of networks that only this project makes: the autoencoder of the first deepfakes."""
