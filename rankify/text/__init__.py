"""Text to terms: the analysis that sparse retrieval, extractive reading and highlighting share."""
