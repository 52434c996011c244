"""Runs on BEIR as a submission: what is checked, what is said of the model, the zip file, and MTEB's results."""
