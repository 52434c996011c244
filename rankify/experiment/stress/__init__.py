"""What is left of a pipeline's effectiveness when queries and documents change, and whether attacks on it succeed."""

from __future__ import annotations

from rankify.experiment.stress.execute import stress
from rankify.experiment.stress.outcome import Outcome

__all__ = ["Outcome", "stress"]
