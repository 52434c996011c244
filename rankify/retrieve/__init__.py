"""Retrievers: from queries to the best documents of a corpus, one file a method."""
