"""Prompts as data: one YAML file each, with the published text, its source, and how the reply is read."""
