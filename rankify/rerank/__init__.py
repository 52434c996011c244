"""Rerankers: from a run to the same documents in a better order, one file a method."""
