"""Encoders: from texts to vectors and from pairs of texts to scores, with one scheduler of batches for all."""
