"""Training: losses that teach a model to rank."""
