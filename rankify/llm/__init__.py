"""Language models, seen from the algorithms that ask them: one protocol, one file a backend."""
