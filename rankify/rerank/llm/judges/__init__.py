"""Judges, one file a way of reading: a permutation, labels, a label, a pair, a relevance, the query's likelihood."""
