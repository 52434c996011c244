"""The report of an experiment: one HTML page that needs no network, with every question on it."""
