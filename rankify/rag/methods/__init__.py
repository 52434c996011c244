"""Methods of answering with a language model, one file a kind."""
