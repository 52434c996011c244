"""Ranking with a language model: a flow (what to show next) x a judge (how to ask and to read) x a backend."""
