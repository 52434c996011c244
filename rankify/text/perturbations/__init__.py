"""Texts changed as users, noise and attackers change them, each change drawn from a seeded generator."""

from __future__ import annotations

from rankify.text.perturbations.kinds import DocumentPerturbation, Perturbation, QueryPerturbation, generator, several

__all__ = ["DocumentPerturbation", "Perturbation", "QueryPerturbation", "generator", "several"]
