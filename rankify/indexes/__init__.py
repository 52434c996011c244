"""Indexes: what finds the best documents for a query's weights or vector, and what is said of them on disk."""
