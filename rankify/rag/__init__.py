"""Readers: answers from the documents a pipeline found, with their sources."""
