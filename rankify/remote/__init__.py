"""How to ask somebody else's server, whatever it offers: language models, embeddings, stores, search."""
