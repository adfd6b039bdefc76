"""Diffusion pipelines and autoencoders of the diffusers library."""
